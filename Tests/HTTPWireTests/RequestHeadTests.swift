import Testing

@testable import HTTPWire

/// A vector: what is sent, and what must come of it.
struct RequestVector: CustomTestStringConvertible, Sendable {
  let name: String
  let bytes: [UInt8]
  let refusal: HTTPWireError.Code?

  init(_ name: String, _ text: String, _ refusal: HTTPWireError.Code? = nil) {
    self.init(name, bytes: Array(text.utf8), refusal)
  }

  init(_ name: String, bytes: [UInt8], _ refusal: HTTPWireError.Code? = nil) {
    self.name = name
    self.bytes = bytes
    self.refusal = refusal
  }

  var testDescription: String { name }

  /// `GET / HTTP/1.1` with Host and these field lines.
  static func fields(_ name: String, _ lines: String, _ refusal: HTTPWireError.Code? = nil) -> RequestVector {
    RequestVector(name, "GET / HTTP/1.1\r\nHost: h\r\n\(lines)\r\n\r\n", refusal)
  }

  /// A request with that line and a Host.
  static func line(_ line: String, _ refusal: HTTPWireError.Code? = nil) -> RequestVector {
    RequestVector("line «\(line)»", "\(line)\r\nHost: h\r\n\r\n", refusal)
  }
}

let requestVectors: [RequestVector] =
  [
    .line("GET / HTTP/1.1"), .line("GET /a/b?c=d&e=%20 HTTP/1.1"), .line("GET /? HTTP/1.1"),
    .line("GET /a??b HTTP/1.1"), .line("PROPFIND /x HTTP/1.1"), .line("OPTIONS * HTTP/1.1"),
    .line("GET http://other/ HTTP/1.1"), .line("GET HTTPS://other:8443/p?q HTTP/1.1"),
    .line("GET http://other HTTP/1.1"), .line("GET http://other?q HTTP/1.1"),
    .line("GET http://[::1]:80/ HTTP/1.1"), .line("GET /;:@&=+$,!*'()~-._ HTTP/1.0"),
    // Request lines.
    .line("", .invalidMethod), .line("GET", .malformedRequestLine), .line("GET /", .malformedRequestLine),
    .line("GET  HTTP/1.1", .malformedRequestLine), .line("GET HTTP/1.1", .malformedRequestLine),
    .line(" GET / HTTP/1.1", .malformedRequestLine), .line("GET  / HTTP/1.1", .invalidTarget),
    .line("GET /  HTTP/1.1", .invalidTarget), .line("GET / HTTP/1.1 ", .malformedRequestLine),
    .line("GET\t/\tHTTP/1.1", .invalidMethod), .line("G@T / HTTP/1.1", .invalidMethod),
    .line("GÉT / HTTP/1.1", .invalidMethod), .line("GET: / HTTP/1.1", .invalidMethod),
    .line("\(String(repeating: "A", count: 65)) / HTTP/1.1", .invalidMethod),
    // Versions.
    .line("GET / HTTP/0.9", .unsupportedVersion), .line("GET / HTTP/1.2", .unsupportedVersion),
    .line("GET / HTTP/2.0", .unsupportedVersion), .line("PRI * HTTP/2.0", .unsupportedVersion),
    .line("GET / http/1.1", .malformedRequestLine), .line("GET / HTTP/1.11", .malformedRequestLine),
    .line("GET / HTTP/1,1", .malformedRequestLine), .line("GET / HTTP/ 1.1", .malformedRequestLine),
    .line("GET / HTTPS/1.1", .malformedRequestLine), .line("GET / HTTP/1", .malformedRequestLine),
    .line("GET / HTTP/1.x", .malformedRequestLine), .line("GET / HTTP/01.1", .malformedRequestLine),
    // Methods that are never served.
    .line("CONNECT h:443 HTTP/1.1", .methodNotImplemented), .line("TRACE / HTTP/1.1", .methodNotAllowed),
    // Targets.
    .line("GET * HTTP/1.1", .invalidTarget), .line("OPTIONS ** HTTP/1.1", .invalidTarget),
    .line("GET a HTTP/1.1", .invalidTarget), .line("GET ?a HTTP/1.1", .invalidTarget),
    .line("GET h:80 HTTP/1.1", .invalidTarget), .line("GET /#a HTTP/1.1", .invalidTarget),
    .line("GET /a b HTTP/1.1", .invalidTarget), .line("GET /\u{7F} HTTP/1.1", .invalidTarget),
    .line("GET /\0 HTTP/1.1", .invalidTarget), .line("GET /é HTTP/1.1", .invalidTarget),
    .line("GET /\\a HTTP/1.1", .invalidTarget), .line("GET /a\rb HTTP/1.1", .invalidTarget),
    .line("GET /\"x\" HTTP/1.1", .invalidTarget), .line("GET /<x> HTTP/1.1", .invalidTarget),
    .line("GET /?{x} HTTP/1.1", .invalidTarget), .line("GET /a|b HTTP/1.1", .invalidTarget),
    .line("GET ftp://h/ HTTP/1.1", .invalidTarget), .line("GET http:/h/ HTTP/1.1", .invalidTarget),
    .line("GET http:// HTTP/1.1", .invalidTarget), .line("GET http:/// HTTP/1.1", .invalidHost),
    .line("GET http://u@h/ HTTP/1.1", .invalidHost), .line("GET http://u:p@h/ HTTP/1.1", .invalidHost),
    .line("GET http://h:1x/ HTTP/1.1", .invalidHost), .line("GET http://h#f HTTP/1.1", .invalidHost),
  ] + [
    // Line ends.
    RequestVector("one leading empty line", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    RequestVector("two leading empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", .malformedRequestLine),
    RequestVector("bare LF before the request", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", .bareLineFeed),
    RequestVector("bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", .bareLineFeed),
    RequestVector("bare LF after a field", "GET / HTTP/1.1\r\nHost: h\n\r\n", .bareLineFeed),
    RequestVector("bare LF as the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\n", .bareLineFeed),
    RequestVector("CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", .invalidHeaderValue),
    RequestVector("CR CR LF in the request line", "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", .malformedRequestLine),
    RequestVector("unfinished", "GET / HTTP/1.1\r\nHost: h\r\n\r"), RequestVector("only CR", "\r"),
    RequestVector("nothing", ""),
    .fields("bare CR in a value", "A: b\rc", .invalidHeaderValue),
    .fields("bare CR that hides a field", "A: b\rTransfer-Encoding: chunked", .invalidHeaderValue),
    .fields("NUL in a value", "A: b\0c", .invalidHeaderValue),
    .fields(
      "NUL deep in a long value", "A: \(String(repeating: "x", count: 21))\0\(String(repeating: "y", count: 9))",
      .invalidHeaderValue),
    .fields("DEL in a value", "A: b\u{7F}c", .invalidHeaderValue),
    .fields("vertical tab", "A: b\u{B}c", .invalidHeaderValue),
    .fields("escape", "A: \u{1B}[31m", .invalidHeaderValue),
    .fields("tabs are text", "A: \tb\tc\t"), .fields("empty value", "A:"), .fields("blank value", "A: \t "),
    .fields("high bytes are text", "A: é€😀"),
    RequestVector(
      "bytes that are not UTF-8",
      bytes: Array("GET / HTTP/1.1\r\nHost: h\r\nA: ".utf8) + [0xFF, 0x80] + Array("\r\n\r\n".utf8)),
    // Names.
    .fields("blank before the colon", "A : b", .whitespaceBeforeColon),
    .fields("tab before the colon", "A\t: b", .whitespaceBeforeColon),
    .fields("blank in front of Transfer-Encoding's colon", "Transfer-Encoding : chunked", .whitespaceBeforeColon),
    .fields("folded line", " folded", .obsoleteFolding), .fields("folded with tab", "\tfolded", .obsoleteFolding),
    .fields("no colon", "Abc", .invalidHeaderName), .fields("no name", ": b", .invalidHeaderName),
    .fields("CR in a name", "A\rB: c", .invalidHeaderName), .fields("NUL in a name", "A\0B: c", .invalidHeaderName),
    .fields("high byte in a name", "Ä: c", .invalidHeaderName),
    .fields("brackets in a name", "A[]: c", .invalidHeaderName),
    .fields("quotes in a name", "\"A\": c", .invalidHeaderName),
    .fields("every token character", "!#$%&'*+-.^_`|~09azAZ: c"),
    .fields("a control where a name begins", "\u{B}Transfer-Encoding: chunked", .invalidHeaderName),
  ] + [
    // Host.
    RequestVector("1.1 without Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", .missingHost),
    RequestVector("1.1 without any field", "GET / HTTP/1.1\r\n\r\n", .missingHost),
    RequestVector("absolute form without Host", "GET http://h/ HTTP/1.1\r\n\r\n", .missingHost),
    RequestVector("1.0 without Host", "GET / HTTP/1.0\r\n\r\n"),
    .fields("two Hosts", "Host: h", .duplicateHost), .fields("two Hosts in other case", "hOST: x", .duplicateHost),
    RequestVector("1.0 with two Hosts", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .duplicateHost),
  ]
  + [
    "", " ", "a b", "a,b", "a/b", "u@h", "h:", "h:80:90", "h:http", "h:123456", "[::1", "[]", "[:]x", "[::1]80",
    "[::g]", "a[b]", "é", "h\\x", "h?x", "h#x", ":80",
  ]
  .filter { $0 != "h:" }
  .map { RequestVector("host «\($0)»", "GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n", .invalidHost) }
  + ["h", "h:", "h:1", "h:65535", "127.0.0.1:80", "[::1]", "[2001:db8::1]:443", "a-b.c_d.example", "xn--e1a"]
  .map { RequestVector("host «\($0)»", "GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n") }
  + [
    // Framing: every request-smuggling classic is refused, never guessed at.
    .fields("length", "Content-Length: 5"), .fields("length zero", "Content-Length: 0"),
    .fields("leading zeros", "Content-Length: 0005"), .fields("largest length", "Content-Length: 9223372036854775807"),
    .fields("chunked", "Transfer-Encoding: chunked"), .fields("chunked in capitals", "transfer-encoding: CHUNKED"),
    .fields("CL and TE", "Content-Length: 5\r\nTransfer-Encoding: chunked", .conflictingFraming),
    .fields("TE and CL", "Transfer-Encoding: chunked\r\nContent-Length: 5", .conflictingFraming),
    .fields("TE and CL 0", "Transfer-Encoding: chunked\r\nContent-Length: 0", .conflictingFraming),
    .fields("two lengths", "Content-Length: 5\r\nContent-Length: 6", .duplicateContentLength),
    .fields("two equal lengths", "Content-Length: 5\r\nContent-Length: 5", .duplicateContentLength),
    .fields("two chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .invalidTransferEncoding),
    .fields(
      "identity then chunked", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", .unsupportedTransferEncoding
    ),
    .fields(
      "chunked then identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", .invalidTransferEncoding),
    RequestVector(
      "chunked in 1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", .invalidTransferEncoding),
    .fields("TE after a folded line", "X: y\r\n Transfer-Encoding: chunked", .obsoleteFolding),
  ]
  + [
    "", "-1", "+5", "5, 5", "5,5", "5 5", "0x5", "5.0", "1e3", "five", "9223372036854775808", "18446744073709551616",
    "99999999999999999999999999", "５",
  ]
  .map { .fields("length «\($0)»", "Content-Length: \($0)", .invalidContentLength) }
  + [
    "", "gzip", "identity", "xchunked", "chunkedx", "chunked, chunked", "gzip, chunked", "chunked, identity",
    "chunked,", ",chunked", "\"chunked\"", "chunked;q=1", "'chunked'", "chun ked", "cow",
  ]
  .map { .fields("coding «\($0)»", "Transfer-Encoding: \($0)", .unsupportedTransferEncoding) }
  + [
    .fields("vertical tab before chunked", "Transfer-Encoding: \u{B}chunked", .invalidHeaderValue),
    .fields("100-continue", "Expect: 100-Continue"),
    .fields("other expectation", "Expect: 200-ok", .unsupportedExpectation),
    .fields("two expectations", "Expect: 100-continue\r\nExpect: 100-continue", .unsupportedExpectation),
    .fields("listed expectation", "Expect: 100-continue, x", .unsupportedExpectation),
  ]

@Suite struct RequestHeadTests {
  @Test(arguments: requestVectors)
  func `each vector is accepted or refused for its own reason`(vector: RequestVector) {
    switch requestOutcome(vector.bytes) {
    case .head(_, let consumed):
      #expect(vector.refusal == nil)
      #expect(consumed == vector.bytes.count)
    case .needMore: #expect(vector.refusal == nil && !vector.bytes.suffix(4).elementsEqual("\r\n\r\n".utf8))
    case .refused(let code): #expect(code == vector.refusal)
    }
  }

  @Test(arguments: requestVectors)
  func `feeding byte by byte comes to the same result`(vector: RequestVector) {
    #expect(requestOutcomeByteByByte(vector.bytes) == requestOutcome(vector.bytes))
  }

  @Test func `all parts of a request can be read`() throws {
    let head = try parseRequest(
      "POST /a%2Fb/c?x=1&y HTTP/1.1\r\nhOsT: example.org:8080\r\nContent-Length: 12\r\nExpect: 100-continue\r\nX-A: 1 \r\nx-a:2\r\n\r\n"
    )
    #expect(head.method == .post)
    #expect(head.methodName == "POST")
    #expect(head.target == "/a%2Fb/c?x=1&y")
    #expect(head.path == "/a%2Fb/c")
    #expect(head.query == "x=1&y")
    #expect(head.version == .http11)
    #expect(head.framing == .length(12))
    #expect(head.keepAlive)
    #expect(head.expectsContinue)
    #expect(head.host == "example.org:8080")
    #expect(head.headers["X-a"] == "1")
    #expect(head.headers.values(of: "x-A") == ["1", "2"])
    #expect(head.headers.count == 5)
    #expect(head.description == "POST /a%2Fb/c")
  }

  @Test func `an absolute target names the host and wins over the field`() throws {
    let head = try parseRequest("GET http://target:81/p?q HTTP/1.1\r\nHost: field\r\n\r\n")
    #expect(head.host == "target:81")
    #expect(head.path == "/p")
    #expect(head.query == "q")
    let bare = try parseRequest("GET http://target HTTP/1.1\r\nHost: field\r\n\r\n")
    #expect(bare.path == "/")
    #expect(bare.query == nil)
    #expect(bare.withPathBytes { Array($0) } == [0x2F])
    let query = try parseRequest("GET http://target?a HTTP/1.1\r\nHost: field\r\n\r\n")
    #expect(query.path == "/" && query.query == "a")
  }

  @Test func `a query may be empty or hold further question marks`() throws {
    #expect(try parseRequest("GET /? HTTP/1.1\r\nHost: h\r\n\r\n").query == "")
    #expect(try parseRequest("GET /a?b?c HTTP/1.1\r\nHost: h\r\n\r\n").query == "b?c")
    #expect(try parseRequest("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").path == "*")
  }

  @Test(arguments: [
    ("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.1", "Connection: x, CLOSE ,y\r\n", false),
    ("1.1", "Connection: keep-alive\r\nConnection: close\r\n", false), ("1.1", "Connection: closed\r\n", true),
    ("1.1", "Connection: ,,\t,\r\n", true), ("1.0", "", false), ("1.0", "Connection: Keep-Alive\r\n", true),
    ("1.0", "Connection: keep-alive, close\r\n", false), ("1.0", "Keep-Alive: 5\r\n", false),
  ])
  func `the connection stays open only when both sides may use it again`(version: String, field: String, stays: Bool)
    throws
  {
    #expect(try parseRequest("GET / HTTP/\(version)\r\nHost: h\r\n\(field)\r\n").keepAlive == stays)
  }

  @Test func `HTTP 1.0 cannot wait for a continue`() throws {
    #expect(try !parseRequest("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expectsContinue)
  }

  @Test(arguments: HTTPMethod.allCases)
  func `a method is known by its exact name only`(method: HTTPMethod) {
    #expect(HTTPMethod(name: "\(method.name)") == method)
    #expect(HTTPMethod(name: "\(method.name)".lowercased()) == .other)
    #expect(HTTPMethod(name: "\(method.name)X") == .other)
  }

  @Test func `an unknown method keeps its name`() throws {
    let head = try parseRequest("M-SEARCH / HTTP/1.1\r\nHost: h\r\n\r\n")
    #expect(head.method == .other)
    #expect(head.methodName == "M-SEARCH")
  }

  @Test func `pipelined requests come out one by one`() {
    let first = Array("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
    let second = Array("\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n".utf8)
    var rest = first + second + first + Array("GET /".utf8)
    var parser = RequestHeadParser()
    var consumed: [Int] = []
    while case .head(_, let count) = requestOutcome(&parser, rest) {
      consumed.append(count)
      rest.removeFirst(count)
    }
    #expect(consumed == [first.count, second.count, first.count])
    #expect(rest == Array("GET /".utf8))
  }

  @Test func `a built head reads like a parsed one`() throws {
    let built = try RequestHead(
      method: .put, target: "/a/b?c=d", headers: ["host": "h:1", "x-a": "b"], framing: .length(3))
    let parsed = try parseRequest("PUT /a/b?c=d HTTP/1.1\r\nHost: h:1\r\nX-A: b\r\nContent-Length: 3\r\n\r\n")
    #expect(built.path == parsed.path && built.query == parsed.query && built.host == parsed.host)
    #expect(built.methodName == parsed.methodName && built.target == parsed.target && built.framing == parsed.framing)
    #expect(throws: HTTPWireError(.invalidTarget)) { try RequestHead(method: .get, target: "/a b") }
    #expect(throws: HTTPWireError(.invalidTarget)) { try RequestHead(method: .get, target: "") }
    #expect(throws: HTTPWireError(.invalidMethod)) { try RequestHead(method: .other, target: "/") }
  }
}

@Suite struct RequestLimitTests {
  private let limits = HTTPLimits(startLineBytesMax: 64, headBytesMax: 256, headerCountMax: 3)

  private func request(target: Int = 1, fields: Int = 0, value: Int = 0) -> [UInt8] {
    let lines = (0..<fields).map { "X\($0): \(String(repeating: "v", count: value))\r\n" }.joined()
    return Array("GET /\(String(repeating: "a", count: target - 1)) HTTP/1.1\r\nHost: h\r\n\(lines)\r\n".utf8)
  }

  @Test func `a request line may be exactly as long as its limit`() {
    // `GET ` and ` HTTP/1.1` are 13 bytes.
    #expect(requestOutcome(request(target: 51), limits: limits) != .refused(.requestLineTooLong))
    #expect(requestOutcome(request(target: 52), limits: limits) == .refused(.requestLineTooLong))
  }

  @Test func `a head may be exactly as large as its limit`() {
    let fixed = request(fields: 1, value: 0).count
    #expect(requestOutcome(request(fields: 1, value: 256 - fixed), limits: limits) != .refused(.headTooLarge))
    #expect(requestOutcome(request(fields: 1, value: 257 - fixed), limits: limits) == .refused(.headTooLarge))
  }

  @Test func `the number of fields is limited`() {
    #expect(requestOutcome(request(fields: 2), limits: limits) != .refused(.tooManyHeaders))
    #expect(requestOutcome(request(fields: 3), limits: limits) == .refused(.tooManyHeaders))
  }

  @Test func `limits are found before the end arrives and whole feeding agrees`() {
    for bytes in [
      request(target: 52), request(fields: 1, value: 300), request(fields: 3), request(target: 400),
      [UInt8](repeating: 0x41, count: 500), Array("GET / HTTP/1.1\r\n".utf8) + [UInt8](repeating: 0x42, count: 400),
    ] {
      let whole = requestOutcome(bytes, limits: limits)
      guard case .refused = whole else {
        Issue.record("accepted")
        continue
      }
      #expect(requestOutcomeByteByByte(bytes, limits: limits) == whole)
      #expect(requestOutcome(bytes.dropLast(2), limits: limits) == whole)
    }
  }

  @Test func `the statuses of limits are those that clients know`() {
    #expect(HTTPWireError(.requestLineTooLong).status == .uriTooLong)
    #expect(HTTPWireError(.headTooLarge).status == .requestHeaderFieldsTooLarge)
    #expect(HTTPWireError(.tooManyHeaders).status == .requestHeaderFieldsTooLarge)
    #expect(HTTPWireError(.unsupportedVersion).status == .httpVersionNotSupported)
    #expect(HTTPWireError(.unsupportedExpectation).status == .expectationFailed)
    #expect(HTTPWireError(.conflictingFraming).status == .badRequest)
    #expect(HTTPWireError(.methodNotImplemented).status == .notImplemented)
    #expect(HTTPWireError(.methodNotAllowed).status == .methodNotAllowed)
  }

  @Test func `silly limits are brought into range`() {
    let limits = HTTPLimits(startLineBytesMax: -1, headBytesMax: .max, headerCountMax: -5)
    #expect(limits.startLineBytesMax == 16)
    #expect(limits.headBytesMax == 16 << 20)
    #expect(limits.headerCountMax == 0)
  }

  @Test func `a name longer than its index field is refused`() {
    let name = String(repeating: "n", count: 70_000)
    let bytes = Array("GET / HTTP/1.1\r\nHost: h\r\n\(name): v\r\n\r\n".utf8)
    #expect(requestOutcome(bytes, limits: HTTPLimits(headBytesMax: 1 << 20)) == .refused(.invalidHeaderName))
  }
}
