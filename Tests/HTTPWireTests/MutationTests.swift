import Testing

@testable import HTTPWire

/// Valid inputs with a few bytes changed at random, always the same ones: nothing traps, no more is consumed than was
/// fed, and feeding in pieces comes to the same result as feeding at once.
@Suite struct MutationTests {
  @Test func `mutated requests`() {
    var random = SeededRandom(seed: 1)
    let limits = HTTPLimits(startLineBytesMax: 80, headBytesMax: 300, headerCountMax: 6)
    for round in 0..<6000 {
      let bytes = random.mutate(requestVectors[round % requestVectors.count].bytes)
      let whole = requestOutcome(bytes, limits: limits)
      if case .head(_, let consumed) = whole { #expect(consumed > 0 && consumed <= bytes.count) }
      #expect(requestOutcomeByteByByte(bytes, limits: limits) == whole)
    }
  }

  @Test func `an accepted request is written and read back as the same request`() throws {
    var random = SeededRandom(seed: 2)
    for round in 0..<4000 {
      let bytes = random.mutate(requestVectors[round % requestVectors.count].bytes)
      var parser = RequestHeadParser()
      guard let parsed = try? bytes.withUnsafeBytes({ try parser.parse($0) }) else { continue }
      let head = parsed.head
      guard head.method != .other, head.target.hasPrefix("/"), let host = head.host else { continue }
      var wire: [UInt8] = []
      try RequestHeadWriter.append(
        method: head.method, target: head.target, host: host, headers: head.headers, framing: head.framing, to: &wire)
      let again = try #require(try wire.withUnsafeBytes { try parser.parse($0) })
      #expect(again.consumed == wire.count)
      #expect(again.head.path == head.path && again.head.query == head.query && again.head.host == host)
      if head.framing != .none { #expect(again.head.framing == head.framing) }
    }
  }

  @Test func `mutated responses`() {
    var random = SeededRandom(seed: 3)
    let seed = Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\nX: y\r\n\r\n".utf8)
    for _ in 0..<6000 {
      let bytes = random.mutate(seed)
      let whole = responseOutcome(bytes)
      if case .head(_, let consumed) = whole { #expect(consumed > 0 && consumed <= bytes.count) }
      #expect(responseOutcomeByteByByte(bytes) == whole)
    }
  }

  @Test func `mutated chunked bodies`() {
    var random = SeededRandom(seed: 4)
    let seed = Array("5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n".utf8)
    for _ in 0..<8000 {
      let bytes = random.mutate(seed)
      let whole = decodeChunked(bytes)
      if case .end(let body, let consumed) = whole { #expect(consumed <= bytes.count && body.count < consumed) }
      #expect(decodeChunked(bytes, step: 1) == whole)
      #expect(decodeChunked(bytes, step: 3) == whole)
    }
  }

  @Test func `mutated event streams`() throws {
    var random = SeededRandom(seed: 5)
    let seed = Array("\u{FEFF}: c\r\nid: 1\r\nevent: e\rdata: a\ndata: b\n\nretry: 5\r\n\r\ndata\r\r".utf8)
    for _ in 0..<6000 {
      let bytes = random.mutate(seed)
      var whole = ServerSentEventParser()
      var pieces = ServerSentEventParser()
      let expected = try whole.feed(bytes)
      var events: [ServerSentEvent] = []
      for byte in bytes { events += try pieces.feed(CollectionOfOne(byte)) }
      #expect(events == expected)
      #expect(pieces.retryMilliseconds == whole.retryMilliseconds)
    }
  }

  @Test func `mutated WebSocket frames`() {
    var random = SeededRandom(seed: 6)
    var seed: [UInt8] = []
    WebSocketEncoder.append(.text, Array("Héllo".utf8), mask: [1, 2, 3, 4], to: &seed)
    WebSocketEncoder.append(.ping, [1], mask: [5, 6, 7, 8], to: &seed)
    WebSocketEncoder.append(.binary, [UInt8](repeating: 9, count: 200), mask: [1, 1, 1, 1], to: &seed)
    WebSocketEncoder.appendClose(code: 1000, mask: [0, 0, 0, 0], to: &seed)
    for _ in 0..<6000 {
      let bytes = random.mutate(seed)
      var whole = WebSocketReceiver(expectsMask: true, messageBytesMax: 1000)
      var pieces = WebSocketReceiver(expectsMask: true, messageBytesMax: 1000)
      var events: [WebSocketEvent] = []
      var violation: WebSocketViolation?
      for byte in bytes where violation == nil {
        do throws(WebSocketViolation) { events += try pieces.feed(CollectionOfOne(byte)) } catch { violation = error }
      }
      do throws(WebSocketViolation) {
        let expected = try whole.feed(bytes)
        #expect(expected == events)
        #expect(violation == nil)
      } catch {
        #expect(violation == error)
      }
    }
  }

  @Test func `mutated URLs, escapes and queries`() {
    var random = SeededRandom(seed: 7)
    for _ in 0..<6000 {
      let text = String(decoding: random.mutate(Array("https://[::1]:8443/a%20b/c?d=e&f=%41+".utf8)), as: UTF8.self)
      if let url = try? HTTPURL(text) {
        #expect((try? HTTPURL(url.description)) == url)
        #expect(!url.description.utf8.contains { $0 <= 0x20 || $0 >= 0x7F })
      }
      if let decoded = try? PercentEncoding.decode(text) {
        #expect((try? PercentEncoding.decode(PercentEncoding.encode(decoded))) == decoded)
      }
      _ = try? QueryItems(text)
    }
  }
}
