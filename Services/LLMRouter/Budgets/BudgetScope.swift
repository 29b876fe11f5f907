/// What a budget is for. The raw values are part of the API.
public enum BudgetScope: String, Sendable, CaseIterable, Hashable {
  /// The whole tenant.
  case tenant
  /// A project of the tenant.
  case project
  /// A group of projects or people, as the caller names it.
  case group
  /// A single run.
  case run
  /// An agent, by name.
  case agent
  /// A tool on whose behalf a model is called, by name.
  case tool
  /// An API key or virtual key, by name.
  case key
}

/// How often a budget begins anew. The raw values are part of the API.
public enum BudgetPeriod: String, Sendable, CaseIterable, Hashable {
  /// Never: the life of a run or key.
  case total
  /// At each full hour, UTC.
  case hour
  /// At midnight, UTC.
  case day
  /// At the first of a month, UTC.
  case month

  /// The window that holds an instant, both in seconds since 1970; no end for `total`.
  public func window(at seconds: Int64) -> (start: Int64, end: Int64?) {
    switch self {
    case .total: return (0, nil)
    case .hour:
      let start = seconds - seconds.positiveRemainder(3600)
      return (start, start + 3600)
    case .day:
      let start = seconds - seconds.positiveRemainder(86_400)
      return (start, start + 86_400)
    case .month:
      let (year, month) = CivilMonth.month(ofDay: (seconds - seconds.positiveRemainder(86_400)) / 86_400)
      let next = month == 12 ? (year + 1, Int64(1)) : (year, month + 1)
      return (
        CivilMonth.firstDay(year: year, month: month) * 86_400,
        CivilMonth.firstDay(year: next.0, month: next.1) * 86_400
      )
    }
  }
}

extension Int64 {
  fileprivate func positiveRemainder(_ divisor: Int64) -> Int64 {
    let rest = self % divisor
    return rest < 0 ? rest + divisor : rest
  }
}

/// Months of the Gregorian calendar, counted in days since 1970 (the algorithm of Howard Hinnant's `days_from_civil`).
enum CivilMonth {
  static func firstDay(year: Int64, month: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  static func month(ofDay day: Int64) -> (year: Int64, month: Int64) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month)
  }
}
