internal import Calendar

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
      let start = seconds - seconds.flooredDivision(by: 3600).remainder
      return (start, start + 3600)
    case .day:
      let start = seconds - seconds.flooredDivision(by: 86_400).remainder
      return (start, start + 86_400)
    case .month:
      let today = CivilDate(daysSince1970: seconds.flooredDivision(by: 86_400).quotient)
      let first = CivilDate(today.year, today.month, 1)
      return (first.daysSince1970 * 86_400, first.firstOfNextMonth.daysSince1970 * 86_400)
    }
  }
}
