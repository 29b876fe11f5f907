import Cron
import Testing

@Suite struct CronExpressionTests {
  @Test(arguments: [
    ("* * * * *", "2026-11-21 02:00", "2026-11-21 02:01:00"),
    ("*/15 * * * *", "2026-11-21 02:50", "2026-11-21 03:00:00"),
    ("0 9 * * mon-fri", "2026-11-20 09:00", "2026-11-23 09:00:00"),
    ("30 2 29 2 *", "2026-01-01 00:00", "2028-02-29 02:30:00"),
    ("0 0 29 2 mon", "2026-11-21 00:00", "2027-02-01 00:00:00"),
    ("0 0 13 * 5", "2026-11-21 00:00", "2026-11-27 00:00:00"),
    ("0 0 */2 * 1", "2026-11-21 00:00", "2026-11-23 00:00:00"),
    ("59 23 31 12 *", "2026-12-31 23:59", "2027-12-31 23:59:00"),
    ("0 12 * * 7", "2026-11-21 12:00", "2026-11-22 12:00:00"),
    ("5-20/5,50 8 1,15 jan,jul *", "2026-01-15 08:20", "2026-01-15 08:50:00"),
    ("@monthly", "2026-12-01 00:00", "2027-01-01 00:00:00"), ("@HOURLY", "2026-12-31 23:10", "2027-01-01 00:00:00"),
    ("10/20 * ? * *", "2026-11-21 02:31", "2026-11-21 02:50:00"),
  ])
  func `the next time is the first that matches`(text: String, after: String, next: String) throws {
    let time = try #require(CivilTime(after))
    #expect(try CronExpression(text).next(after: time)?.description == next)
  }

  @Test(arguments: [
    ("* * * *", "Five fields"), ("60 * * * *", "60 is no minute"), ("* 24 * * *", "24 is no hour"),
    ("* * 0 * *", "0 is no day of the month"), ("* * * foo *", "foo is no month"), ("* * * * 8", "8 is no day"),
    ("5-1 * * * *", "backwards"), ("*/0 * * * *", "step"), ("*/x * * * *", "step"), ("0 0 30 2 *", "never"),
    ("@often", "Known are"), ("1,,2 * * * *", "is no minute"), ("-1 * * * *", "is no minute"), ("", "Five fields"),
    ("+1 * * * *x", "is no"), (String(repeating: "1,", count: 200), "At most"),
  ])
  func `what is wrong is said`(text: String, reason: String) throws {
    let error = #expect(throws: CronError.self) { try CronExpression(text) }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test func `calendar arithmetic agrees with itself over four centuries`() {
    var time = CivilTime(1899, 12, 31, 23, 59)
    for day in 0..<146_097 {
      let seconds = time.minutes * 60 + 59
      #expect(CivilTime(seconds: seconds) == time)
      let next = CivilTime(seconds: seconds + 86_400)
      #expect(next.weekday == (time.weekday + 1) % 7 && next > time, "day \(day)")
      time = next
    }
    #expect(CivilTime(seconds: 0) == CivilTime(1970, 1, 1))
    #expect(CivilTime(1970, 1, 1).weekday == 4)
    #expect(CivilTime(2000, 2, 29).minutes * 60 == 951_782_400)
  }

  @Test func `bytes of any kind never stop the reader`() {
    var state: UInt64 = 7
    let alphabet = Array("0123456789*/,-? @abcdefgnosuTÄ\u{0}")
    for _ in 0..<20_000 {
      var text = ""
      for _ in 0..<Int(state % 24) {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        text.append(alphabet[Int(state >> 33) % alphabet.count])
      }
      state = state &* 6_364_136_223_846_793_005 &+ 1
      if let expression = try? CronExpression(text) { #expect(expression.next(after: CivilTime(2026, 1, 1)) != nil) }
    }
  }
}
