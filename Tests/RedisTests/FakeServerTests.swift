import Glibc
import Reactor
import ReactorTestKit
import Synchronization
import Testing

@testable import Redis

@Suite(.serialized) struct FakeServerTests {
  @Test(arguments: [
    "garbage\r\n", "$99999999999\r\nabc", "*2147483647\r\n", "$-7\r\n", ":12x\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "\0\u{1}\u{2}",
  ])
  func `hostile replies end the call with a protocol violation`(_ reply: String) async throws {
    try await withFakeServer { socket in
      try await socket.answerGreeting()
      _ = try await socket.nextCommand()
      socket.write(reply)
      _ = try await socket.fill()
    } _: { pool in
      let error = await failure { try await pool.get("key") }
      #expect(error?.code == .protocolViolation)
      #expect(error?.outcomeUnknown == true)
    }
  }

  @Test(arguments: ["", "$5\r\nab", "*2\r\n:1\r\n", "+O"])
  func `a server that closes in the middle leaves the outcome unknown`(_ reply: String) async throws {
    try await withFakeServer { socket in
      try await socket.answerGreeting()
      _ = try await socket.nextCommand()
      socket.write(reply)
    } _: { pool in
      let error = await failure { try await pool.get("key") }
      #expect(error?.code == .connectionLost)
      #expect(error?.outcomeUnknown == true)
      #expect(error?.isTransient == true)
    }
  }

  @Test func `a reply nobody asked for breaks the connection`() async throws {
    let count = SharedCount(0)
    try await withFakeServer { socket in
      count.add()
      try await socket.answerGreeting()
      if count.value == 1 { socket.write("+SURPRISE\r\n") }
      _ = try await socket.fill()
    } _: { pool in
      try await eventually("a second connection") { count.value >= 2 }
      try await eventually("ready again") { pool.isReady }
    }
  }

  @Test func `a server that says nothing: time-outs, then the connection is given up`() async throws {
    let count = SharedCount(0)
    try await withFakeServer {
      $0.commandTimeout = .milliseconds(20)
      $0.overdueGrace = .milliseconds(60)
    } serve: { socket in
      count.add()
      try await socket.answerGreeting()
      while try await socket.fill() { socket.input.consume(socket.input.count) }
    } _: { pool in
      let error = await failure { try await pool.get("key") }
      #expect(error?.code == .timedOut)
      #expect(error?.outcomeUnknown == true)
      try await eventually("a new connection") { count.value >= 2 }
    }
  }

  @Test func `a greeting that is never answered is given up and tried again`() async throws {
    let count = SharedCount(0)
    try await withFakeServer {
      $0.connectTimeout = .milliseconds(50)
    } serve: { socket in
      count.add()
      if count.value > 1 { try await socket.answerGreeting() }
      while try await socket.fill() { socket.input.consume(socket.input.count) }
    } _: { pool in
      let error = await failure { try await pool.get("key") }
      #expect(error == nil || error?.code == .unavailable || error?.code == .timedOut)
      try await eventually("a second attempt succeeds") { pool.isReady }
    }
  }

  @Test(arguments: ["-LOADING Redis is loading\r\n", "-NOAUTH Authentication required.\r\n", ":x\r\n"])
  func `a greeting that is refused leaves the pool unavailable`(_ reply: String) async throws {
    try await withFakeServer { socket in
      _ = try await socket.nextCommand()
      socket.write(reply)
      _ = try await socket.fill()
    } _: { pool in
      #expect(!pool.isReady)
      let error = await failure { try await pool.get("key") }
      #expect(error?.code == .unavailable)
      #expect(error?.outcomeUnknown == false)
    }
  }

  @Test func `late replies are dropped and the next caller gets its own`() async throws {
    let seen = SharedCount(0)
    try await withFakeServer {
      $0.overdueGrace = .seconds(30)
    } serve: { socket in
      try await socket.answerGreeting()
      // Nothing for the first two; the answers to all come with the third.
      for _ in 0..<3 {
        _ = try await socket.nextCommand()
        seen.add()
      }
      socket.write("$3\r\none\r\n$3\r\ntwo\r\n$5\r\nthree\r\n")
      _ = try await socket.fill()
    } _: { pool in
      let first = await failure {
        try await pool.send(["GET", "1"], timeout: .milliseconds(20))
      }
      #expect(first?.code == .timedOut)
      let cancelled = Task { await failure { try await pool.send(["GET", "2"]) } }
      try await eventually("the server has the second") { seen.value == 2 }
      cancelled.cancel()
      #expect(await cancelled.value?.code == .cancelled)
      #expect(try await pool.get("3") == Array("three".utf8))
    }
  }

  @Test func `a cancelled task sends nothing`() async throws {
    let seen = SharedCount(0)
    try await withFakeServer { socket in
      try await socket.answerGreeting()
      while let command = try await socket.nextCommand() {
        if command.last == [50] { seen.add() }
        socket.write("$-1\r\n")
      }
    } _: { pool in
      let task = Task {
        while !Task.isCancelled { await Task.yield() }
        return await failure { try await pool.get("2") }
      }
      task.cancel()
      let error = await task.value
      #expect(error?.code == .cancelled)
      #expect(error?.outcomeUnknown == false)
      let absent = try await pool.get("1")
      #expect(absent == nil)
      #expect(seen.value == 0)
    }
  }

