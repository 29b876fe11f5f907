import HTTP
import HTTPWire
import Reactor
import ReactorTestKit
import Synchronization
import Telemetry
import Testing

/// A server behind a forwarding one, as a gateway stands before its services: what happens when the one behind answers
/// before it has the body.
@Suite struct EarlyAnswerTests {
  /// Runs `body` with the port of the forwarding server.
  private func withGateway(
    _ body: @escaping @Sendable (ServerFixture) async throws -> Void
  ) async throws {
    try await ServerFixture.run(routes: EarlyAnswerTests.refusals) { upstream in
      let client = HTTPClient(group: upstream.group, telemetry: .disabled())
      let target = upstream.port
      var router = Router()
      router.on(.post, "/{path*}", RouteOptions(bodyBytesMax: 32 << 20, cancelsOnDisconnect: true)) { request in
        try await EarlyAnswerTests.forward(request, client, target)
      }
      router.on(.get, "/alive") { _ in .text(.ok, "alive") }
      let server = HTTPServer(
        group: upstream.group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)),
        router: router, telemetry: .disabled())
      let port = try await server.start()
      try await body(ServerFixture(group: upstream.group, port: port, server: server))
      let alive = try await PeerSocket.connect(to: port)
      alive.write("GET /alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      while let more = try? await alive.fill(), more {}
      #expect(String(decoding: alive.input.readable, as: UTF8.self).hasSuffix("alive"))
      await client.close(group: upstream.group)
      await server.stop(grace: .milliseconds(100))
    }
  }

  private static func forward(_ request: HTTPRequest, _ client: HTTPClient, _ port: Int) async throws -> HTTPResponse {
    let body = request.body
    let url = try HTTPURL("http://127.0.0.1:\(port)\(request.head.target)")
    let answer = try await client.send(
      HTTPClientRequest(
        .post, url, body: .stream(length: body.declaredLength) { try await body.next() }, timeout: .seconds(20)),
      peer: "t")
    return HTTPResponse(
      answer.status,
      body: .stream(length: nil) { writer in
        while let piece = try await answer.body.next() { try await writer.write(piece) }
      })
  }

  private static func refusals(_ router: inout Router) {
    router.on(.post, "/refuse", RouteOptions(bodyBytesMax: 32 << 20)) { _ in
      throw Problem(.unauthorized, code: "unauthorized", "no")
    }
    router.on(.post, "/small", RouteOptions(bodyBytesMax: 1000)) { request in
      .text(.ok, "\(try await request.body.collect().count)")
    }
    router.on(.post, "/part", RouteOptions(bodyBytesMax: 32 << 20)) { request in
      _ = try await request.body.next()
      throw Problem(.unprocessableContent, code: "enough", "I have seen enough.")
    }
    router.on(.post, "/count", RouteOptions(bodyBytesMax: 32 << 20)) { request in
      var count = 0
      while let piece = try await request.body.next() { count += piece.count }
      return .text(.ok, "\(count)")
    }
    router.on(.post, "/glad", RouteOptions(bodyBytesMax: 32 << 20)) { _ in .text(.ok, "glad") }
    router.on(.post, "/long", RouteOptions(bodyBytesMax: 32 << 20)) { _ in
      HTTPResponse(
        .badRequest,
        body: .stream(length: nil) { writer in
          for _ in 0..<50 {
            try await writer.write([UInt8](repeating: 97, count: 20_000))
            try await EventLoop.sleep(for: .milliseconds(1))
          }
        })
    }
  }

  enum Sending: String, CaseIterable, Sendable {
    case partial, partialChunked, whole, wholeChunked, slow, slowChunked, headOnly
  }

  /// Sends a request in the given way and returns the answer.
  private func send(_ port: Int, _ path: String, _ way: Sending, bytes: Int = 2_000_000) async throws -> String {
    let peer = try await PeerSocket.connect(to: port)
    let chunked = [.partialChunked, .wholeChunked, .slowChunked].contains(way)
    peer.write(
      "POST \(path) HTTP/1.1\r\nHost: x\r\n"
        + (chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: \(bytes)\r\n\r\n"))
    let total = way == .headOnly ? 0 : way == .partial || way == .partialChunked ? bytes / 8 : bytes
    let sender = peer.loop.task {
      var sent = 0
      while sent < total {
        let count = min(16_384, total - sent)
        if chunked { peer.write("\(String(count, radix: 16))\r\n") }
        peer.write([UInt8](repeating: 97, count: count))
        if chunked { peer.write("\r\n") }
        sent += count
        if way == .slow || way == .slowChunked {
          try await peer.flushed()
          try await EventLoop.sleep(for: .milliseconds(2))
        } else {
          try await peer.drained()
        }
      }
      if way == .wholeChunked || way == .slowChunked { peer.write("0\r\n\r\n") }
      try await peer.flushed()
    }
    peer.deadline = peer.loop.now + 30_000_000_000
    // As many clients do: nothing is read before everything is sent.
    _ = await sender.result
    // A refusal may have come whole already.
    var text = String(decoding: peer.input.readable, as: UTF8.self)
    while !text.hasSuffix("0\r\n\r\n"), let more = try? await peer.fill(), more {
      text = String(decoding: peer.input.readable, as: UTF8.self)
    }
    peer.close()
    return text
  }

  @Test(arguments: Sending.allCases)
  func `the answer arrives however much of the body was sent`(_ way: Sending) async throws {
    try await withGateway { gateway in
      for (path, status) in [("/refuse", "401"), ("/small", "413"), ("/nothing", "404"), ("/glad", "200")] {
        let answer = try await send(gateway.port, path, way)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(path): \(answer.prefix(200))")
        #expect(answer.hasSuffix("0\r\n\r\n"), "\(path): the answer is cut")
      }
      if way != .headOnly {
        #expect(try await send(gateway.port, "/part", way).hasPrefix("HTTP/1.1 422 "))
        let long = try await send(gateway.port, "/long", way)
        #expect(long.hasPrefix("HTTP/1.1 400 ") && long.utf8.count > 1_000_000)
      }
    }
  }

  @Test func `whole bodies that are wanted arrive whole, many at a time`() async throws {
    try await withGateway { gateway in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for way in [Sending.whole, .wholeChunked, .slow, .slowChunked, .whole, .wholeChunked] {
          group.addTask { try await send(gateway.port, "/count", way, bytes: 700_000).contains("\r\n700000\r\n") }
        }
        for try await isWhole in group { #expect(isWhole) }
      }
    }
  }

  @Test(arguments: ["/refuse", "/part", "/count", "/long"])
  func `clients that leave at any moment harm nobody`(path: String) async throws {
    try await withGateway { gateway in
      for round in 0..<40 {
        let peer = try await PeerSocket.connect(to: gateway.port)
        peer.write("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        peer.write([UInt8](repeating: 97, count: round * 25_000))
        if round % 3 != 0 { try? await peer.flushed() }
        if round % 4 == 1 { try await EventLoop.sleep(for: .microseconds(200 * round)) }
        if round % 4 == 2 { peer.shutdownSending() }
        peer.deadline = peer.loop.now + 20_000_000
        if round % 4 == 3 { _ = try? await peer.fill() }
        peer.close()
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `random orders of sending, answering and leaving`(seed: UInt64) async throws {
    try await withGateway { gateway in
      await withTaskGroup(of: Void.self) { group in
        for index in 0..<60 {
          group.addTask { await chaos(gateway.port, seed &* 1000 &+ UInt64(index)) }
        }
      }
    }
  }

  /// One client that does random things; what must hold is that the servers live and answer the next one.
  private func chaos(_ port: Int, _ seed: UInt64) async {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func random(_ below: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % below
    }
    guard let peer = try? await PeerSocket.connect(to: port) else { return }
    defer { peer.close() }
    for _ in 0...random(3) {
      let path = ["/refuse", "/small", "/part", "/count", "/glad", "/long", "/nothing"][random(7)]
      let chunked = random(2) == 0
      let length = random(400_000)
      let sent = random(3) == 0 ? random(length + 1) : length
      peer.write(
        "POST \(path) HTTP/1.1\r\nHost: x\r\n" + (random(5) == 0 ? "Expect: 100-continue\r\n" : "")
          + (chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: \(length)\r\n\r\n"))
      var left = sent
      while left > 0, !peer.isClosed {
        let count = min(left, 1 + random(60_000))
        if chunked { peer.write("\(String(count, radix: 16))\r\n") }
        peer.write([UInt8](repeating: 97, count: count))
        if chunked { peer.write("\r\n") }
        left -= count
        switch random(6) {
        case 0: try? await EventLoop.sleep(for: .microseconds(random(3000)))
        case 1: try? await peer.flushed()
        case 2:
          peer.deadline = peer.loop.now + 1_000_000
          _ = try? await peer.fill()
          peer.input.consume(peer.input.count)
        default: break
        }
      }
      if chunked, sent == length { peer.write("0\r\n\r\n") }
      if random(8) == 0 { peer.shutdownSending() }
      peer.deadline = peer.loop.now + UInt64(random(40)) * 1_000_000
      while let more = try? await peer.fill(), more { peer.input.consume(peer.input.count) }
      if sent != length || random(4) == 0 { return }
    }
  }

  private func askToContinue(_ port: Int, _ path: String) async throws -> String {
    let peer = try await PeerSocket.connect(to: port)
    peer.write("POST \(path) HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    _ = try await peer.fill()
    if String(decoding: peer.input.readable, as: UTF8.self).hasPrefix("HTTP/1.1 100") { peer.write("hello") }
    peer.deadline = peer.loop.now + 10_000_000_000
    // A refusal may have come whole already.
    var text = String(decoding: peer.input.readable, as: UTF8.self)
    while !text.hasSuffix("0\r\n\r\n"), let more = try? await peer.fill(), more {
      text = String(decoding: peer.input.readable, as: UTF8.self)
    }
    peer.close()
    return text
  }

  @Test func `100 Continue is asked for only by who wants the body`() async throws {
    try await withGateway { gateway in
      let wanted = try await askToContinue(gateway.port, "/count")
      #expect(wanted.contains("\r\n5\r\n"))
      let refused = try await askToContinue(gateway.port, "/refuse")
      #expect(refused.contains("HTTP/1.1 401 "))
    }
  }

  @Test func `a handler that leaves a reader behind cannot disturb the next request`() async throws {
    let outcomes = Mutex<[String]>([])
    try await ServerFixture.run(routes: { router in
      router.on(.post, "/leave", RouteOptions(bodyBytesMax: 1 << 20)) { request in
        let body = request.body
        request.loop.task {
          do {
            while let piece = try await body.next() { outcomes.withLock { $0.append("\(piece.count)") } }
          } catch { outcomes.withLock { $0.append("\((error as? ReactorError)?.code.rawValue ?? "\(error)")") } }
        }
        try await EventLoop.sleep(for: .milliseconds(20))
        return .text(.ok, "left")
      }
      router.on(.get, "/hello") { _ in .text(.ok, "hi") }
    }) { server in
      let peer = try await server.connect()
      peer.write("POST /leave HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc")
      _ = try await peer.fill()
      peer.write("defGET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      while try await peer.fill() {}
      let text = String(decoding: peer.input.readable, as: UTF8.self)
      #expect(text.contains("\r\n\r\nleft") && text.hasSuffix("\r\n\r\nhi"))
      #expect(outcomes.withLock { $0 } == ["3", "interrupted"])
      peer.close()
    }
  }

  @Test func `a body has one reader: a second one is told so`() async throws {
    try await ServerFixture.run(routes: { router in
      router.on(.post, "/two", RouteOptions(bodyBytesMax: 1 << 20)) { request in
        let body = request.body
        let first = request.loop.task { try await body.collect().count }
        try await EventLoop.sleep(for: .milliseconds(10))
        let second = (try? await body.next()) != nil
        return .text(.ok, "\(second) \(try await first.value)")
      }
    }) { server in
      let peer = try await server.connect()
      peer.write("POST /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 6\r\n\r\nabc")
      try await EventLoop.sleep(for: .milliseconds(40))
      peer.write("def")
      while try await peer.fill() {}
      #expect(String(decoding: peer.input.readable, as: UTF8.self).hasSuffix("false 6"))
      peer.close()
    }
  }

  @Test func `an upgrade with a body is refused`() async throws {
    try await ServerFixture.run { server in
      let answer = try await server.exchange(
        "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 9\r\n"
          + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nabc")
      #expect(answer.hasPrefix("HTTP/1.1 400 "))
    }
  }
}
