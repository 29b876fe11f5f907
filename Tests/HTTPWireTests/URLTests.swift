import Testing

@testable import HTTPWire

@Suite struct PercentEncodingTests {
  @Test(arguments: [
    ("", ""), ("abc", "abc"), ("a%20b", "a b"), ("%41%5a", "AZ"), ("%c3%A9", "é"), ("%F0%9F%98%80", "😀"),
    ("a+b", "a+b"),
    ("%2F", "/"), ("%2e%2E", ".."), ("%25", "%"), ("%2541", "%41"),
  ])
  func `escapes are decoded once`(text: String, expected: String) throws {
    #expect(try PercentEncoding.decode(text) == expected)
    #expect(try Array(text.utf8).withUnsafeBytes { try PercentEncoding.decode($0) } == expected)
  }

  @Test(arguments: [
    "%", "%2", "a%", "%zz", "%2g", "%%20", "%00", "a%00b", "\0", "%ff", "%c3", "%c3%28", "%c0%af", "%e0%80%af",
    "%ed%a0%80", "%f4%90%80%80", "%+1", "% 1", "%-1", "%u0041",
  ])
  func `a broken escape, NUL, or bytes that are not UTF-8 are refused`(text: String) {
    #expect(throws: HTTPWireError(.invalidPercentEncoding)) { try PercentEncoding.decode(text) }
  }

  @Test func `encoding can be decoded and fits a path`() throws {
    let text = (1...0x7F).map { String(UnicodeScalar(UInt8($0))) }.joined() + "é€😀"
    let encoded = PercentEncoding.encode(text)
    #expect(try PercentEncoding.decode(encoded) == text)
    #expect(encoded.utf8.allSatisfy { ByteSet.unreserved.contains($0) || $0 == 0x25 })
    #expect(PercentEncoding.encode("a/b c~") == "a%2Fb%20c~")
  }
}

@Suite struct QueryItemsTests {
  @Test func `parameters are decoded in order`() throws {
    let items = try QueryItems("a=1&b=x+y%21&a=2&&c&d=&=e&f=g=h")
    #expect(items.items.map(\.name) == ["a", "b", "a", "c", "d", "", "f"])
    #expect(items["b"] == "x y!" && items["c"] == "" && items["f"] == "g=h" && items[""] == "e" && items["z"] == nil)
    #expect(items.values(of: "a") == ["1", "2"])
    #expect(try QueryItems(nil).items.isEmpty)
    #expect(try QueryItems("").items.isEmpty)
    #expect(try QueryItems("&&&").items.isEmpty)
    #expect(try QueryItems("a%26b=c%3Dd")["a&b"] == "c=d")
  }

  @Test func `limits and escapes are enforced`() {
    #expect(throws: HTTPWireError(.tooManyQueryItems)) { try QueryItems("a&b&c", itemsMax: 2) }
    #expect(throws: Never.self) { try QueryItems("a&b&&", itemsMax: 2) }
    #expect(throws: HTTPWireError(.queryTooLong)) { try QueryItems("abcd", queryBytesMax: 3) }
    #expect(throws: HTTPWireError(.invalidPercentEncoding)) { try QueryItems("a=%") }
    #expect(throws: HTTPWireError(.invalidPercentEncoding)) { try QueryItems("%00=a") }
  }
}

@Suite struct HTTPURLTests {
  @Test func `the parts of a URL are read`() throws {
    let url = try HTTPURL("https://API.example.com:8443/v1/x?y=z")
    #expect(url.isSecure && url.host == "API.example.com" && url.port == 8443 && url.target == "/v1/x?y=z")
    #expect(url.authority == "API.example.com:8443")
    let plain = try HTTPURL("HTTP://h")
    #expect(!plain.isSecure && plain.port == 80 && plain.target == "/" && plain.authority == "h")
    #expect(try HTTPURL("https://h?q").target == "/?q")
    #expect(try HTTPURL("http://h:/").port == 80)
    let six = try HTTPURL("http://[2001:db8::1]:81/")
    #expect(six.host == "2001:db8::1" && six.port == 81 && six.authority == "[2001:db8::1]:81")
    #expect(six.description == "http://[2001:db8::1]:81/")
    #expect(try HTTPURL("http://h/base/").appending(path: "/v1").target == "/base/v1")
    #expect(try HTTPURL("http://h").appending(path: "/v1").target == "/v1")
  }

  @Test(arguments: [
    ("", HTTPWireError.Code.invalidURL), ("h", .invalidURL), ("//h/", .invalidURL), ("ftp://h/", .invalidURL),
    ("http:/h", .invalidURL),
    ("http//h", .invalidURL), (" http://h", .invalidURL), ("http://h/ ", .invalidURL), ("http://h/a b", .invalidURL),
    ("http://h/\r\nX: y", .invalidURL),
    ("http://h/\0", .invalidURL), ("http://h/é", .invalidURL), ("http://h/#f", .invalidURL),
    ("http://h#f", .invalidURL), ("http://h/\\", .invalidURL),
    ("http://u@h/", .urlHasUserInfo), ("http://u:p@h/", .urlHasUserInfo), ("http://@h/", .urlHasUserInfo),
    ("http://", .invalidHost), ("http:///x", .invalidHost), ("http://:80/", .invalidHost),
    ("http://h h/", .invalidHost), ("http://é/", .invalidHost),
    ("http://a%00b/", .invalidHost), ("http://h\r\n/", .invalidHost), ("http://[::1/", .invalidURL),
    ("http://[]/", .invalidHost),
    ("http://[::g]/", .invalidHost), ("http://[::1]x/", .invalidURL), ("http://[fe80::1%25eth0]/", .invalidHost),
    ("http://h:0/", .invalidPort), ("http://h:65536/", .invalidPort), ("http://h:99999999999999999999/", .invalidPort),
    ("http://h:-1/", .invalidPort),
    ("http://h:+1/", .invalidPort), ("http://h:8x/", .invalidPort), ("http://h:1:2/", .invalidPort),
    ("http://h:８/", .invalidPort),
    ("http://h/\u{301}", .invalidHost), ("http://a,b/", .invalidHost),
  ])
  func `these are refused`(text: String, code: HTTPWireError.Code) {
    #expect(throws: HTTPWireError(code)) { try HTTPURL(text) }
  }

  @Test(arguments: ["http://h/\u{301}x", "http:/\u{301}/h/", "http://h\u{301}/", "http://ℌ/", "http://h／x/"])
  func `characters that look like delimiters do not act as ones`(text: String) {
    #expect(throws: HTTPWireError.self) { try HTTPURL(text) }
  }

  @Test func `a URL over its limit is refused`() {
    #expect(throws: HTTPWireError(.invalidURL)) {
      try HTTPURL("http://h/" + String(repeating: "a", count: HTTPURL.bytesMax))
    }
    #expect(throws: HTTPWireError(.invalidTarget)) { try HTTPURL("http://h").with(target: "x") }
  }
}
