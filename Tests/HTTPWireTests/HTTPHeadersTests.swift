import Testing

@testable import HTTPWire

@Suite struct HTTPHeadersTests {
  private func pairs(_ headers: HTTPHeaders) -> [String] {
    var result: [String] = []
    headers.forEach { result.append("\($0): \($1)") }
    return result
  }

  @Test func `fields of another message are added at the end, and counted`() {
    var headers: HTTPHeaders = ["accept": "a", "X-Api-Key": "1"]
    headers.append(contentsOf: HTTPHeaders())
    headers.append(contentsOf: ["x-api-key": "2", "date": ""])
    #expect(headers == ["accept": "a", "X-Api-Key": "1", "x-api-key": "2", "date": ""])
    #expect(headers.count(of: .xAPIKey) == 2 && headers.count(of: .authorization) == 0)
  }

  @Test func `fields keep their order and repeated names`() {
    var headers = HTTPHeaders()
    headers.append("B", "1")
    headers.append("a", "2")
    headers.append("b", "3")
    #expect(pairs(headers) == ["B: 1", "a: 2", "b: 3"])
    #expect(headers["b"] == "1")
    #expect(headers.values(of: "B") == ["1", "3"])
    #expect(headers["c"] == nil)
    #expect(headers[""] == nil)
    #expect(!headers.contains(.host))
  }

  @Test func `only letters are compared without case`() {
    var headers = HTTPHeaders()
    headers.append("x^y", "1")
    headers.append("a`b", "2")
    #expect(headers["x~y"] == nil)
    #expect(headers["X^Y"] == "1")
    #expect(headers["a@b"] == nil)
  }

  @Test(arguments: ["", " ", "a b", "a:", "a\r\nb", "a\0", "é", "\u{7F}", "a\n"])
  func `a name that is no token is not added`(name: String) {
    var headers = HTTPHeaders()
    let added = headers.append(name, "v")
    #expect(!added)
    #expect(headers.isEmpty)
  }

  @Test(arguments: ["a\r\nSet-Cookie: x", "a\nb", "a\rb", "a\0b", "\r\n\r\n<html>", "\u{7F}\u{1B}"])
  func `a value cannot end its line`(value: String) throws {
    var headers = HTTPHeaders()
    let added = headers.append("x", value)
    #expect(added)
    let stored = try #require(headers["x"])
    #expect(stored.utf8.count == value.utf8.count)
    #expect(!stored.utf8.contains { $0 < 0x20 || $0 == 0x7F })
    var wire: [UInt8] = []
    ResponseHeadWriter.append(status: .ok, headers: headers, framing: .none, to: &wire)
    let parsed = try parseResponse(String(decoding: wire, as: UTF8.self))
    #expect(parsed.headers.count == 2)
  }

  @Test func `set replaces all and remove removes all`() {
    var headers: HTTPHeaders = ["a": "1", "b": "2", "A": "3", "c": "4"]
    headers.set("a", "5")
    #expect(pairs(headers) == ["b: 2", "c: 4", "a: 5"])
    headers.remove("C")
    headers.remove("nothing")
    headers.set(.host, "h")
    #expect(pairs(headers) == ["b: 2", "a: 5", "host: h"])
  }

  @Test func `changing a copy leaves the parsed head alone`() throws {
    let head = try parseRequest("GET /p HTTP/1.1\r\nHost: h\r\nA: 1\r\n\r\n")
    var copy = head.headers
    copy.remove("a")
    copy.append("b", "2")
    #expect(head.headers["a"] == "1" && head.headers["b"] == nil && head.path == "/p")
    #expect(copy["b"] == "2" && copy["a"] == nil && copy["host"] == "h")
  }