  @Test func `too many commands or bytes are refused, and room comes back`() async throws {
    let release = SharedCount(0)
    try await withFakeServer {
      $0.inFlightCommandsMax = 4
      $0.inFlightBytesMax = 4096
    } serve: { socket in
      try await socket.answerGreeting()
      while try await socket.nextCommand() != nil {
        while release.value == 0 { try await EventLoop.sleep(for: .milliseconds(1)) }
        socket.write(":1\r\n")
      }
    } _: { pool in
      let loop = try #require(EventLoop.current)
      let tasks = (0..<4).map { _ in loop.task { try await pool.send(["INCR", "a"]) } }
      try await eventually("four in flight") { pool.inFlight == 4 }
      #expect(await failure { try await pool.send(["INCR", "b"]) }?.code == .overloaded)
      release.add()
      for task in tasks { #expect(try await task.value.integer == 1) }
      #expect(try await pool.send(["INCR", "c"]).integer == 1)
      let huge = RedisArgument([UInt8](repeating: 0, count: 8192))
      #expect(await failure { try await pool.set("k", huge) }?.code == .invalidCommand)
    }
  }

  @Test func `a cancellation from the loop ends a call that is still on its way there`() async throws {
    try await withFakeServer { socket in
      try await socket.answerGreeting()
      while try await socket.fill() { socket.input.consume(socket.input.count) }
    } _: { pool in
      for _ in 0..<20 {
        let call = Task.detached { await failure { try await pool.get("key") } }
        // The loop is kept busy, so that the call waits in front of it.
        while pool.inFlight == 0 { usleep(100) }
        usleep(1000)
        call.cancel()
        #expect(await call.value?.code == .cancelled)
      }
    }
  }

  @Test func `a command that has not left completely cannot have been executed`() async throws {
    let release = SharedCount(0)
    let seen = SharedCount(0)
    try await withFakeServer { socket in
      try await socket.answerGreeting()
      _ = try await socket.nextCommand()
      seen.add()
      while release.value == 0 { try await EventLoop.sleep(for: .milliseconds(1)) }
    } _: { pool in
      let loop = try #require(EventLoop.current)
      let first = loop.task { await failure { try await pool.get("k") } }
      try await eventually("sent") { seen.value == 1 }
      let large = loop.task {
        await failure { try await pool.set("k", .bytes([UInt8](repeating: 0, count: 48 << 20))) }
      }
      try await eventually("begun") { pool.inFlight == 2 }
      let last = loop.task { await failure { try await pool.get("k") } }
      try await eventually("waiting") { pool.inFlight == 3 }
      release.add()
      #expect(try await first.value?.outcomeUnknown == true)
      let errors = [try await large.value, try await last.value]
      for error in errors {
        #expect(error?.code == .connectionLost)
        #expect(error?.outcomeUnknown == false)
      }
    }
  }

  @Test func `a cancelled attempt that waits for a greeting ends at once`() async throws {
    let (begun, ended) = (SharedCount(0), SharedCount(0))
    try await withFakeServer { socket in
      begun.add()
      if ended.value == 0 { try await socket.answerGreeting() }
      while try await socket.fill() { socket.input.consume(socket.input.count) }
      ended.add()
    } _: { pool in
      ended.add()
      let loop = try #require(EventLoop.current)
      let attempt = loop.task { try await RedisConnection.connect(pool.configuration) }
      try await eventually("the attempt has a connection") { begun.value >= 2 }
      attempt.cancel()
      await #expect(throws: RedisError.self) { try await attempt.value }
      try await eventually("the server saw the end") { ended.value >= 2 }
    }
  }

  @Test func `wrong kinds of replies are decoding errors and keep the connection`() async throws {
    let count = SharedCount(0)
    try await withFakeServer { socket in
      count.add()
      try await socket.answerGreeting()
      while try await socket.nextCommand() != nil { socket.write("*2\r\n:1\r\n$1\r\nx\r\n") }
    } _: { pool in
      #expect(await failure { try await pool.get("a") }?.code == .decoding)
      #expect(await failure { try await pool.send(["INCR", "a"]).requireInteger() }?.code == .decoding)
      #expect(await failure { for try await _ in pool.scan() {} }?.code == .decoding)
      #expect(count.value == 1)
    }
  }

  @Test func `commands that cannot share a connection are refused before they are sent`() async throws {
    try await withFakeServer { socket in
      try await socket.answerGreeting()
      while try await socket.nextCommand() != nil { socket.write("+OK\r\n") }
    } _: { pool in
      let refused: [[RedisArgument]] = [
        [], ["blpop", "a", 0], ["MULTI"], ["Select", 1], ["SUBSCRIBE", "x"], ["CLIENT", "reply", "OFF"],
        ["XREAD", "block", 0, "STREAMS", "a", "$"], ["HELLO", 3],
      ]
      for words in refused {
        #expect(await failure { try await pool.send(words) }?.code == .invalidCommand)
      }
      _ = try await pool.send(["CLIENT", "INFO"])
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `arbitrary bytes as replies end every call with a typed error or a value`(_ seed: UInt64) async throws {
    try await withFakeServer {
      $0.commandTimeout = .milliseconds(50)
    } serve: { socket in
      var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(socket.socket.bytesSent)
      try await socket.answerGreeting()
      while try await socket.nextCommand() != nil {
        var bytes: [UInt8] = []
        for _ in 0..<12 {
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          bytes.append(Array("+-:$*\r\n0123A".utf8)[Int(state >> 60) % 12])
        }
        socket.write(bytes + [13, 10])
      }
    } _: { pool in
      for _ in 0..<40 {
        _ = await failure { try await pool.send(["GET", "a"]) }
        if !pool.isReady { try await EventLoop.sleep(for: .milliseconds(5)) }
      }
    }
  }
}

/// A number that closures on several threads count up.
final class SharedCount: Sendable {
  private let number: Mutex<Int>
  init(_ value: Int) { number = Mutex(value) }
  var value: Int { number.withLock { $0 } }
  func add() { number.withLock { $0 += 1 } }
}
