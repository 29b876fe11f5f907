import Testing

@testable import Policy

/// Files of time zones, strictly read.
@Suite("Time zone files")
struct TimeZoneRulesTests {
  /// A file of version 2: one change at 1000, from `AAA` to `BBB` an hour later, and a footer.
  static func file(
    transitions: [Int64] = [1000], kinds: [UInt8] = [1], offsets: [(Int32, UInt8, UInt8)] = [(0, 0, 0), (3600, 1, 4)],
    names: String = "AAA\0BBB\0", leapSeconds: Int = 0, footer: String = "AAA0", version: Character = "2"
  ) -> [UInt8] {
    func header(_ counts: [Int]) -> [UInt8] {
      Array("TZif".utf8) + [version.asciiValue ?? 0] + [UInt8](repeating: 0, count: 15)
        + counts.flatMap { big(Int64($0), 4) }
    }
    var bytes = header([0, 0, 0, 0, 1, 1]) + [0, 0, 0, 0, 0, 0, 0]
    bytes += header([0, 0, leapSeconds, transitions.count, offsets.count, names.utf8.count])
    bytes += transitions.flatMap { big($0, 8) } + kinds
    for (seconds, isDaylight, name) in offsets { bytes += big(Int64(seconds), 4) + [isDaylight, name] }
    return bytes + names.utf8 + [UInt8](repeating: 0, count: 12 * leapSeconds) + Array("\n\(footer)\n".utf8)
  }

  static func big(_ value: Int64, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  @Test func `a file is read`() throws {
    let zone = try #require(TimeZoneRules(TimeZoneRulesTests.file(footer: "")))
    #expect(zone.offset(at: 999) == .init(seconds: 0, name: "AAA"))
    #expect(zone.offset(at: 1000) == .init(seconds: 3600, name: "BBB"))
    #expect(zone.offset(at: .max) == .init(seconds: 3600, name: "BBB"))
    #expect(try #require(TimeZoneRules(TimeZoneRulesTests.file())).offset(at: 1000).name == "AAA")
  }

  @Test func `what is not exactly so is none`() {
    let good = TimeZoneRulesTests.file()
    #expect(TimeZoneRules(good) != nil)
    for count in good.indices { #expect(TimeZoneRules(Array(good[..<count])) == nil, "the first \(count) bytes") }
    #expect(TimeZoneRules(good + [0]) == nil)
    #expect(TimeZoneRules([UInt8](repeating: 0, count: TimeZoneRules.bytesMax + 1)) == nil)
    let bad: [[UInt8]] = [
      TimeZoneRulesTests.file(transitions: [1000, 1000], kinds: [0, 1]),
      TimeZoneRulesTests.file(transitions: [2000, 1000], kinds: [0, 1]), TimeZoneRulesTests.file(kinds: [2]),
      TimeZoneRulesTests.file(offsets: [(0, 0, 0), (100_000, 1, 4)]),
      TimeZoneRulesTests.file(offsets: [(0, 0, 0), (0, 2, 4)]),
      TimeZoneRulesTests.file(offsets: [(0, 0, 0), (0, 1, 8)]),
      TimeZoneRulesTests.file(names: "AAA\0BBBB"), TimeZoneRulesTests.file(names: "AAA\0B\u{7}B\0"),
      TimeZoneRulesTests.file(leapSeconds: 1), TimeZoneRulesTests.file(version: "9"),
      TimeZoneRulesTests.file(
        transitions: (0..<2001).map { Int64($0) }, kinds: [UInt8](repeating: 0, count: 2001)),
    ]
    for (place, bytes) in bad.enumerated() { #expect(TimeZoneRules(bytes) == nil, "\(place)") }
  }

  @Test(arguments: [
    ("CET-1CEST,M3.5.0,M10.5.0/3", 1_720_000_000, 7200), ("CET-1CEST,M3.5.0,M10.5.0/3", 1_700_000_000, 3600),
    // The last second before each change, and the change.
    ("CET-1CEST,M3.5.0,M10.5.0/3", 1_711_846_799, 3600), ("CET-1CEST,M3.5.0,M10.5.0/3", 1_711_846_800, 7200),
    ("CET-1CEST,M3.5.0,M10.5.0/3", 1_729_990_799, 7200), ("CET-1CEST,M3.5.0,M10.5.0/3", 1_729_990_800, 3600),
    ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_700_000_000, 39_600), ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_720_000_000, 36_000),
    ("<-03>3", 0, -10_800), ("IST-5:30", 0, 19_800), ("A-1B0,J60,J300", 0, 0 + 3600),
    ("STD0DST,J60/0,J61/0", 1_709_251_199, 0), ("STD0DST,J60/0,J61/0", 1_709_251_200, 3600),
    ("STD0DST,59/0,60/0", 1_709_164_800, 3600), ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1_720_000_000, -3600),
  ])
  func recurs(_ text: String, _ instant: Int64, _ seconds: Int64) {
    guard text.hasPrefix("A-1") else {
      #expect(RecurringZone(Array(text.utf8))?.offset(at: instant).seconds == seconds)
      return
    }
    // Names have three letters at least.
    #expect(RecurringZone(Array(text.utf8)) == nil)
  }

  @Test(arguments: [
    "", "CET", "CE-1", "CET-1CEST", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
    "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0/168", "CET-25", "CET-1:60",
    "CET-1CEST,J0,J5", "CET-1CEST,J366,J5", "CET-1CEST,366,5", "<CET-1", "<>1", "<A B>1", "CET-1 ",
    "CET-1CEST,M3.5.0,M10.5.0,",
    ":Europe/Berlin", "CET-9999999999999999999999",
  ])
  func `other texts recur not`(_ text: String) { #expect(RecurringZone(Array(text.utf8)) == nil) }

  @Test func `a local time has an instant, also where clocks jump`() throws {
    let zone = try TimeZones.system.zone(named: "Europe/Berlin")
    for instant: Int64 in [1_711_846_799, 1_711_846_800, 1_729_990_799, 1_729_990_800, -3_000_000_000, 4_000_000_000] {
      let local = instant + zone.offset(at: instant).seconds
      #expect(zone.offset(at: zone.instant(ofLocal: local)).seconds + zone.instant(ofLocal: local) == local)
    }
  }
}
