import Cron
import Testing

/// Instants and local times of tests, written as people write them.
private func utc(_ text: String) throws -> Int64 { try #require(CivilTime(text)).minutes * 60 }

private func shown(_ next: NextTime) -> String {
  if case .at(let seconds) = next { CivilTime(seconds: seconds).description } else { "\(next)" }
}

@Suite struct ZoneTests {
  /// The changes of 2026 as the time zone database has them.
  private static let zones: [String: (start: Int64, changes: [(String, Int64)])] = [
    "Berlin": (3600, [("2026-03-29 01:00", 7200), ("2026-10-25 01:00", 3600)]),
    "New York": (-18_000, [("2026-03-08 07:00", -14_400), ("2026-11-01 06:00", -18_000)]),
    // Half an hour of summer time.
    "Lord Howe": (39_600, [("2026-04-04 15:00", 37_800), ("2026-10-03 15:30", 39_600)]),
    // A whole day was left out when the zone changed its side of the date line.
    "Samoa": (-36_000, [("2026-06-30 10:00", 50_400)]),
  ]

  static func zone(_ name: String) throws -> ZoneOffsets {
    let zone = try #require(zones[name])
    var spans = [ZoneOffsets.Span(start: try utc("2025-12-01 00:00"), offset: zone.start)]
    for (at, offset) in zone.changes { spans.append(.init(start: try utc(at), offset: offset)) }
    return try #require(
      ZoneOffsets(start: try utc("2025-12-01 00:00"), end: try utc("2027-12-01 00:00"), spans: spans))
  }

  @Test(arguments: [
    // Hourly on certain days goes by the local day, before and behind a change of the clocks.
    ("0 * * * 1", "Berlin", "2026-10-19 21:30", "2026-10-25 23:00:00"),
    ("0 * * * 1", "Berlin", "2026-03-23 22:30", "2026-03-29 22:00:00"),
    ("0 * 1 * *", "New York", "2026-03-02 04:30", "2026-04-01 04:00:00"),
    ("0 12 * * 1", "Berlin", "2026-10-19 20:30", "2026-10-26 11:00:00"),
    // The repeated hour, in every spelling of all hours.
    ("0 * * * *", "Berlin", "2026-10-25 00:30", "2026-10-25 01:00:00"),
    ("0 */1 * * *", "Berlin", "2026-10-25 00:30", "2026-10-25 01:00:00"),
    ("0 0-23 * * *", "Berlin", "2026-10-25 00:30", "2026-10-25 01:00:00"),
    ("*/30 0-23 * * *", "Berlin", "2026-10-25 01:00", "2026-10-25 01:30:00"),
    ("0 0,1,2,3,4,5,6,7,8,9,10,11,12-23 * * *", "Berlin", "2026-10-25 00:30", "2026-10-25 01:00:00"),
    // A change by half an hour.
    ("30 * * * *", "Lord Howe", "2026-04-04 14:30", "2026-04-04 15:00:00"),
    ("30 * * * *", "Lord Howe", "2026-04-04 15:00", "2026-04-04 16:00:00"),
    ("0 * * * *", "Lord Howe", "2026-04-04 14:00", "2026-04-04 15:30:00"),
    // A named time that is repeated comes once, at the first; one that is left out comes as much later.
    ("30 2 * * *", "Berlin", "2026-10-24 12:00", "2026-10-25 00:30:00"),
    ("30 2 * * *", "Berlin", "2026-10-25 00:30", "2026-10-26 01:30:00"),
    ("30 2 * * *", "Berlin", "2026-10-25 01:10", "2026-10-26 01:30:00"),
    ("* 2 * * *", "Berlin", "2026-10-25 01:10", "2026-10-26 01:00:00"),
    ("30 2 * * *", "Berlin", "2026-03-28 12:00", "2026-03-29 01:30:00"),
    ("30 2 * * *", "Berlin", "2026-03-29 01:30", "2026-03-30 00:30:00"),
    ("50 2,3 * * *", "Berlin", "2026-03-29 00:55", "2026-03-29 01:50:00"),
    ("10,50 2 * * *", "Berlin", "2026-03-29 01:10", "2026-03-29 01:50:00"),
    // A day that never was comes on the day behind it, once.
    ("0 9 * * *", "Samoa", "2026-06-29 19:30", "2026-06-30 19:00:00"),
    ("0 9 * * *", "Samoa", "2026-06-30 19:00", "2026-07-01 19:00:00"),
  ])
  func `the next time goes by the clocks of the zone`(text: String, name: String, after: String, next: String) throws {
    let found = try CronExpression(text).next(after: try utc(after), in: try ZoneTests.zone(name))
    #expect(shown(found) == next)
  }

  @Test func `spellings of one meaning have the same times`() throws {
    for (one, other) in [
      ("0 0 * * 1", "0 0 1-31 * 1"), ("0 0 13 * *", "0 0 13 * 0-6"), ("0 0 13 * *", "0 0 13 * 1-7"),
      ("15 * * * *", "15 0-11,12-23 * * *"),
    ] {
      var instant = try utc("2026-01-05 00:00")
      for _ in 0..<40 {
        let zone = try ZoneTests.zone("New York")
        let next = try CronExpression(one).next(after: instant, in: zone)
        #expect(try next == CronExpression(other).next(after: instant, in: zone), "\(one) and \(other)")
        guard case .at(let seconds) = next else { break }
        instant = seconds
      }
    }
  }

  /// All instants of a window at which an expression comes true, by its definition, minute by minute.
  private func allTimes(_ expression: CronExpression, _ zone: ZoneOffsets, _ range: Range<Int64>) -> [Int64] {
    func offset(_ instant: Int64) -> Int64 { zone.offset(at: instant) }
    func matches(_ local: Int64) -> Bool {
      expression.next(after: CivilTime(seconds: local - 60)) == CivilTime(seconds: local)
    }
    let minutes = stride(from: range.lowerBound - 90_000, to: range.upperBound + 90_000, by: 60)
    if expression.isEveryHour { return minutes.filter { matches($0 + offset($0)) } }
    var times: Set<Int64> = []
    var firstShown: Set<Int64> = []
    for minute in minutes {
      let local = minute + offset(minute)
      if firstShown.insert(local).inserted, matches(local) { times.insert(minute) }
      // Local times that the clocks leave out between the minute before and this one.
      let before = minute - 60 + offset(minute - 60)
      guard local > before + 60 else { continue }
      for gone in stride(from: before + 60, to: local, by: 60) where matches(gone) {
        times.insert(gone - offset(minute - 60))
      }
    }
    return times.sorted()
  }

  @Test func `random expressions agree with a walk through all minutes`() throws {
    let names = ["Berlin", "New York", "Lord Howe", "Samoa"]
    let hours = ["*", "0-23", "2", "1-3", "*/2", "0,2,23", "1,2", "23"]
    let minutes = ["0", "*/7", "30", "10,50", "59", "*"]
    let days = ["* * *", "* * 0,6", "25-30 * *", "1 * 1", "29 3 *", "*/5 * *"]
    var state: UInt64 = 11
    func draw(_ list: [String]) -> String {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return list[Int(state >> 33) % list.count]
    }
    for _ in 0..<60 {
      let name = draw(names)
      let zone = try ZoneTests.zone(name)
      let text = "\(draw(minutes)) \(draw(hours)) \(draw(days))"
      let expression = try CronExpression(text)
      let change = try utc(draw(ZoneTests.zones[name]?.changes.map(\.0) ?? []))
      let range = (change - 129_600)..<(change + 129_600)
      let expected = allTimes(expression, zone, range)
      for instant in stride(from: range.lowerBound, to: range.upperBound, by: 1740) {
        guard let first = expected.first(where: { $0 > instant }), first < range.upperBound else { continue }
        #expect(expression.next(after: instant, in: zone) == .at(first), "\(text) in \(name) behind \(instant)")
      }
    }
  }

  @Test func `times behind the window are looked for in the next one`() throws {
    let zone = try ZoneTests.zone("Berlin")
    let expression = try CronExpression("0 0 29 2 *")
    let found = expression.next(after: try utc("2026-06-01 00:00"), in: zone)
    guard case .notBefore(let instant) = found else {
      Issue.record("\(found)")
      return
    }
    #expect(try instant < utc("2028-02-28 23:00") && instant > utc("2027-11-01 00:00"))
  }
}
