/// When something recurs, in the five fields of cron: minute, hour, day of the month, month, day of the week.
///
/// Each is `*`, a number, a range `a-b`, a step `*/n` or `a-b/n`, or a list of these; months and weekdays also have
/// their English names of three letters, and 7 is Sunday as well. Where both days are restricted, either is enough, as
/// in Vixie's cron. `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` stand for the obvious.
public struct CronExpression: Hashable, Sendable {
  /// Longest expression in bytes.
  public static let bytesMax = 200
  /// A leap day on a certain weekday recurs within 40 years at the latest.
  private static let yearsMax = 41

  private let minutes: UInt64
  private let hours: UInt64
  private let days: UInt64
  private let months: UInt64
  private let weekdays: UInt64
  private let isAnyDay: Bool
  private let isAnyWeekday: Bool
  /// Whether all hours of the day are allowed, in whatever spelling: it then goes on through the hours that a change of
  /// the clocks repeats.
  public var isEveryHour: Bool { hours == (1 << 24) - 1 }

  private struct Field {
    let name: String
    let range: ClosedRange<Int>
    let names: [String]
  }

  private static let fields = [
    Field(name: "minute", range: 0...59, names: []), Field(name: "hour", range: 0...23, names: []),
    Field(name: "day of the month", range: 1...31, names: []),
    Field(
      name: "month", range: 1...12,
      names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    Field(name: "day of the week", range: 0...7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
  ]
  private static let macros = [
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
  ]

  /// Reads an expression. Throws `CronError` with the field that is wrong, also when the expression never comes true.
  public init(_ text: String) throws(CronError) {
    guard text.utf8.count <= CronExpression.bytesMax else {
      throw CronError("At most \(CronExpression.bytesMax) bytes are allowed.")
    }
    let lower = text.lowercased()
    if lower.hasPrefix("@"), CronExpression.macros[lower] == nil {
      throw CronError("Known are \(CronExpression.macros.keys.sorted().joined(separator: ", ")).")
    }
    let parts = (CronExpression.macros[lower] ?? lower).split(whereSeparator: { $0 == " " || $0 == "\t" })
    guard parts.count == 5 else {
      throw CronError("Five fields are expected: minute, hour, day of the month, month, day of the week.")
    }
    var sets: [UInt64] = []
    for (part, field) in zip(parts, CronExpression.fields) { sets.append(try CronExpression.set(part, field)) }
    minutes = sets[0]
    hours = sets[1]
    days = sets[2]
    months = sets[3]
    weekdays = (sets[4] | sets[4] >> 7) & 0x7F
    // A field that allows everything restricts nothing, however it is spelled.
    isAnyDay = parts[2].hasPrefix("*") || parts[2] == "?" || days == 0xFFFF_FFFE
    isAnyWeekday = parts[4].hasPrefix("*") || parts[4] == "?" || weekdays == 0x7F
    guard next(after: CivilTime(2000, 1, 1)) != nil else { throw CronError("This never comes true.") }
  }

  /// The first time behind `time`; `nil` when there is none for decades.
  public func next(after time: CivilTime) -> CivilTime? {
    var year = time.year
    var month = time.month
    var day = time.day
    var isFirstDay = true
    while year <= time.year + CronExpression.yearsMax {
      if months >> UInt64(month) & 1 == 0 {
        (year, month, day) = month == 12 ? (year + 1, 1, 1) : (year, month + 1, 1)
        isFirstDay = false
        continue
      }
      while day <= CivilTime.daysIn(month, year) {
        if matches(CivilTime(year, month, day)) {
          let start = isFirstDay ? time.hour * 60 + time.minute + 1 : 0
          if let minute = firstMinute(from: start) {
            return CivilTime(year, month, day, minute / 60, minute % 60)
          }
        }
        day += 1
        isFirstDay = false
      }
      (year, month, day) = month == 12 ? (year + 1, 1, 1) : (year, month + 1, 1)
      isFirstDay = false
    }
    return nil
  }

  private func matches(_ date: CivilTime) -> Bool {
    let isDay = days >> UInt64(date.day) & 1 == 1
    let isWeekday = weekdays >> UInt64(date.weekday) & 1 == 1
    return isAnyDay || isAnyWeekday ? isDay && isWeekday : isDay || isWeekday
  }

  private func firstMinute(from start: Int) -> Int? {
    guard start < 1440 else { return nil }
    for hour in (start / 60)..<24 where hours >> UInt64(hour) & 1 == 1 {
      let first = hour == start / 60 ? start % 60 : 0
      for minute in first..<60 where minutes >> UInt64(minute) & 1 == 1 { return hour * 60 + minute }
    }
    return nil
  }

  private static func set(_ text: Substring, _ field: Field) throws(CronError) -> UInt64 {
    var set: UInt64 = 0
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      var step = 1
      if parts.count == 2 {
        guard let number = Int(parts[1]), (1...60).contains(number) else {
          throw CronError("The step of the \(field.name) must be a number from 1 to 60.")
        }
        step = number
      }
      let range: ClosedRange<Int>
      if parts[0] == "*" || parts[0] == "?" {
        range = field.range.lowerBound...(field.range.upperBound == 7 ? 6 : field.range.upperBound)
      } else {
        let ends = parts[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let first = try value(ends[0], field)
        let last = ends.count == 2 ? try value(ends[1], field) : parts.count == 2 ? field.range.upperBound : first
        guard first <= last else { throw CronError("The range \(parts[0]) of the \(field.name) runs backwards.") }
        range = first...last
      }
      for number in stride(from: range.lowerBound, through: range.upperBound, by: step) { set |= 1 << UInt64(number) }
    }
    return set
  }

  private static func value(_ text: Substring, _ field: Field) throws(CronError) -> Int {
    if let place = field.names.firstIndex(of: String(text)) { return place + field.range.lowerBound }
    guard let number = Int(text), field.range.contains(number), text.utf8.count <= 2 else {
      let names =
        field.names.isEmpty ? "" : ", or a name from \(field.names[0]) to \(field.names[field.names.count - 1])"
      throw CronError(
        "\(text.prefix(20)) is no \(field.name): \(field.range.lowerBound) to \(field.range.upperBound)\(names).")
    }
    return number
  }
}

/// An expression cannot be understood.
public struct CronError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A sentence that says what is wrong and what is allowed.
  public let description: String

  init(_ description: String) { self.description = description }
}
