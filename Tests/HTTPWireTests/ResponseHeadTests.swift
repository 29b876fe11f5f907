import Testing

@testable import HTTPWire

private func response(_ fields: String, line: String = "HTTP/1.1 200 OK") -> [UInt8] {
  Array("\(line)\r\n\(fields)\r\n".utf8)
}

@Suite struct ResponseHeadTests {
  @Test(arguments: [
    ("", BodyFraming.untilClose, false), ("Content-Length: 5\r\n", .length(5), true),
    ("Transfer-Encoding: chunked\r\n", .chunked, true),
    ("Content-Length: 5\r\nConnection: close\r\n", .length(5), false),
    ("Connection: keep-alive\r\n", .untilClose, false), ("Expect: whatever\r\nContent-Length: 0\r\n", .length(0), true),
  ])
  func `framing follows the fields`(fields: String, framing: BodyFraming, keepAlive: Bool) throws {
    let head = try parseResponse("HTTP/1.1 200 OK\r\n\(fields)\r\n")
    #expect(head.framing == framing)
    #expect(head.keepAlive == keepAlive)
  }

  @Test(arguments: [100, 101, 103, 199, 204, 304])
  func `some statuses never have a body`(code: Int) throws {
    for fields in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""] {
      let head = try parseResponse("HTTP/1.1 \(code) X\r\n\(fields)\r\n")
      #expect(head.framing == .none)
      #expect(head.keepAlive == (code != 101))
    }
  }

  @Test func `the answer to HEAD has no body whatever it says`() throws {
    let head = try parseResponse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method: .head)
    #expect(head.framing == .none && head.keepAlive)
    #expect(responseOutcome(response("Content-Length: x\r\n"), method: .head) == .refused(.invalidContentLength))
  }

  @Test func `HTTP 1.0 closes unless it says otherwise`() throws {
    #expect(try !parseResponse("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n").keepAlive)
    #expect(try parseResponse("HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n").keepAlive)
  }

  @Test(arguments: ["HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 999 \t odd é", "HTTP/1.1 599 A B"])
  func `these status lines are read`(line: String) {
    let bytes = response("Content-Length: 0\r\n", line: line)
    guard case .head(_, let consumed) = responseOutcome(bytes) else {
      Issue.record("refused")
      return
    }
    #expect(consumed == bytes.count)
    #expect(responseOutcomeByteByByte(bytes) == responseOutcome(bytes))
  }

  @Test(arguments: [
    ("", HTTPWireError.Code.malformedStatusLine), ("HTTP/1.1", .malformedStatusLine),
    ("HTTP/1.1 20", .malformedStatusLine),
    ("HTTP/1.1 2000 OK", .malformedStatusLine), ("HTTP/1.1 200OK", .malformedStatusLine),
    ("HTTP/1.1  200 OK", .malformedStatusLine),
    ("HTTP/1.1 099 OK", .malformedStatusLine), ("HTTP/1.1 -20 OK", .malformedStatusLine),
    ("HTTP/1.1 2x0 OK", .malformedStatusLine),
    ("HTTP/1.1\t200 OK", .malformedStatusLine), ("HTTP/1.1 200\tOK", .malformedStatusLine),
    ("http/1.1 200 OK", .malformedStatusLine),
    ("ICY 200 OK", .malformedStatusLine), ("HTTP/2.0 200 OK", .unsupportedVersion),
    ("HTTP/0.9 200 OK", .unsupportedVersion),
    ("HTTP/1.1 200 O\rK", .malformedStatusLine), ("HTTP/1.1 200 O\0K", .malformedStatusLine),
    ("GET / HTTP/1.1 ab", .malformedStatusLine),
    ("HTTP/1.1 200 \(String(repeating: "x", count: 9000))", .malformedStatusLine),
  ])
  func `these status lines are refused`(line: String, code: HTTPWireError.Code) {
    let bytes = response("", line: line)
    #expect(responseOutcome(bytes) == .refused(code))
    #expect(responseOutcomeByteByByte(bytes) == .refused(code))
  }

  @Test(arguments: [
    ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", HTTPWireError.Code.conflictingFraming),
    ("Content-Length: 5\r\nContent-Length: 5\r\n", .duplicateContentLength),
    ("Content-Length: 5, 5\r\n", .invalidContentLength),
    ("Transfer-Encoding: gzip, chunked\r\n", .unsupportedTransferEncoding), ("A : b\r\n", .whitespaceBeforeColon),
    (" a: b\r\n", .obsoleteFolding), ("a: b\0\r\n", .invalidHeaderValue), ("a: b\n", .bareLineFeed),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", .invalidTransferEncoding),
  ])
  func `a response is held to the same framing rules`(fields: String, code: HTTPWireError.Code) {
    for method in [HTTPMethod.get, .head] {
      #expect(responseOutcome(response(fields), method: method) == .refused(code))
      #expect(responseOutcomeByteByByte(response(fields), method: method) == .refused(code))
    }
  }

  @Test func `a chunked answer of HTTP 1.0 is refused`() {
    let bytes = response("Transfer-Encoding: chunked\r\n", line: "HTTP/1.0 200 OK")
    #expect(responseOutcome(bytes) == .refused(.invalidTransferEncoding))
  }

  @Test func `no empty line may stand before a status line`() {
    #expect(responseOutcome(Array("\r\nHTTP/1.1 200 OK\r\n\r\n".utf8)) == .refused(.malformedStatusLine))
  }

  @Test func `an interim head is followed by the final one`() {
    let interim = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    let final = Array("HTTP/1.1 204 No Content\r\n\r\n".utf8)
    var parser = ResponseHeadParser(requestMethod: .post)
    guard case .head(_, let consumed) = responseOutcome(&parser, interim + final) else {
      Issue.record("refused")
      return
    }
    #expect(consumed == interim.count)
    guard case .head(let summary, _) = responseOutcome(&parser, final) else {
      Issue.record("refused")
      return
    }
    #expect(summary.hasPrefix("204"))
  }
}

