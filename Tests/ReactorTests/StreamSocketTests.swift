import Reactor
import ReactorTestKit
import Synchronization
import Testing

/// Runs `body` on a loop with a listener that hands every accepted socket to `serve`.
private func withServer(
  _ serve: @escaping @Sendable (PeerSocket) async throws -> Void,
  _ body: @escaping @Sendable (Int) async throws -> Void
) async throws {
  let group = EventLoopGroup(count: 1)
  try await group.onEach { loop in
    let listener = try Listener(on: loop, address: .host("127.0.0.1", port: 0)) { fd in
      guard let socket = PeerSocket(adopting: fd, on: loop) else { return }
      loop.task { try await serve(socket) }
    }
    try await body(listener.port)
    listener.close()
  }
  group.stop()
}

private func connect(_ port: Int) async throws -> PeerSocket {
  try await PeerSocket.connect(to: port)
}

@Suite struct StreamSocketTests {
  @Test func `echoes five megabytes unharmed through small windows`() async throws {
    try await withServer { socket in
      while try await socket.fill() {
        socket.write(socket.input.readable)
        socket.input.consume(socket.input.count)
        try await socket.drained()
      }
      socket.closeWhenFlushed()
    } _: { port in
      let socket = try await connect(port)
      let total = 5 << 20
      let sender = socket.loop.task {
        var sent = 0
        while sent < total {
          socket.write((0..<8192).map { UInt8(truncatingIfNeeded: (sent + $0) &* 31 >> 3) })
          sent += 8192
          try await socket.drained()
        }
        try await socket.flushed()
        socket.shutdownSending()
      }
      var received = 0
      while try await socket.fill() {
        for byte in socket.input.readable {
          if byte != UInt8(truncatingIfNeeded: received &* 31 >> 3) { Issue.record("byte \(received) differs") }
          received += 1
        }
        socket.input.consume(socket.input.count)
      }
      try await sender.value
      #expect(received == total)
      socket.close()
    }
  }

  @Test func `a deadline ends a read that gets nothing`() async throws {
    try await withServer { _ in
      try await EventLoop.sleep(for: .seconds(60))
    } _: { port in
      let socket = try await connect(port)
      socket.deadline = socket.loop.now + 5_000_000
      await #expect(throws: ReactorError(.timedOut, operation: "read")) { try await socket.fill() }
      // Only the read has ended: an answer can still be sent.
      #expect(!socket.isClosed)
    }
  }

  @Test func `closing wakes a waiting reader and a full writer`() async throws {
    try await withServer { _ in
      try await EventLoop.sleep(for: .seconds(60))
    } _: { port in
      let socket = try await connect(port)
      let reader = socket.loop.task { try await socket.fill() }
      let writer = socket.loop.task {
        while true {
          socket.write([UInt8](repeating: 0, count: 1 << 20))
          try await socket.drained()
        }
      }
      try await EventLoop.sleep(for: .milliseconds(20))
      socket.close()
      await #expect(throws: ReactorError.self) { try await reader.value }
      await #expect(throws: ReactorError.self) { try await writer.value }
    }
  }

  @Test func `the peer's close is announced once, also to one who does not read`() async throws {
    try await withServer { socket in
      try await EventLoop.sleep(for: .milliseconds(5))
      socket.close()
    } _: { port in
      let socket = try await connect(port)
      let gone = Promise<Void>(on: socket.loop)
      socket.socket.onPeerGone = { gone.succeed(()) }
      try await gone.value(deadline: socket.loop.now + 5_000_000_000)
      #expect(try await socket.fill() == false)
    }
  }

