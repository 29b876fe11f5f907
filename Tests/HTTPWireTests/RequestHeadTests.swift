import Testing

@testable import HTTPWire

@Suite struct RequestHeadTests {
  @Test func `a small request`() throws {
    var parser = RequestHeadParser()
    let text = Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
    let result = try text.withUnsafeBytes { try parser.parse($0) }
    #expect(result?.head.path == "/")
  }
}