  @Test func `values that are not UTF-8 are repaired as strings and kept as bytes`() throws {
    var parser = RequestHeadParser()
    let bytes = Array("GET / HTTP/1.0\r\nA: x".utf8) + [0xFF] + Array("\r\n\r\n".utf8)
    let parsed = try bytes.withUnsafeBytes { try parser.parse($0) }
    let headers = try #require(parsed).head.headers
    #expect(headers["a"] == "x\u{FFFD}")
    var raw: [UInt8] = []
    headers.forEachRaw { _, value in raw = Array(value) }
    #expect(raw == [0x78, 0xFF])
    #expect(headers.withValue(of: HTTPFieldName("a")) { $0.count } == 2)
    #expect(headers.withValue(of: .host) { $0.count } == nil)
  }

  @Test func `tokens are found in lists over several lines`() {
    let headers: HTTPHeaders = ["connection": "keep-alive, Upgrade", "x": "upgrade", "Connection": " foo\t,,bar "]
    #expect(headers.contains(token: "upgrade", in: .connection))
    #expect(headers.contains(token: "bar", in: .connection))
    #expect(!headers.contains(token: "up", in: .connection))
    #expect(!headers.contains(token: "", in: .connection))
    #expect(!headers.contains(token: "upgrade", in: .upgrade))
  }

  @Test func `hop-by-hop fields and those that Connection names are removed`() {
    var headers: HTTPHeaders = [
      "host": "h", "Connection": "x-hop, Host, close, Authorization", "X-Hop": "1", "keep-alive": "5", "te": "trailers",
      "Trailer": "x", "transfer-encoding": "chunked", "upgrade": "h2c", "proxy-connection": "x", "authorization": "a",
      "b": "2",
    ]
    headers.removeHopByHop()
    #expect(pairs(headers) == ["host: h", "authorization: a", "b: 2"])
  }

  @Test func `numbers are written in full`() {
    for (value, text) in [(0, "0"), (9, "9"), (10, "10"), (UInt64.max, "18446744073709551615")] as [(UInt64, String)] {
      var headers = HTTPHeaders()
      headers.append(.contentLength, value)
      #expect(headers[.contentLength] == text)
    }
  }

  @Test func `equality ignores the case of names only`() {
    #expect(["A": "x"] as HTTPHeaders == ["a": "x"])
    #expect(["A": "x"] as HTTPHeaders != ["a": "X"])
    #expect(["A": "x"] as HTTPHeaders != ["a": "x", "b": "y"])
    #expect(["^": "x"] as HTTPHeaders != ["~": "x"])
  }

  @Test func `a description shows no values`() {
    #expect((["authorization": "secret"] as HTTPHeaders).description == "HTTPHeaders(authorization)")
  }

  @Test func `character classes are those of the grammar`() {
    let alphanumeric = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    let unreserved = alphanumeric.union("-._~".utf8)
    let delimiters = Set("!$&'()*+,;=".utf8)
    for byte in UInt8.min...UInt8.max {
      #expect(ByteSet.token.contains(byte) == alphanumeric.union("!#$%&'*+-.^_`|~".utf8).contains(byte))
      #expect(ByteSet.unreserved.contains(byte) == unreserved.contains(byte))
      #expect(ByteSet.path.contains(byte) == unreserved.union(delimiters).union("%:@/".utf8).contains(byte))
      #expect(ByteSet.query.contains(byte) == unreserved.union(delimiters).union("%:@/?".utf8).contains(byte))
    }
  }

  @Test func `the word-wise scan finds what a byte-wise scan finds`() {
    var random = SeededRandom(seed: 7)
    let palette: [UInt8] = [0, 8, 9, 10, 13, 31, 32, 33, 0x60, 0x7E, 0x7F, 0x80, 0x81, 0x8D, 0x9F, 0xA0, 0xFF]
    for _ in 0..<4000 {
      let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
        Int.random(in: 0..<6, using: &random) == 0 ? palette.randomElement(using: &random) ?? 0 : 0x61
      }
      let expected = bytes.firstIndex { ($0 < 0x20 && $0 != 9) || $0 == 0x7F } ?? bytes.count
      let found = bytes.withUnsafeBufferPointer { buffer in
        buffer.baseAddress.map { firstControl($0, 0, bytes.count) } ?? 0
      }
      #expect(found == expected)
    }
  }
}
