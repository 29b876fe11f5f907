internal import Calendar

/// A time on the clocks of a zone.
struct LocalTime {
  static let secondNanoseconds: Int64 = 1_000_000_000

  let date: CivilDate
  /// Seconds since midnight.
  let seconds: Int64
  let nanoseconds: Int64
  let offset: TimeZoneRules.Offset
  let zone: TimeZoneRules

  /// What the clocks of a zone show so many nanoseconds after 1970 (UTC).
  init(_ instant: Int64, in zone: TimeZoneRules) {
    let (second, nanoseconds) = instant.flooredDivision(by: LocalTime.secondNanoseconds)
    let offset = zone.offset(at: second)
    let (day, seconds) = (second + offset.seconds).flooredDivision(by: 86_400)
    date = CivilDate(daysSince1970: day)
    self.seconds = seconds
    self.nanoseconds = nanoseconds
    self.offset = offset
    self.zone = zone
  }

  var hour: Int64 { seconds / 3600 }
  var minute: Int64 { seconds / 60 % 60 }
  var second: Int64 { seconds % 60 }
  var weekday: String { TimeLayout.weekdays[Int(date.weekday)] }
  /// From 1 on.
  var dayOfYear: Int64 { date.daysSince1970 - CivilDate(date.year, 1, 1).daysSince1970 + 1 }

  /// Nanoseconds since 1970 of a local time that many days from 1970 on. Throws when they do not have 64 bits.
  static func instant(
    day: Int64, seconds: Int64, nanoseconds: Int64, in zone: TimeZoneRules = .utc
  ) throws -> Int64 {
    // Beyond any time that has 64 bits of nanoseconds.
    guard abs(day) < 200_000 else { throw EvaluationError(.builtIn, "time outside of valid range") }
    let second = zone.instant(ofLocal: day * 86_400 + seconds)
    let value = Int128(second) * Int128(secondNanoseconds) + Int128(nanoseconds)
    guard let instant = Int64(exactly: value) else { throw EvaluationError(.builtIn, "time outside of valid range") }
    return instant
  }

  /// Years, months, days, hours, minutes and seconds from the earlier to the later of two times of one zone.
  static func difference(_ one: LocalTime, _ other: LocalTime) -> [Int64] {
    func key(_ time: LocalTime) -> (Int64, Int64) {
      (time.date.daysSince1970 * 86_400 + time.seconds - time.offset.seconds, time.nanoseconds)
    }
    let (from, to) = key(other) < key(one) ? (other, one) : (one, other)
    var parts = [
      to.date.year - from.date.year, to.date.month - from.date.month, to.date.day - from.date.day,
      to.hour - from.hour, to.minute - from.minute, to.second - from.second,
    ]
    let sizes = [0, 12, CivilDate.days(inMonth: from.date.month, year: from.date.year), 24, 60, 60]
    for place in (1...5).reversed() where parts[place] < 0 {
      parts[place] += sizes[place]
      parts[place - 1] -= 1
    }
    return parts
  }
}
