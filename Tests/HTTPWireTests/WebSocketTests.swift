import Testing

@testable import HTTPWire

private let mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]

/// A frame written by hand, valid or not.
private func frame(
  _ opcode: UInt8, _ payload: [UInt8] = [], final: Bool = true, reserved: UInt8 = 0, mask: [UInt8]? = mask
) -> [UInt8] {
  var bytes: [UInt8] = [(final ? 0x80 : 0) | reserved << 4 | opcode]
  let flag: UInt8 = mask == nil ? 0 : 0x80
  if payload.count < 126 {
    bytes.append(flag | UInt8(payload.count))
  } else if payload.count < 65_536 {
    bytes += [flag | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
  } else {
    bytes.append(flag | 127)
    for shift in stride(from: 56, through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: payload.count >> shift))
    }
  }
  guard let mask else { return bytes + payload }
  return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
}

private func text(_ string: String, final: Bool = true) -> [UInt8] { frame(1, Array(string.utf8), final: final) }

private func close(_ code: Int, _ reason: [UInt8] = []) -> [UInt8] {
  frame(8, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
}

private enum Result: Equatable {
  case events([WebSocketEvent])
  case violation(UInt16)
}

private func receive(_ bytes: [UInt8], step: Int = .max, expectsMask: Bool = true, max: Int = 1 << 20) -> Result {
  var receiver = WebSocketReceiver(expectsMask: expectsMask, messageBytesMax: max)
  var events: [WebSocketEvent] = []
  var at = 0
  while at < bytes.count {
    let end = min(bytes.count, at + min(step, bytes.count))
    do throws(WebSocketViolation) {
      events += try receiver.feed(bytes[at..<end])
    } catch {
      return .violation(error.code)
    }
    at = end
  }
  return .events(events)
}

private let good: [(String, [UInt8], [WebSocketEvent])] = [
  ("empty text", text(""), [.text("")]), ("text", text("Hello"), [.text("Hello")]),
  ("binary", frame(2, [0, 255]), [.binary([0, 255])]),
  ("empty binary", frame(2), [.binary([])]), ("ping with payload", frame(9, [1, 2]), [.ping([1, 2])]),
  ("empty ping", frame(9), [.ping([])]),
  ("largest ping", frame(9, [UInt8](repeating: 7, count: 125)), [.ping([UInt8](repeating: 7, count: 125))]),
  ("unasked pong", frame(10), [.pong([])]),
  ("fragments", text("Hel", final: false) + frame(0, Array("lo".utf8)), [.text("Hello")]),
  (
    "ping between fragments",
    frame(2, [1], final: false) + frame(9, [9]) + frame(0, [2], final: false) + frame(10) + frame(0, [3]),
    [.ping([9]), .pong([]), .binary([1, 2, 3])]
  ),
  ("empty fragments", text("", final: false) + frame(0, [], final: false) + frame(0), [.text("")]),
  ("empty fragments around text", text("", final: false) + frame(0, [0x61], final: false) + frame(0), [.text("a")]),
  (
    "a character over fragments",
    frame(1, [0xF0, 0x9F], final: false) + frame(0, [0x98], final: false) + frame(0, [0x80]), [.text("😀")]
  ),
  ("two messages", text("a") + text("b"), [.text("a"), .text("b")]),
  ("text after fragments", text("é", final: false) + frame(0) + text("z"), [.text("é"), .text("z")]),
  ("close without code", frame(8), [.close(code: 1000)]),
  ("close with reason", close(1001, Array("bye".utf8)), [.close(code: 1001)]),
  ("nothing counts behind a close", close(1000) + text("x") + [0xFF, 0xFF, 0xFF], [.close(code: 1000)]),
  ("close within fragments", text("a", final: false) + close(1000), [.close(code: 1000)]),
]

private let bad: [(String, [UInt8], UInt16)] =
  [
    ("unmasked", frame(1, [0x61], mask: nil), 1002), ("unmasked empty ping", frame(9, mask: nil), 1002),
    ("continuation of nothing", frame(0, [1]), 1002),
    ("unfinished continuation of nothing", frame(0, [1], final: false), 1002),
    ("continuation after a whole message", text("a") + frame(0), 1002),
    ("text within fragments", text("a", final: false) + text("b"), 1002),
    ("binary within fragments", text("a", final: false) + frame(2, [1]), 1002),
    ("fragmented ping", frame(9, final: false), 1002),
    ("fragmented close", frame(8, final: false), 1002),
    ("ping of 126", frame(9, [UInt8](repeating: 1, count: 126)), 1002),
    ("close of 126", frame(8, [3, 232] + [UInt8](repeating: 0x61, count: 124)), 1002),
    ("ping of 70000", frame(9, [UInt8](repeating: 1, count: 70_000)), 1002),
    ("close with one byte", frame(8, [3]), 1002), ("close reason not UTF-8", close(1000, [0xFF]), 1007),
    ("length 125 in two bytes", [0x82, 0xFE, 0, 125], 1002),
    ("length 65535 in eight bytes", [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], 1002),
    ("length with its top bit", [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], 1002),
    ("length 2^63-1", [0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 1009),
    ("two megabytes", [0x82, 0xFF, 0, 0, 0, 0, 0, 0x20, 0, 0], 1009),
    ("text not UTF-8", frame(1, [0xFF]), 1007), ("cut-off character", frame(1, [0xC3]), 1007),
    ("cut-off over fragments", frame(1, [0xC3], final: false) + frame(0), 1007),
    ("overlong slash", frame(1, [0xC0, 0xAF]), 1007), ("surrogate", frame(1, [0xED, 0xA0, 0x80]), 1007),
    ("over U+10FFFF", frame(1, [0xF4, 0x90, 0x80, 0x80]), 1007),
    ("wrong before the last fragment", frame(1, [0x61, 0xFF], final: false), 1007),
    ("surrogate over fragments", frame(1, [0xED], final: false) + frame(0, [0xA0], final: false), 1007),
  ]
  + (1...7).map { ("reserved bits \($0)", frame(1, [0x61], reserved: $0), 1002) }
  + [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map { ("opcode \($0)", frame($0), 1002) }
  + [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map {
    ("close code \($0)", close($0), 1002)
  }

@Suite struct WebSocketTests {
  @Test(arguments: good)
  func `valid frames are understood however they are split`(name: String, bytes: [UInt8], expected: [WebSocketEvent]) {
    for step in [1, 2, 3, 7, .max] { #expect(receive(bytes, step: step) == .events(expected)) }
  }

  @Test(arguments: bad)
  func `violations are found however they are split`(name: String, bytes: [UInt8], code: UInt16) {
    for step in [1, 2, 3, 7, .max] { #expect(receive(bytes, step: step) == .violation(code)) }
  }

  @Test(arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
  func `these close codes may be sent`(code: Int) {
    #expect(receive(close(code)) == .events([.close(code: UInt16(code))]))
  }

  @Test(arguments: [0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537, 200_003])
  func `every size of payload survives the way there and back`(count: Int) {
    let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    for key in [nil, mask] {
      var wire: [UInt8] = []
      WebSocketEncoder.append(.binary, payload, mask: key, to: &wire)
      #expect(wire == frame(2, payload, mask: key))
      #expect(receive(wire, step: 4093, expectsMask: key != nil) == .events([.binary(payload)]))
    }
  }

  @Test func `a client refuses masked frames`() {
    #expect(receive(text("a"), expectsMask: false) == .violation(1002))
    #expect(receive(frame(1, [0x61], mask: nil), expectsMask: false) == .events([.text("a")]))
  }

  @Test func `a message may be exactly as large as its limit`() {
    let part = [UInt8](repeating: 0x61, count: 50)
    #expect(receive(frame(2, part + part), max: 100) == .events([.binary(part + part)]))
    #expect(receive(frame(2, part + part + [1]), max: 100) == .violation(1009))
    #expect(receive(frame(2, part, final: false) + frame(0, part), max: 100) == .events([.binary(part + part)]))
    #expect(receive(frame(2, part, final: false) + frame(0, part + [1]), max: 100) == .violation(1009))
    #expect(receive(frame(2, part + part, final: false) + frame(9, [1]), max: 100) == .events([.ping([1])]))
    #expect(receive(frame(9, [1]), max: 0) == .events([.ping([1])]))
  }

  @Test func `nothing is understood after a violation`() throws {
    var receiver = WebSocketReceiver(expectsMask: true)
    #expect(throws: WebSocketViolation(code: 1002)) { try receiver.feed(text("a") + frame(3)) }
    let events = try receiver.feed(text("b"))
    #expect(events.isEmpty)
  }

  @Test func `the incremental UTF-8 check agrees with the standard library`() {
    var random = SeededRandom(seed: 11)
    let palette: [UInt8] = [
      0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF3, 0xF4,
      0xF5, 0xFF,
    ]
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 1...6, using: &random)).map { _ in palette.randomElement(using: &random) ?? 0 }
      var validator = UTF8Validator()
      let accepted = bytes.allSatisfy { validator.accepts([$0]) }
      // A prefix is acceptable exactly when some continuation makes it valid.
      let tails: [[UInt8]] = [
        [], [0x80], [0x90], [0xA0], [0x80, 0x80], [0x90, 0x80], [0xA0, 0x80], [0x80, 0x80, 0x80], [0x90, 0x80, 0x80],
      ]
      #expect(accepted == tails.contains { String(validating: bytes + $0, as: UTF8.self) != nil })
    }
  }
}

@Suite struct WebSocketHandshakeTests {
  private let key = "dGhlIHNhbXBsZSBub25jZQ=="

  private func request(
    _ key: String? = nil, line: String = "GET /chat HTTP/1.1", version: String = "13",
    connection: String = "keep-alive, Upgrade", upgrade: String = "WebSocket", extra: String = ""
  ) -> String {
    "\(line)\r\nHost: h\r\nUpgrade: \(upgrade)\r\nConnection: \(connection)\r\nSec-WebSocket-Key: \(key ?? self.key)\r\nSec-WebSocket-Version: \(version)\r\n\(extra)\r\n"
  }

  private func accept(_ text: String) throws -> String { try WebSocketHandshake.accept(try parseRequest(text)) { $0 } }

  @Test func `the digest is made of the key and the fixed text and encoded`() throws {
    var hashed: [UInt8] = []
    // The digest of the example in RFC 6455, section 1.3.
    let digest: [UInt8] = [
      0xB3, 0x7A, 0x4F, 0x2C, 0xC0, 0x62, 0x4F, 0x16, 0x90, 0xF6, 0x46, 0x06, 0xCF, 0x38, 0x59, 0x45, 0xB2, 0xBE, 0xC4,
      0xEA,
    ]
    let answer = try WebSocketHandshake.accept(try parseRequest(request())) {
      hashed = $0; return digest
    }
    #expect(answer == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    #expect(String(decoding: hashed, as: UTF8.self) == key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
  }

  @Test func `a request that is no valid upgrade is refused`() {
    let none = HTTPWireError(.webSocketNotUpgrade)
    #expect(throws: none) { try accept(request(line: "POST /chat HTTP/1.1")) }
    #expect(throws: none) { try accept(request(line: "GET /chat HTTP/1.0")) }
    #expect(throws: none) { try accept(request(connection: "close")) }
    #expect(throws: none) { try accept(request(upgrade: "h2c")) }
    #expect(throws: none) { try accept(request(extra: "Content-Length: 5\r\n")) }
    #expect(throws: none) { try accept(request(extra: "Transfer-Encoding: chunked\r\n")) }
    #expect(throws: HTTPWireError(.webSocketUnsupportedVersion)) { try accept(request(version: "8")) }
    #expect(throws: HTTPWireError(.webSocketUnsupportedVersion)) { try accept(request(version: "13, 8")) }
  }

  @Test(arguments: [
    "", "short", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSE=",
    "dGhlIHNhbXBsZSBub25j!Q==", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZQ==x", "AAAA=AAAAAAAAAAAAAAAAA==",
  ])
  func `a key that is not sixteen bytes is refused`(key: String) {
    #expect(throws: HTTPWireError(.webSocketInvalidKey)) { try accept(request(key)) }
  }

  @Test func `two keys are refused`() {
    #expect(throws: HTTPWireError(.webSocketInvalidKey)) { try accept(request(extra: "Sec-WebSocket-Key: \(key)\r\n")) }
  }
}
