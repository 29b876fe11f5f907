import Testing

@testable import Policy

/// Times in zones. They need the IANA database of the system, as the images have it: without it they fail.
@Suite("Rego times")
struct TimeBuiltInTests {
  @Test(arguments: [
    // By the zoneinfo module of Python.
    ("Europe/Berlin", 1_700_000_000, "Tue 2023-11-14 23:13:20 +01:00:00 CET"),
    ("Europe/Berlin", 1_720_000_000, "Wed 2024-07-03 11:46:40 +02:00:00 CEST"),
    ("Europe/Berlin", -3_000_000_000, "Mon 1874-12-07 19:33:28 +00:53:28 LMT"),
    ("America/New_York", 4_000_000_000, "Tue 2096-10-02 03:06:40 -04:00:00 EDT"),
    ("America/New_York", 4_010_000_000, "Fri 2097-01-25 19:53:20 -05:00:00 EST"),
    ("Australia/Lord_Howe", 1_700_000_000, "Wed 2023-11-15 09:13:20 +11:00:00 +11"),
    ("Asia/Kathmandu", 500_000_000, "Tue 1985-11-05 06:23:20 +05:30:00 +0530"),
    ("Asia/Kathmandu", 1_700_000_000, "Wed 2023-11-15 03:58:20 +05:45:00 +0545"),
    ("America/Sao_Paulo", 1_500_000_000, "Thu 2017-07-13 23:40:00 -03:00:00 -03"),
    ("Europe/Dublin", 1_700_000_000, "Tue 2023-11-14 22:13:20 +00:00:00 GMT"),
    ("Europe/Dublin", 9_000_000_000, "Wed 2255-03-14 16:00:00 +00:00:00 GMT"),
    ("Africa/Casablanca", 4_000_000_000, "Tue 2096-10-02 08:06:40 +01:00:00 +01"),
    ("Antarctica/Troll", 2_500_000_000, "Mon 2049-03-22 04:26:40 +00:00:00 +00"),
    ("", 0, "Thu 1970-01-01 00:00:00 +00:00:00 UTC"), ("Local", 0, "Thu 1970-01-01 00:00:00 +00:00:00 UTC"),
  ])
  func `zones show`(_ zone: String, _ seconds: Int, _ wanted: String) throws {
    let layout = "Mon 2006-01-02 15:04:05 -07:00:00 MST"
    #expect(
      try Rego.value("p := time.format([\(seconds) * 1000000000, \"\(zone)\", \"\(layout)\"])") == "\"\(wanted)\"")
  }

  @Test(arguments: [
    ("time.date([1517814000000000000, \"America/Los_Angeles\"])", "[2018,2,4]"),
    ("time.clock([1517814000000000000, \"America/Los_Angeles\"])", "[23,0,0]"),
    ("time.weekday([1517814000000000000, \"America/Los_Angeles\"])", "\"Sunday\""),
    // A day more is the same time of the clocks, with 23 hours between.
    ("time.add_date([1711796400000000000, \"Europe/Berlin\"], 0, 0, 1)", "1711879200000000000"),
    ("time.add_date(1711796400000000000, 0, 0, 1)", "1711882800000000000"),
    // 2:30 is left out there; it becomes 3:30.
    (
      "time.format([time.add_date([1711762200000000000, \"Europe/Berlin\"], 0, 0, 1), \"Europe/Berlin\"])",
      "\"2024-03-31T03:30:00+02:00\""
    ),
    ("time.diff(1700000000000000000, 1600000000000000000)", "[3,2,1,9,46,40]"),
    ("time.diff(1600000000000000000, 1700000000000000000)", "[3,2,1,9,46,40]"),
    ("time.diff([1711796400000000000, \"Europe/Berlin\"], [1711879200000000000, \"UTC\"])", "[0,0,1,0,0,0]"),
    // 31 January to 1 March.
    ("time.diff(1738281600000000000, 1740787200000000000)", "[0,1,1,0,0,0]"),
    ("time.parse_ns(\"2006-01-02\", \"2024-02-29\")", "1709164800000000000"),
    ("time.parse_ns(\"RFC1123Z\", \"Sat, 03 Dec 2022 00:10:53 +0530\")", "1670006453000000000"),
    ("time.parse_ns(\"RFC822\", \"02 Dec 22 18:40 UTC\")", "1670006400000000000"),
    ("time.parse_ns(\"RFC850\", \"Friday, 02-Dec-22 18:40:53 GMT\")", "1670006453000000000"),
    ("time.parse_ns(\"RFC3339Nano\", \"2022-12-02T18:40:53.141828752Z\")", "1670006453141828752"),
    ("time.parse_ns(\"ANSIC\", \"Fri Dec  2 18:40:53 2022\")", "1670006453000000000"),
    ("time.parse_ns(\"Jan _2 2006 3:04PM\", \"dec 2 2022 12:40AM\")", "1669941600000000000"),
    ("time.parse_ns(\"2006 3:04PM\", \"1970 3:04PM\")", "54240000000000"),
    ("time.parse_ns(\"2006 002\", \"2024 366\")", "1735603200000000000"),
    ("time.parse_ns(\"15:04:05.000 2006\", \"01:02:03.250 1970\")", "3723250000000"),
    ("time.parse_ns(\"15:04:05 2006\", \"01:02:03.5 1970\")", "3723500000000"),
    (
      "time.format([1670006453141828752, \"UTC\", \"Jan 2, 2006 at 3:04pm (MST) .000 .999999\"])",
      "\"Dec 2, 2022 at 6:40pm (UTC) .141 .141828\""
    ),
    (
      "time.format([1700000000000000000, \"UTC\", \"__2 002 06 January Janet Z07 -07\"])",
      "\"318 318 23 November Janet Z +00\""
    ),
    ("time.format([0, \"UTC\", \"RFC850\"])", "\"Thursday, 01-Jan-70 00:00:00 UTC\""),
    ("time.format([0, \"UTC\", \"15:04:05.000Z0700\"])", "\"00:00:00.000Z\""),
  ])
  func says(_ call: String, _ wanted: String) throws {
    #expect(try Rego.value("p := \(call)", isStrict: true) == wanted)
  }

  @Test(arguments: [
    "2006-01-02\", \"2023-02-29", "2006-01-02\", \"2023-13-01", "2006-01-02\", \"2024-01-01 ", "2006-01-02\", \"",
    "15:04\", \"24:00", "2006\", \"99999", "RFC3339\", \"2024-01-01T00:00:00", "2006 002\", \"2023 366",
    "-0700\", \"+9900", "2006\", \"0001", "MST\", \"A", ".000\", \".25",
  ])
  func `what is written otherwise is no time`(_ arguments: String) throws {
    #expect(try Rego.error("p := time.parse_ns(\"\(arguments)\")")?.code == .builtIn)
  }

  @Test(arguments: [
    "../../etc/passwd", "/etc/passwd", "Europe/../../../../etc/passwd", "Europe//Berlin", "Europe/Berlin/",
    "Nowhere/At_all",
    "Europe", "europe/berlin", ".", "..", "tzdata.zi", "zone.tab", "leapseconds", "right/Europe/Berlin",
    "Europe/Berlin\\u0000",
    "posix/America/Argentina/Salta", "A\\u0000",
  ])
  func `other names are no zones`(_ name: String) throws {
    let error = try Rego.error("p := time.clock([0, \"\(name)\"])")
    #expect(error?.code == .builtIn && error?.message.hasPrefix("time.clock: unknown time zone") == true)
    #expect(try Rego.value("p := time.clock([0, \"\(name)\"])") == nil)
  }

  @Test func `names lead nowhere else`() {
    for name in ["Europe/Berlin", "America/Port-au-Prince", "Etc/GMT+3", "EST5EDT", "America/Argentina/Salta"] {
      #expect(TimeZones.isName(name))
    }
    for name in [
      "", "..", "../x", "/etc/passwd", "a/../b", "a//b", "a/", "a.b", "a b", "a\0", "1", "a/b/c/d", "-a", "ä",
      String(repeating: "a", count: 65),
    ] {
      #expect(!TimeZones.isName(name), "\(name)")
    }
  }

  @Test func `without the database a question fails, whatever negates it`() {
    let zones = TimeZones(folder: "/nowhere")
    let error = #expect(throws: EvaluationError.self) { _ = try zones.zone(named: "Europe/Berlin") }
    #expect(error?.code == .internalFault && error?.message.contains("/nowhere has no time zones") == true)
    #expect(throws: Never.self) { _ = try zones.zone(named: "UTC") }
  }

  @Test func `a zone costs steps`() throws {
    var limits = EvaluationLimits()
    limits.stepsMax = 2000
    let rules = "p := [c | some x in numbers.range(1, 100); c := time.clock([x, \"Europe/Berlin\"])]"
    #expect(try Rego.error(rules, limits: limits)?.code == .limit)
  }
}
