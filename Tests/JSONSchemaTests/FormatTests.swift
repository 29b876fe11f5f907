import JSON
import JSONSchema
import Testing

@Suite struct FormatTests {
  private static let cases: [(String, good: [String], bad: [String])] = [
    (
      "date-time", ["2026-01-31T09:30:00Z", "2026-01-31t09:30:00.123456789+05:30"],
      ["2026-01-31 09:30:00Z", "2026-02-29T00:00:00Z", "2026-01-31T09:30:00"]
    ),
    ("date", ["2024-02-29"], ["2023-02-29", "2024-2-29", "2024-02-30"]),
    ("time", ["23:59:60Z", "00:29:60-23:30"], ["23:58:60Z", "24:00:00Z", "09:30:00"]),
    (
      "duration", ["P3D", "PT12H", "P1Y2M3DT4H5M6S", "P2W", "PT0S"],
      ["P", "PT", "P1D2H", "P1Y2D", "P1WT1H", "3D", "P1"]
    ),
    (
      "email", ["a.b+c@example.com", "\"a b\"@example.com", "a@[192.0.2.1]"],
      ["a", "a@", "@b", "a..b@c", "é@example.com", "a@-b.com"]
    ),
    ("idn-email", ["δ@example.com"], ["a b@example.com"]),
    ("hostname", ["a-b.example.com", "xn--9n2bp8q"], ["-a", "a_b", "a..b", "xn--X", ""]),
    ("idn-hostname", ["실례.테스트", "l·l"], ["a·l", "〮a", "a\u{05D0}"]),
    ("ipv4", ["192.0.2.1", "0.0.0.0"], ["256.0.0.1", "01.0.0.1", "1.2.3", "1.2.3.4 "]),
    (
      "ipv6", ["::", "::1", "2001:db8::1", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8"],
      [":::", "1::2::3", "1:2:3", "12345::", "1:2:3:4:5:6:7:8:9", "::1%eth0", ""]
    ),
    (
      "uri", ["https://a.example:80/b?c#d", "urn:a:b", "http://[::1]/"],
      ["/a", "a b:c", "http://[::1", "http://a b/", "http://é/"]
    ),
    ("uri-reference", ["", "/a", "#b", "//h/p"], ["\\a", "1:b", "/%zz"]), ("iri", ["http://é/π"], ["é"]),
    ("iri-reference", ["é"], ["a\u{E000}"]),
    (
      "uuid", ["018f4e2a-0000-7000-8000-000000000000"],
      ["018f4e2a000070008000000000000000", "018f4e2a-0000-7000-8000-00000000000g"]
    ),
    ("uri-template", ["/a/{id}{?x,y*,z:3}", ""], ["/a/{id", "/a}", "{}", "{a b}", "{x:0}"]),
    ("json-pointer", ["", "/a~0b"], ["a", "/~2"]),
    ("relative-json-pointer", ["0", "1/a", "2#"], ["01", "/a", "-1", "a"]),
    ("regex", ["^a+$"], ["("]),
  ]

  @Test(arguments: cases.map(\.0)) func `a format takes its texts and no others`(_ name: String) throws {
    let test = try #require(FormatTests.cases.first { $0.0 == name })
    var options = SchemaOptions()
    options.formats = .assertion
    let schema = try compile(#"{"format":"\#(name)"}"#, options)
    func json(_ text: String) throws -> JSONView {
      var writer = JSONWriter()
      writer.string(text)
      return try JSONDocument(parsing: writer.bytes).root
    }
    for good in test.good { #expect(schema.accepts(try json(good)), "\(good)") }
    for bad in test.bad { #expect(!schema.accepts(try json(bad)), "\(bad)") }
    #expect(schema.accepts(try value("1")))
  }
}
