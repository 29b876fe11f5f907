internal import Calendar

/// What holds behind the last transition of a time zone: a text such as `CET-1CEST,M3.5.0,M10.5.0/3`, as POSIX has it
/// for the variable TZ, with the wider times of RFC 9636.
struct RecurringZone: Sendable {
  private enum Day: Hashable, Sendable {
    /// From 1 to 365; February 29 is never counted.
    case julian(Int64)
    /// From 0 to 365.
    case ofYear(Int64)
    /// A day of a week of a month; the fifth week is the last.
    case ofMonth(month: Int64, week: Int64, weekday: Int64)
  }

  private struct Change: Hashable, Sendable {
    let day: Day
    /// Seconds of local time behind midnight.
    let seconds: Int64

    /// As if local time were UTC.
    func local(in year: Int64) -> Int64 {
      let first = CivilDate(year, 1, 1).daysSince1970
      let day: Int64
      switch self.day {
      case .julian(let number):
        let isLeap = CivilDate.days(inMonth: 2, year: year) == 29
        day = first + number - 1 + (isLeap && number >= 60 ? 1 : 0)
      case .ofYear(let number): day = first + number
      case .ofMonth(let month, let week, let weekday):
        let start = CivilDate(year, month, 1)
        let ahead = (weekday - start.weekday).flooredDivision(by: 7).remainder
        var number = ahead + (week - 1) * 7
        if number >= CivilDate.days(inMonth: month, year: year) { number -= 7 }
        day = start.daysSince1970 + number
      }
      return day * 86_400 + seconds
    }
  }

  private let standard: TimeZoneRules.Offset
  private let summer: (offset: TimeZoneRules.Offset, from: Change, to: Change)?

  /// Reads the text; `nil` when it is malformed.
  init?(_ text: [UInt8]) {
    var reader = Reader(rest: text[...])
    guard let name = reader.name(), let offset = reader.time(hoursMax: 24) else { return nil }
    // West is positive here.
    standard = TimeZoneRules.Offset(seconds: -offset, name: name)
    guard !reader.rest.isEmpty else {
      summer = nil
      return
    }
    guard let summerName = reader.name() else { return nil }
    var seconds = standard.seconds + 3600
    if reader.rest.first != UInt8(ascii: ",") {
      guard let own = reader.time(hoursMax: 24) else { return nil }
      seconds = -own
    }
    guard reader.take(","), let from = reader.change(), reader.take(","), let to = reader.change(),
      reader.rest.isEmpty
    else { return nil }
    summer = (TimeZoneRules.Offset(seconds: seconds, name: summerName), from, to)
  }

  /// What the clocks show at an instant, in seconds since 1970.
  func offset(at instant: Int64) -> TimeZoneRules.Offset {
    guard let summer else { return standard }
    let year = CivilDate(daysSince1970: (instant + standard.seconds).flooredDivision(by: 86_400).quotient).year
    let from = summer.from.local(in: year) - standard.seconds
    let to = summer.to.local(in: year) - summer.offset.seconds
    let isSummer = from < to ? from <= instant && instant < to : !(to <= instant && instant < from)
    return isSummer ? summer.offset : standard
  }

  // MARK: Text

  private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func take(_ sign: Unicode.Scalar) -> Bool {
      guard rest.first == UInt8(ascii: sign) else { return false }
      rest.removeFirst()
      return true
    }

    mutating func name() -> String? {
      if take("<") {
        guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return nil }
        let name = rest[..<end]
        rest = rest[(end + 1)...]
        let isKnown = name.allSatisfy {
          Lexer.isLetter($0) || Lexer.isDigit($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-")
        }
        return isKnown && (1...16).contains(name.count) ? String(decoding: name, as: UTF8.self) : nil
      }
      let name = rest.prefix { ($0 | 0x20) &- 97 < 26 }
      rest = rest.dropFirst(name.count)
      return (3...16).contains(name.count) ? String(decoding: name, as: UTF8.self) : nil
    }

    mutating func number(_ range: ClosedRange<Int64>) -> Int64? {
      let digits = rest.prefix { Lexer.isDigit($0) }
      guard (1...3).contains(digits.count), let value = Int64(String(decoding: digits, as: UTF8.self)),
        range.contains(value)
      else { return nil }
      rest = rest.dropFirst(digits.count)
      return value
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    mutating func time(hoursMax: Int64) -> Int64? {
      let isNegative = take("-")
      if !isNegative { _ = take("+") }
      guard var seconds = number(0...hoursMax).map({ $0 * 3600 }) else { return nil }
      for unit: Int64 in [60, 1] where take(":") {
        guard let count = number(0...59) else { return nil }
        seconds += count * unit
      }
      return isNegative ? -seconds : seconds
    }

    mutating func change() -> Change? {
      let day: Day
      if take("M") {
        guard let month = number(1...12), take("."), let week = number(1...5), take("."), let weekday = number(0...6)
        else { return nil }
        day = .ofMonth(month: month, week: week, weekday: weekday)
      } else if take("J") {
        guard let count = number(1...365) else { return nil }
        day = .julian(count)
      } else {
        guard let count = number(0...365) else { return nil }
        day = .ofYear(count)
      }
      guard take("/") else { return Change(day: day, seconds: 2 * 3600) }
      return time(hoursMax: 167).map { Change(day: day, seconds: $0) }
    }
  }
}
