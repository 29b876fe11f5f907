import Foundation
import HTTP
import HTTPWire
import JSON
import Reactor
import ReactorTestKit
import Telemetry
import Testing

/// A server with a handful of routes on a free port, and a raw socket to talk to it.
struct ServerFixture {
  let group: EventLoopGroup
  let port: Int
  let server: HTTPServer

  static func run(
    _ adjust: (inout HTTPServerConfiguration) -> Void = { _ in },
    routes: (inout Router) -> Void = ServerFixture.standardRoutes,
    _ body: @escaping @Sendable (ServerFixture) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 2)
    var router = Router()
    routes(&router)
    var configuration = HTTPServerConfiguration(address: .host("127.0.0.1", port: 0))
    adjust(&configuration)
    let server = HTTPServer(
      group: group, configuration: configuration, router: router, telemetry: .disabled())
    let port = try await server.start()
    let fixture = ServerFixture(group: group, port: port, server: server)
    let result = await group.loops[0].task { try await body(fixture) }.result
    await server.stop(grace: .milliseconds(200))
    group.stop()
    try result.get()
  }

  static func standardRoutes(_ router: inout Router) {
    router.on(.get, "/hello") { _ in .text(.ok, "hi") }
    router.on(.get, "/items/{id}") { .text(.ok, try $0.parameter("id")) }
    router.on(.post, "/echo", RouteOptions(bodyBytesMax: 1 << 20)) { request in
      .text(.ok, String(decoding: try await request.body.collect(), as: UTF8.self))
    }
    router.on(.post, "/ignore") { _ in .text(.ok, "ignored") }
    router.on(.post, "/json") { request in
      var fields = JSONFields(try await request.json().root)
      let name = fields.string("name", isRequired: true, bytesMax: 10)
      try fields.finish()
      return .json { $0.member("name", orNull: name) }
    }
    router.on(.get, "/fail") { _ in throw HTTPClientError(.timedOut) }
    router.on(.get, "/stream") { _ in
      HTTPResponse(
        .ok, body: .stream(length: nil) { for word in ["a", "bc", "def"] { try await $0.write(Array(word.utf8)) } })
    }
    router.on(.get, "/cut") { _ in
      HTTPResponse(
        .ok,
        body: .stream(length: nil) {
          try await $0.write(Array("part".utf8))
          throw HTTPClientError(.connectionLost)
        })
    }
    router.on(.get, "/socket") { request in
      try .webSocket(for: request) { socket in
        while case .text(let text)? = try await socket.receive() { try await socket.send(text: "echo " + text) }
      }
    }
  }

  func connect() async throws -> PeerSocket {
    try await PeerSocket.connect(to: port)
  }

  /// Posts a document to `/json`.
  func post(_ body: String, _ type: String = "application/json") async throws -> String {
    try await exchange(
      "POST /json HTTP/1.1\r\nHost: x\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  /// Sends raw text and returns all that comes back until the server closes, or what has come ends with `end`.
  func exchange(_ text: String, close: Bool = true, until end: String? = nil) async throws -> String {
    let socket = try await connect()
    socket.write(Array(text.utf8))
    if close { socket.shutdownSending() }
    socket.deadline = socket.loop.now + 60 * 1_000_000_000
    while let more = try? await socket.fill(), more {
      if let end, String(decoding: socket.input.readable, as: UTF8.self).hasSuffix(end) { break }
    }
    let answer = String(decoding: socket.input.readable, as: UTF8.self)
    socket.close()
    return answer
  }
}

@Suite struct HTTPServerTests {
  @Test func `answers, keeps the connection and closes when asked`() async throws {
    try await ServerFixture.run { server in
      let answer = try await server.exchange(
        "GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /items/a%20b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        close: false)
      #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(answer.contains("\r\n\r\nhi"))
      #expect(answer.hasSuffix("connection: close\r\n\r\na b"))
    }
  }

  @Test func `a thousand pipelined requests come back in order`() async throws {
    try await ServerFixture.run { server in
      let text = (0..<1000).map { "GET /items/\($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined()
      let answer = try await server.exchange(text)
      let bodies = answer.components(separatedBy: "\r\n\r\n").dropFirst().map { $0.prefix { $0.isNumber } }
      #expect(bodies.map { Int($0) } == (0..<1000).map { Optional($0) })
    }
  }

  @Test(arguments: [
    ("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "404"), ("DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
    ("GET /items/%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400"), ("GET /hello HTTP/1.1\r\n\r\n", "400"),
    ("GET /hello HTTP/2.0\r\nHost: x\r\n\r\n", "505"), ("GET  /hello HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
    ("GET /hello HTTP/1.1\nHost: x\n\n", "400"), ("GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400"),
    ("GET /hello HTTP/1.1\r\nHost : x\r\n\r\n", "400"), ("GET /hello HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "400"),
    ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"),
    ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", "400"),
    ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", "400"),
    ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501"),
    ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"),
    ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "400"),
    ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", "413"),
    ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", "400"),
    ("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: magic\r\nContent-Length: 1\r\n\r\na", "417"),
    ("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", "501"), ("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
    ("GET /hello HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", "400"), ("\u{16}\u{03}\u{01}\r\n\r\n", "400"),
    ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: x\r\n\r\n", "414"),
    ("GET /hello HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "a", count: 40000))\r\n\r\n", "431"),
    ("GET /hello HTTP/1.1\r\nHost: x\r\n\(String(repeating: "A: b\r\n", count: 101))\r\n", "431"),
    ("GET /fail HTTP/1.1\r\nHost: x\r\n\r\n", "500"),
    ("GET /socket HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
  ])
  func `refuses what is malformed with a problem and goes on serving others`(text: String, status: String) async throws
  {
    try await ServerFixture.run { server in
      let answer = try await server.exchange(text)
      #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
      #expect(answer.contains("application/problem+json"))
      #expect(answer.contains("\"code\":\""))
      #expect(try await server.exchange("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").hasSuffix("hi"))
    }
  }

  @Test func `a smuggled second request inside a refused one is never answered`() async throws {
    try await ServerFixture.run { server in
      let answer = try await server.exchange(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "0\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(answer.components(separatedBy: "HTTP/1.1 ").count == 2)
    }
  }

  @Test func `bodies arrive whole, with a length, in chunks and byte by byte`() async throws {
    try await ServerFixture.run { server in
      let sized = try await server.exchange("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
      #expect(sized.hasSuffix("hello"))
      let chunked =
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: v\r\n\r\n"
      #expect(try await server.exchange(chunked).hasSuffix("hello"))
      let socket = try await server.connect()
      for byte in chunked.utf8 {
        socket.write([byte])
        try await socket.flushed()
      }
      socket.shutdownSending()
      while try await socket.fill() {}
      #expect(String(decoding: socket.input.readable, as: UTF8.self).hasSuffix("hello"))
      socket.close()
    }
  }

  @Test func `100 Continue is sent when the body is wanted, and an early answer ends the connection`() async throws {
    try await ServerFixture.run { server in
      let socket = try await server.connect()
      socket.write(Array("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n".utf8))
      _ = try await socket.fill()
      #expect(String(decoding: socket.input.readable, as: UTF8.self) == "HTTP/1.1 100 Continue\r\n\r\n")
      socket.write(Array("ok".utf8))
      _ = try await socket.fill()
      #expect(String(decoding: socket.input.readable, as: UTF8.self).hasSuffix("\r\n\r\nok"))
      socket.close()
      let early = try await server.exchange(
        "POST /ignore HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", close: false)
      #expect(early.contains("connection: close") && early.hasSuffix("ignored"))
    }
  }

  @Test func `an unread body is skipped and the connection goes on`() async throws {
    try await ServerFixture.run { server in
      let answer = try await server.exchange(
        "POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(answer.contains("ignored") && answer.hasSuffix("hi"))
    }
  }

  @Test func `HEAD has the length and no body`() async throws {
    try await ServerFixture.run { server in
      let answer = try await server.exchange("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(answer.contains("content-length: 2\r\n") && answer.hasSuffix("\r\n\r\n"))
    }
  }

  @Test func `streams are chunked for 1.1 and end with the connection for 1.0`() async throws {
    try await ServerFixture.run { server in
      let new = try await server.exchange(
        "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", close: false, until: "\r\n0\r\n\r\n")
      #expect(new.hasSuffix("1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n"))
      let old = try await server.exchange("GET /stream HTTP/1.0\r\n\r\n", close: false)
      #expect(old.hasSuffix("\r\n\r\nabcdef"))
      let cut = try await server.exchange("GET /cut HTTP/1.1\r\nHost: x\r\n\r\n", close: false)
      #expect(!cut.hasSuffix("0\r\n\r\n"), "a broken stream must not look complete")
    }
  }

  @Test func `faults of JSON bodies are named by pointer`() async throws {
    try await ServerFixture.run { server in
      let good = try await server.post(#"{"name":"a"}"#)
      #expect(good.hasSuffix(#"{"name":"a"}"#))
      #expect(try await server.post("{").contains("\"code\":\"malformed_json\""))
      #expect(try await server.post(#"{"x":1}"#).contains(#""pointer":"/name","code":"required""#))
      #expect(try await server.post("{}", "text/plain").hasPrefix("HTTP/1.1 415"))
    }
  }

  @Test func `a client that sends its head too slowly is dropped`() async throws {
    try await ServerFixture.run {
      $0.headTimeout = .milliseconds(30)
    } _: { server in
      let answer = try await server.exchange("GET /hello HT", close: false)
      #expect(answer.isEmpty)
    }
  }

  @Test func `connections beyond the limit are told so`() async throws {
    try await ServerFixture.run {
      $0.connectionsMax = 1
    } _: { server in
      let first = try await server.connect()
      first.write(Array("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
      _ = try await first.fill()
      #expect(try await server.exchange("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n").hasPrefix("HTTP/1.1 503"))
      first.close()
    }
  }

  @Test func `a taken port is refused`() async throws {
    try await ServerFixture.run { server in
      let second = HTTPServer(
        group: server.group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: server.port)),
        router: Router(), telemetry: .disabled())
      await #expect(throws: ReactorError.self) { try await second.start() }
    }
  }

  @Test func `WebSocket messages are echoed, fragments joined, violations closed with their code`() async throws {
    try await ServerFixture.run { server in
      let socket = try await server.connect()
      socket.write(
        Array(
          ("GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").utf8))
      _ = try await socket.fill()
      let head = String(decoding: socket.input.readable, as: UTF8.self)
      #expect(head.hasPrefix("HTTP/1.1 101 ") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
      socket.input.consume(socket.input.count)
      let mask: [UInt8] = [1, 2, 3, 4]
      var frames: [UInt8] = []
      WebSocketEncoder.append(.text, Array("hey".utf8), mask: mask, to: &frames)
      socket.write(frames)
      var receiver = WebSocketReceiver(expectsMask: false)
      var received: [WebSocketEvent] = []
      _ = try await socket.fill()
      received = try receiver.feed(socket.input.readable)
      #expect(received == [.text("echo hey")])
      socket.input.consume(socket.input.count)
      frames = []
      WebSocketEncoder.append(.text, [0xFF, 0xFE], mask: mask, to: &frames)
      socket.write(frames)
      _ = try await socket.fill()
      received = try receiver.feed(socket.input.readable)
      #expect(received == [.close(code: 1007)])
      socket.close()
    }
  }
}

@Suite struct CompressedBodyTests {
  // "hello" by gzip and by zstd (one raw block).
  private static let gzip: [UInt8] = [
    0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 7, 0, 0x86, 0xA6, 0x10, 0x36, 5, 0, 0, 0,
  ]
  private static let zstd: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x20, 5, 0x29, 0, 0] + Array("hello".utf8)

  private func post(_ port: Int, _ coding: String, _ body: [UInt8], path: String = "/echo") async throws -> String {
    let peer = try await PeerSocket.connect(to: port)
    peer.write(
      "POST \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Encoding: \(coding)\r\nContent-Length: \(body.count)\r\n\r\n"
    )
    peer.write(body)
    while let more = try? await peer.fill(), more {}
    defer { peer.close() }
    return String(decoding: peer.input.readable, as: UTF8.self)
  }

  @Test func `bodies are unpacked, and codings that are not known are refused by name`() async throws {
    try await ServerFixture.run { server in
      for coding in ["gzip", "GZIP", "x-gzip", "identity, gzip"] {
        let answer = try await post(server.port, coding, CompressedBodyTests.gzip)
        #expect(answer.hasSuffix("\r\n\r\nhello"), "\(coding): \(answer)")
      }
      #expect(try await post(server.port, "zstd", CompressedBodyTests.zstd).hasSuffix("\r\n\r\nhello"))
      #expect(try await post(server.port, "identity", Array("hello".utf8)).hasSuffix("\r\n\r\nhello"))
      #expect(try await post(server.port, "br", []).hasSuffix("\r\n\r\n"))
      let refused = try await post(server.port, "br", Array("hello".utf8))
      #expect(refused.hasPrefix("HTTP/1.1 415 ") && refused.contains("accept-encoding: gzip, deflate, zstd\r\n"))
      #expect(refused.contains(#"The Content-Encoding \"br\" is not supported"#))
      #expect(try await post(server.port, "gzip", Array("hello".utf8)).hasPrefix("HTTP/1.1 400 "))
      #expect(
        try await post(server.port, "gzip", Array(CompressedBodyTests.gzip.dropLast())).hasPrefix("HTTP/1.1 400 "))
    }
  }

  @Test func `a bomb is refused at the limit of its address`() async throws {
    // 64 MiB of zeros: a zstd frame of one-byte blocks that repeat.
    var bomb: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0, 0x58]
    for index in 0..<512 { bomb += [(index == 511 ? 1 : 0) | 2, 0, 0x10, 0] }
    try await ServerFixture.run { [bomb] server in
      let answer = try await post(server.port, "zstd", bomb)
      #expect(answer.hasPrefix("HTTP/1.1 413 "), "\(answer)")
    }
  }
}
