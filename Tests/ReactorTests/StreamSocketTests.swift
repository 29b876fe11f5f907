import Reactor
import Testing

/// Runs `body` on a loop with a listener that hands every accepted socket to `serve`.
private func withServer(
  _ serve: @escaping @Sendable (StreamSocket) async throws -> Void,
  _ body: @escaping @Sendable (Int) async throws -> Void
) async throws {
  let group = EventLoopGroup(count: 1)
  try await group.onEach { loop in
    let listener = try Listener(on: loop, address: .host("127.0.0.1", port: 0)) { fd in
      guard let socket = try? StreamSocket(adopting: fd, on: loop) else { return }
      loop.task { try await serve(socket) }
    }
    try await body(listener.port)
    listener.close()
  }
  group.stop()
}

private func connect(_ port: Int) async throws -> StreamSocket {
  try await StreamSocket.connect(to: .host("127.0.0.1", port: port), deadline: .max)
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
      await #expect(throws: ReactorError.self) { try await socket.fill() }
      #expect(socket.failure?.code == .timedOut)
      #expect(socket.isClosed)
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
      socket.onPeerGone = { gone.succeed(()) }
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
}
