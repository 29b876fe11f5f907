internal import Calendar

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
    let (days, ofDay) = seconds.flooredDivision(by: 86_400)
    let date = CivilDate(daysSince1970: days)
    (year, month, day) = (Int(date.year), Int(date.month), Int(date.day))
    hour = Int(ofDay / 3600)
    minute = Int(ofDay / 60 % 60)
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
  public var minutes: Int64 { date.daysSince1970 * 1440 + Int64(hour * 60 + minute) }

  /// 0 is Sunday.
  public var weekday: Int { Int(date.weekday) }

  /// Days of the month.
  public static func daysIn(_ month: Int, _ year: Int) -> Int {
    Int(CivilDate.days(inMonth: Int64(month), year: Int64(year)))
  }

  private var date: CivilDate { CivilDate(Int64(year), Int64(month), Int64(day)) }

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
}
