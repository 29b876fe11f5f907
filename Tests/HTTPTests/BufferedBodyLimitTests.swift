import HTTP
import HTTPWire
import Reactor
import ReactorTestKit
import Synchronization
import Testing

/// The memory that the bodies of many requests take together.
@Suite struct BufferedBodyLimitTests {
  /// Requests that have their body and wait to be let go.
  private final class Gate: Sendable {
    let waiting = Atomic<Int>(0)
    let isOpen = Atomic<Bool>(false)

    func pass() async throws {
      waiting.add(1, ordering: .sequentiallyConsistent)
      while !isOpen.load(ordering: .sequentiallyConsistent) { try await EventLoop.sleep(for: .milliseconds(2)) }
    }

    func isReached(by count: Int) async throws {
      while waiting.load(ordering: .sequentiallyConsistent) < count {
        try await EventLoop.sleep(for: .milliseconds(2))
      }
    }
  }

  private func post(_ port: Int, _ path: String, _ count: Int, isChunked: Bool) async throws -> PeerSocket {
    let peer = try await PeerSocket.connect(to: port)
    let text = String(repeating: "a", count: count)
    let framing =
      isChunked
      ? "Transfer-Encoding: chunked\r\n\r\n\(String(count, radix: 16))\r\n\(text)\r\n0\r\n\r\n"
      : "Content-Length: \(count)\r\n\r\n\(text)"
    peer.write("POST \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(framing)")
    return peer
  }

  private func answer(_ peer: PeerSocket) async throws -> String {
    while let more = try? await peer.fill(), more {}
    defer { peer.close() }
    return String(decoding: peer.input.readable, as: UTF8.self)
  }

  @Test(arguments: [false, true])
  func `large bodies beyond the memory for them are told to come again, small ones are served`(
    isChunked: Bool
  ) async throws {
    let gate = Gate()
    try await ServerFixture.run(
      { $0.heldBodyBytesMax = 1 << 20 },
      routes: { router in
        router.on(.post, "/hold", RouteOptions(bodyBytesMax: 1 << 20)) { request in
          let bytes = try await request.body.collect()
          try await gate.pass()
          return .text(.ok, "\(bytes.count)")
        }
        router.on(.post, "/count", RouteOptions(bodyBytesMax: 1 << 20)) { request in
          .text(.ok, "\(try await request.body.collect().count)")
        }
      }
    ) { server in
      let held = try await post(server.port, "/hold", 700_000, isChunked: isChunked)
      try await gate.isReached(by: 1)
      let refused = try await answer(try await post(server.port, "/count", 700_000, isChunked: isChunked))
      #expect(refused.hasPrefix("HTTP/1.1 503 ") && refused.contains("retry-after: 1"), "\(refused)")
      let small = try await answer(try await post(server.port, "/count", 60_000, isChunked: isChunked))
      #expect(small.hasPrefix("HTTP/1.1 200 "), "\(small)")
      gate.isOpen.store(true, ordering: .sequentiallyConsistent)
      #expect(try await answer(held).hasSuffix("700000"))
      // Given back, by the refused one too.
      for _ in 0..<3 {
        let large = try await answer(try await post(server.port, "/count", 900_000, isChunked: isChunked))
        #expect(large.hasSuffix("900000"), "\(large)")
      }
    }
  }

  @Test func `of many large bodies at once some are served`() async throws {
    try await ServerFixture.run(
      { $0.heldBodyBytesMax = 2 << 20 },
      routes: { router in
        router.on(.post, "/count", RouteOptions(bodyBytesMax: 1 << 20)) { request in
          .text(.ok, "\(try await request.body.collect().count)")
        }
      }
    ) { server in
      var peers: [PeerSocket] = []
      let part = String(repeating: "a", count: 16_000)
      for _ in 0..<30 {
        let peer = try await PeerSocket.connect(to: server.port)
        peer.write("POST /count HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        peers.append(peer)
      }
      for _ in 0..<60 {
        for peer in peers where !peer.isClosed { peer.write("3e80\r\n\(part)\r\n") }
        try await EventLoop.sleep(for: .milliseconds(1))
      }
      var served = 0
      for peer in peers {
        peer.write("0\r\n\r\n")
        let text = try await answer(peer)
        if text.hasPrefix("HTTP/1.1 200 ") { served += 1 } else { #expect(text.hasPrefix("HTTP/1.1 503 "), "\(text)") }
      }
      #expect(served > 0 && served < 30)
    }
  }
}
