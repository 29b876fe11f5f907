/// A day of the proleptic Gregorian calendar. The one place where days are counted.
///
/// Years from -5,000,000 to 5,000,000 are exact; the caller stays within them.
public struct CivilDate: Hashable, Sendable {
  /// The year; 0 is the year before 1.
  public let year: Int64
  /// From 1 to 12.
  public let month: Int64
  /// From 1 to 31.
  public let day: Int64

  /// A day whose parts are known to exist.
  @inlinable
  public init(_ year: Int64, _ month: Int64, _ day: Int64) {
    self.year = year
    self.month = month
    self.day = day
  }

  /// A day, `nil` when the calendar does not have it.
  @inlinable
  public init?(year: Int64, month: Int64, day: Int64) {
    guard (1...12).contains(month), day >= 1, day <= CivilDate.days(inMonth: month, year: year) else { return nil }
    self.init(year, month, day)
  }

  /// The day so many days after 1970-01-01.
  ///
  /// Years begin in March here, so that the leap day comes last, and are counted in eras of 400 years.
  @inlinable
  public init(daysSince1970 days: Int64) {
    let (era, dayOfEra) = (days &+ 719_468).flooredDivision(by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    self.init(
      yearOfEra + era &* 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }

  /// Days from 1970-01-01 to this day.
  @inlinable
  public var daysSince1970: Int64 {
    let (era, yearOfEra) = (month <= 2 ? year - 1 : year).flooredDivision(by: 400)
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// From 0 (Sunday) to 6.
  @inlinable
  public var weekday: Int64 { (daysSince1970 + 4).flooredDivision(by: 7).remainder }

  /// The first day of the following month.
  @inlinable
  public var firstOfNextMonth: CivilDate { month == 12 ? CivilDate(year + 1, 1, 1) : CivilDate(year, month + 1, 1) }

  /// Days of a month.
  @inlinable
  public static func days(inMonth month: Int64, year: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}

extension Int64 {
  /// Quotient and remainder of a division that rounds down, so that the remainder is never negative. `divisor` is
  /// positive.
  @inlinable
  public func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
