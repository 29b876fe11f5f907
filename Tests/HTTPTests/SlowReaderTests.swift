import HTTP
import HTTPWire
import Reactor
import ReactorTestKit
import Synchronization
import Telemetry
import Testing

@Suite struct SlowReaderTests {
  private static func routes(_ router: inout Router) {
    router.on(.get, "/large") { _ in HTTPResponse(.ok, body: .bytes([UInt8](repeating: 97, count: 6 << 20))) }
    router.on(.get, "/events") { _ in
      .events(heartbeat: .milliseconds(10)) { stream in
        for index in 0..<400 {
          try await stream.send(ServerSentEvent(id: "\(index)", data: [UInt8](repeating: 97, count: 16_384)))
        }
      }
    }
    router.on(.get, "/quiet") { _ in
      .events(heartbeat: .milliseconds(10)) { stream in
        for index in 0..<3 {
          try await EventLoop.sleep(for: .milliseconds(60))
          try await stream.send(ServerSentEvent(id: "\(index)", data: Array("x".utf8)))
        }
      }
    }
    router.on(.get, "/hello") { _ in .text(.ok, "hi") }
  }

  private func get(_ port: Int, _ path: String) async throws -> PeerSocket {
    let peer = try await PeerSocket.connect(to: port)
    peer.write("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return peer
  }

  @Test(arguments: ["/large", "/events"])
  func `who reads slowly but steadily gets everything`(path: String) async throws {
    try await ServerFixture.run({ $0.stallTimeout = .seconds(1) }, routes: SlowReaderTests.routes) { server in
      let peer = try await get(server.port, path)
      var tail: [UInt8] = []
      var count = 0
      while try await peer.fill() {
        count += peer.input.count
        tail = Array((tail + peer.input.take(peer.input.count)).suffix(16))
        // In all many times the limit.
        try await EventLoop.sleep(for: .milliseconds(20))
      }
      #expect(count > 6 << 20)
      if path == "/events" { #expect(tail.suffix(5) == Array("0\r\n\r\n".utf8)[...]) }
      peer.close()
    }
  }

  @Test(arguments: ["/large", "/events"])
  func `who takes nothing is dropped, and the heart beats of its stream harm nobody`(path: String) async throws {
    try await ServerFixture.run({ $0.stallTimeout = .milliseconds(200) }, routes: SlowReaderTests.routes) { server in
      let idle = try await get(server.port, path)
      try await EventLoop.sleep(for: .seconds(2))
      var count = 0
      while let more = try? await idle.fill(), more {
        count += idle.input.count
        idle.input.consume(idle.input.count)
      }
      #expect(count < 6 << 20)
      idle.close()
      let other = try await get(server.port, "/hello")
      while try await other.fill() {}
      #expect(String(decoding: other.input.readable, as: UTF8.self).hasSuffix("hi"))
      other.close()
    }
  }

  @Test func `heart beats come in pauses and never inside an event`() async throws {
    try await ServerFixture.run(routes: SlowReaderTests.routes) { server in
      let client = HTTPClient(group: server.group, telemetry: .disabled())
      let answer = try await client.send(
        HTTPClientRequest(.get, try HTTPURL("http://127.0.0.1:\(server.port)/quiet")), peer: "t")
      let text = String(decoding: try await answer.body.collect(upTo: 1 << 20), as: UTF8.self)
      let blocks = text.split(separator: "\n\n").map(String.init)
      #expect(blocks.filter { $0 == ": keep-alive" }.count >= 3)
      #expect(blocks.filter { $0 != ": keep-alive" } == (0..<3).map { "id: \($0)\ndata: x" })
    }
  }

  @Test func `a body that stops arriving is answered, not only cut`() async throws {
    try await ServerFixture.run { server in
      // The grace of 15 seconds is not waited for here: the sender ends its side instead.
      let answer = try await server.exchange("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
      #expect(answer.hasPrefix("HTTP/1.1 499 "))
    }
  }
}