  @Test func `a refused connection says so`() async throws {
    let group = EventLoopGroup(count: 1)
    try await group.onEach { _ in
      await #expect(throws: ReactorError.self) { try await connect(1) }
      await #expect(throws: ReactorError.self) {
        try await StreamSocket.connect(to: .host("no.such.host.invalid", port: 1), deadline: .max)
      }
    }
    group.stop()
  }

  @Test func `each half of a socket exists once`() async throws {
    try await withServer { _ in
    } _: { port in
      let socket = try await StreamSocket.connect(to: .host("127.0.0.1", port: port), deadline: .max)
      let first = (socket.takeReader() != nil, socket.takeWriter() != nil)
      let second = (socket.takeReader() != nil, socket.takeWriter() != nil)
      #expect(first == (true, true))
      #expect(second == (false, false))
      socket.close()
    }
  }

  @Test func `an interrupted read ends, and the next one gets what comes then`() async throws {
    try await withServer { peer in
      _ = try await peer.fill()
      peer.write("later")
      try await EventLoop.sleep(for: .seconds(60))
    } _: { port in
      let socket = try await connect(port)
      let reading = socket.loop.task { try await socket.fill() }
      try await EventLoop.sleep(for: .milliseconds(5))
      socket.socket.interruptRead()
      await #expect(throws: ReactorError(.interrupted, operation: "read")) { try await reading.value }
      socket.write("go on")
      #expect(try await socket.fill())
      #expect(socket.input.take(5) == Array("later".utf8))
      socket.close()
    }
  }

  @Test func `an answer is read although the peer takes nothing more of what it is sent`() async throws {
    try await withServer { peer in
      _ = try await peer.fill()
      peer.write("refused")
      try await peer.flushed()
      // With unread input this resets the connection.
      peer.close()
    } _: { port in
      let socket = try await connect(port)
      socket.write([UInt8](repeating: 1, count: 1 << 20))
      try? await socket.flushed()
      var received: [UInt8] = []
      while received.count < 7, let more = try? await socket.fill(), more {
        received += socket.input.take(socket.input.count)
        socket.write([UInt8](repeating: 1, count: 1 << 20))
        try? await socket.flushed()
      }
      #expect(received == Array("refused".utf8))
      socket.close()
    }
  }

  @Test func `a peer that takes nothing is dropped, one that takes little but steadily is served`() async throws {
    let total = 3 << 20
    try await withServer { peer in
      peer.socket.stallLimit = 1_000_000_000
      peer.write([UInt8](repeating: 7, count: total))
      try? await peer.flushed()
      if peer.socket.failure?.code != .stalled { peer.closeWhenFlushed() }
    } _: { port in
      let idle = try await connect(port)
      let slow = try await connect(port)
      var received = 0
      // Far longer than the limit in all.
      while received < total, try await slow.fill() {
        received += slow.input.count
        slow.input.consume(slow.input.count)
        if received < 1 << 20 { try await EventLoop.sleep(for: .milliseconds(60)) }
      }
      #expect(received == total)
      // What the kernel held for the idle one still comes, then the connection is cut.
      var leftover = 0
      while let more = try? await idle.fill(), more {
        leftover += idle.input.count
        idle.input.consume(idle.input.count)
      }
      #expect(leftover < total)
      slow.close()
      idle.close()
    }
  }

  @Test func `pauses are filled, and only pauses`() async throws {
    let took = Mutex<UInt64>(0)
    try await withServer { peer in
      let start = peer.loop.now
      peer.fillPauses(with: "-", after: .milliseconds(20))
      for _ in 0..<8 {
        peer.write("x")
        try await EventLoop.sleep(for: .milliseconds(2))
      }
      try await EventLoop.sleep(for: .milliseconds(300))
      peer.endFilling()
      took.withLock { $0 = peer.loop.now - start }
      peer.write("end")
      peer.closeWhenFlushed()
    } _: { port in
      let socket = try await connect(port)
      while try await socket.fill() {}
      let text = String(decoding: socket.input.readable, as: UTF8.self)
      #expect(text.hasSuffix("-end") && text.filter { $0 == "x" }.count == 8)
      // Never sooner than 20 ms after the last byte.
      #expect(text.filter { $0 == "-" }.count <= took.withLock { $0 } / 20_000_000)
      socket.close()
    }
  }
}