@Suite struct HeadWriterTests {
  private func written(
    _ status: HTTPStatus, _ headers: HTTPHeaders = HTTPHeaders(), _ framing: BodyFraming, keepAlive: Bool = true,
    version: HTTPVersion = .http11, date: String = "", connection: StaticString? = nil, omitsFraming: Bool = false
  ) -> String {
    var out: [UInt8] = []
    ResponseHeadWriter.append(
      status: status, headers: headers, framing: framing, keepAlive: keepAlive, version: version,
      date: Array(date.utf8),
      connection: connection, omitsFraming: omitsFraming, to: &out)
    return String(decoding: out, as: UTF8.self)
  }

  @Test func `a response head is written byte for byte`() {
    #expect(
      written(.ok, ["Content-Type": "text/plain"], .length(5), date: "D")
        == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ndate: D\r\ncontent-length: 5\r\n\r\n")
    #expect(written(.notFound, .none) == "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
    #expect(
      written(.ok, .chunked, keepAlive: false)
        == "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n")
    #expect(written(.ok, .untilClose) == "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
    #expect(written(.noContent, .none) == "HTTP/1.1 204 No Content\r\n\r\n")
    #expect(written(.notModified, .none) == "HTTP/1.1 304 Not Modified\r\n\r\n")
    #expect(written(.ok, .length(1), version: .http10).hasSuffix("connection: keep-alive\r\n\r\n"))
    #expect(
      written(.switchingProtocols, .none, connection: "upgrade")
        == "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n")
    #expect(written(.ok, .none, omitsFraming: true) == "HTTP/1.1 200 OK\r\n\r\n")
    #expect(written(HTTPStatus(code: 299), .none).hasPrefix("HTTP/1.1 299 Success\r\n"))
  }

  private func written(
    _ status: HTTPStatus, _ framing: BodyFraming, keepAlive: Bool = true, version: HTTPVersion = .http11,
    connection: StaticString? = nil, omitsFraming: Bool = false
  ) -> String {
    written(
      status, HTTPHeaders(), framing, keepAlive: keepAlive, version: version, connection: connection,
      omitsFraming: omitsFraming)
  }

  @Test func `fields of the caller cannot contradict the framing`() {
    let text = written(
      .ok, ["content-length": "9", "Transfer-Encoding": "chunked", "connection": "x", "date": "old", "a": "b"],
      .length(5), date: "new")
    #expect(text == "HTTP/1.1 200 OK\r\na: b\r\ndate: new\r\ncontent-length: 5\r\n\r\n")
    #expect(written(.ok, ["date": "own"], .length(0)).contains("date: own\r\n"))
  }

  @Test func `parsed fields are forwarded in canonical form`() throws {
    let head = try parseRequest("GET / HTTP/1.1\r\nHost:h\r\nA:  1\t\r\nB:2\r\nC: 3 \r\nD:\r\nE: \r\n\r\n")
    let text = written(.ok, head.headers, .length(0))
    #expect(text == "HTTP/1.1 200 OK\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: \r\nE: \r\ncontent-length: 0\r\n\r\n")
  }

  @Test func `a single field is as safe as a list of them`() {
    var out: [UInt8] = []
    Array("a\r\nb: c\0".utf8).withUnsafeBytes { ResponseHeadWriter.appendField(.server, $0, to: &out) }
    #expect(String(decoding: out, as: UTF8.self) == "server: a  b: c \r\n")
    ResponseHeadWriter.appendField(HTTPFieldName("a b"), UnsafeRawBufferPointer(start: nil, count: 0), to: &out)
    #expect(out.count == 18)
  }

  @Test func `every status is three digits with a reason and its own constant line`() {
    for code in -5...1200 {
      let status = HTTPStatus(code: code)
      #expect((100...999).contains(code) ? Int(status.code) == code : status == .internalServerError)
      var out: [UInt8] = []
      ResponseHeadWriter.appendStatusLine(status, to: &out)
      #expect(String(decoding: out, as: UTF8.self) == "HTTP/1.1 \(status.code) \(status.reason)\r\n")
    }
  }

  private func request(
    _ method: HTTPMethod, _ target: String, host: String = "h", headers: HTTPHeaders = HTTPHeaders(),
    framing: BodyFraming = .none,
    keepAlive: Bool = true
  ) throws -> String {
    var out: [UInt8] = []
    try RequestHeadWriter.append(
      method: method, target: target, host: host, headers: headers, framing: framing, keepAlive: keepAlive, to: &out)
    return String(decoding: out, as: UTF8.self)
  }

  @Test func `a request head is written and can be parsed`() throws {
    let text = try request(
      .post, "/a?b", host: "[::1]:8080", headers: ["host": "evil", "A": "b", "content-length": "99"],
      framing: .length(3), keepAlive: false)
    #expect(text == "POST /a?b HTTP/1.1\r\nhost: [::1]:8080\r\nA: b\r\ncontent-length: 3\r\nconnection: close\r\n\r\n")
    let head = try parseRequest(text)
    #expect(head.host == "[::1]:8080" && head.framing == .length(3) && !head.keepAlive)
    #expect(try request(.get, "/") == "GET / HTTP/1.1\r\nhost: h\r\n\r\n")
    #expect(try request(.post, "/").contains("content-length: 0\r\n"))
    #expect(try request(.put, "/", framing: .chunked).contains("transfer-encoding: chunked\r\n"))
    #expect(try request(.options, "*").hasPrefix("OPTIONS * HTTP/1.1"))
  }

  @Test(arguments: ["", "a", "*", "/a b", "/\r\nX: y", "/é", "/#f", "http://h/", "/a\0", "?q"])
  func `a target that could split the request is refused`(target: String) {
    #expect(throws: HTTPWireError(.invalidTarget)) { try request(.get, target) }
  }

  @Test(arguments: ["", "h\r\nX: y", "h h", "u@h", "h/", "h:x", "[::1"])
  func `a host that could split the request is refused`(host: String) {
    #expect(throws: HTTPWireError(.invalidHost)) { try request(.get, "/", host: host) }
  }

  @Test func `only standard methods are sent`() {
    #expect(throws: HTTPWireError(.invalidMethod)) { try request(.other, "/") }
    #expect(throws: HTTPWireError(.invalidMethod)) { try request(.connect, "/") }
  }
}

@Suite struct HTTPWireErrorTests {
  @Test(arguments: HTTPWireError.Code.allCases)
  func `every code has a stable name, a sentence and an error status`(code: HTTPWireError.Code) {
    let error = HTTPWireError(code)
    #expect(!code.rawValue.isEmpty && code.rawValue.allSatisfy { $0.isASCII && ($0.isLowercase || $0 == "_") })
    #expect(error.message.hasSuffix("."))
    #expect(error.status.isClientError || error.status.isServerError)
    #expect(error.description == "\(code.rawValue): \(error.message)")
  }

  @Test func `codes are spelled in snake case`() {
    #expect(HTTPWireError.Code.invalidURL.rawValue == "invalid_url")
    #expect(HTTPWireError.Code.urlHasUserInfo.rawValue == "url_has_user_info")
    #expect(HTTPWireError.Code.webSocketInvalidKey.rawValue == "web_socket_invalid_key")
    #expect(HTTPWireError.Code.bareLineFeed.rawValue == "bare_line_feed")
  }
}
