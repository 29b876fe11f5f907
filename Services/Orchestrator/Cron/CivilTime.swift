/// A minute on a calendar and a clock, without a time zone (proleptic Gregorian).
public struct CivilTime: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The year.
  public let year: Int
  /// From 1 to 12.
  public let month: Int
  /// From 1 to 31.
  public let day: Int
  /// From 0 to 23.
  public let hour: Int
  /// From 0 to 59.
  public let minute: Int

  /// Makes a time; its parts must exist.
  public init(_ year: Int, _ month: Int, _ day: Int, _ hour: Int = 0, _ minute: Int = 0) {
    self.year = year
    self.month = month
    self.day = day
    self.hour = hour
    self.minute = minute
  }

  /// The minute that holds a number of seconds since 1970.
  public init(seconds: Int64) {
    let minutes = CivilTime.floor(seconds, 60)
    let days = CivilTime.floor(minutes, 1440)
    let ofDay = Int(minutes - days * 1440)
    (year, month, day) = CivilTime.date(days: days)
    hour = ofDay / 60
    minute = ofDay % 60
  }

  /// Reads `YYYY-MM-DD HH:MM`, whatever follows.
  public init?(_ text: String) {
    let numbers = text.split(whereSeparator: { "- :T.".contains($0) }).prefix(5).compactMap { Int($0) }
    guard numbers.count == 5, (1...12).contains(numbers[1]), (1...31).contains(numbers[2]),
      (0...23).contains(numbers[3]), (0...59).contains(numbers[4])
    else { return nil }
    self.init(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
  }

  /// Minutes since 1970-01-01 00:00 on the same clock.
  public var minutes: Int64 { CivilTime.days(year, month, day) * 1440 + Int64(hour * 60 + minute) }

  /// 0 is Sunday.
  public var weekday: Int { Int((CivilTime.days(year, month, day) % 7 + 11) % 7) }

  /// Days of the month.
  public static func daysIn(_ month: Int, _ year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// `YYYY-MM-DD HH:MM:00`
  public var description: String {
    func padded(_ number: Int, _ width: Int = 2) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    return "\(padded(year, 4))-\(padded(month))-\(padded(day)) \(padded(hour)):\(padded(minute)):00"
  }

  /// By time.
  public static func < (left: CivilTime, right: CivilTime) -> Bool { left.minutes < right.minutes }

  private static func floor(_ value: Int64, _ by: Int64) -> Int64 {
    value >= 0 ? value / by : -((by - 1 - value) / by)
  }

  /// Days since 1970-01-01: years begin in March here, so that the leap day comes last.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
    let shifted = Int64(month <= 2 ? year - 1 : year)
    let era = floor(shifted, 400)
    let ofEra = shifted - era * 400
    let ofYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
    return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
  }

  private static func date(days: Int64) -> (Int, Int, Int) {
    let shifted = days + 719_468
    let era = floor(shifted, 146_097)
    let ofEra = shifted - era * 146_097
    let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * year + year / 4 - year / 100)
    let marchMonth = (5 * ofYear + 2) / 153
    let day = Int(ofYear - (153 * marchMonth + 2) / 5 + 1)
    let month = Int(marchMonth < 10 ? marchMonth + 3 : marchMonth - 9)
    return (Int(year + era * 400) + (month <= 2 ? 1 : 0), month, day)
  }
}
