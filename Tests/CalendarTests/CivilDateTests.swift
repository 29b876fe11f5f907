import Calendar
import Testing

@Suite struct CivilDateTests {
  @Test(arguments: [
    (1970, 1, 1, 0), (1969, 12, 31, -1), (2000, 2, 29, 11_016), (2000, 3, 1, 11_017), (1900, 3, 1, -25_508),
    (1, 1, 1, -719_162), (0, 2, 29, -719_469), (0, 1, 1, -719_528), (-1, 12, 31, -719_529), (9999, 12, 31, 2_932_896),
    (2400, 2, 29, 157_113),
  ])
  func `a date is a number of days`(_ year: Int64, _ month: Int64, _ day: Int64, _ days: Int64) {
    #expect(CivilDate(year, month, day).daysSince1970 == days)
    #expect(CivilDate(daysSince1970: days) == CivilDate(year, month, day))
  }

  @Test func `days follow each other over a whole era`() {
    var date = CivilDate(1600, 1, 1)
    let first = date.daysSince1970
    for offset in 0..<Int64(146_097) {
      #expect(CivilDate(daysSince1970: first + offset) == date)
      #expect(date.daysSince1970 == first + offset)
      // 1600-01-01 was a Saturday.
      #expect(date.weekday == (6 + offset) % 7)
      if date.day < CivilDate.days(inMonth: date.month, year: date.year) {
        date = CivilDate(date.year, date.month, date.day + 1)
      } else {
        date = date.firstOfNextMonth
      }
    }
    #expect(date == CivilDate(2000, 1, 1))
  }

  @Test(arguments: [
    (2023, 2, 29), (1900, 2, 29), (2024, 4, 31), (2024, 0, 1), (2024, 13, 1), (2024, 1, 0), (2024, 1, 32),
  ])
  func `days that do not exist are refused`(_ year: Int64, _ month: Int64, _ day: Int64) {
    #expect(CivilDate(year: year, month: month, day: day) == nil)
  }

  @Test func `days before the epoch have weekdays`() {
    #expect(CivilDate(1970, 1, 1).weekday == 4)
    #expect(CivilDate(1969, 12, 28).weekday == 0)
    #expect(CivilDate(1, 1, 1).weekday == 1)
  }
}

@Suite struct HTTPDateTests {
  @Test(arguments: [
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (-5, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
    (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
  ])
  func `moments have one form`(_ seconds: Int64, _ text: String) {
    #expect(HTTPDate.format(unixSeconds: seconds) == text)
  }

  @Test func `months are known by name`() {
    #expect(HTTPDate.month(named: "jan") == 1)
    #expect(HTTPDate.month(named: "DEC") == 12)
    #expect(HTTPDate.month(named: "December") == nil)
  }
}
