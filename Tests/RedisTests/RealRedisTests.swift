import Glibc
import Primitives
import Reactor
import Synchronization
import Testing

@testable import Redis

@Suite(.serialized) struct RealRedisTests {
  @Test func `keys and values are any bytes, up to ten megabytes`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration()) { pool in
      let key = RedisArgument((0...255).map { UInt8($0) } + [13, 10, 0])
      let value = (0...255).reversed().map { UInt8($0) }
      #expect((try await pool.get(key)) == nil)
      try await pool.set(key, .bytes(value))
      #expect(try await pool.get(key) == value)
      var large = [UInt8](repeating: 0, count: 10 << 20)
      for index in large.indices { large[index] = UInt8(truncatingIfNeeded: index &* 31 >> 3) }
      try await pool.set("large", .bytes(large))
      #expect(try await pool.get("large") == large)
      try await pool.set("", "")
      #expect(try await pool.get("") == [])
    }
  }

  @Test func `five thousand concurrent commands are answered to the right callers`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration(), loops: 2) { pool in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for index in 0..<5000 {
          group.addTask { try await pool.send(["ECHO", .integer(Int64(index))]).integer == Int64(index) }
        }
        var right = 0
        for try await isRight in group where isRight { right += 1 }
        #expect(right == 5000)
      }
      #expect(pool.inFlight == 0)
    }
  }

  @Test func `commands of one task are executed in their order, and a pipeline in one piece`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration()) { pool in
      for index in 1...50 { #expect(try await pool.incrBy("n") == Int64(index)) }
      let commands = (0..<500).map { RedisCommand(["RPUSH", "list", .integer(Int64($0))]) }
      let replies = try await pool.pipeline(commands + [["LRANGE", "list", 0, -1], ["GET", "list"]])
      #expect(replies[500].array?.compactMap(\.integer) == (0..<500).map { Int64($0) })
      #expect(replies[501].error?.prefix == "WRONGTYPE")
      #expect(try await pool.pipeline([]).isEmpty)
    }
  }

  @Test func `the conveniences do what they say`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration()) { pool in
      #expect(try await pool.set("a", "1", condition: .ifPresent) == false)
      #expect(try await pool.set("a", "1", expiry: .after(.seconds(100)), condition: .ifAbsent))
      #expect(try await pool.set("a", "2", condition: .ifAbsent) == false)
      #expect(try await pool.set("a", "2", expiry: .keep))
      let left = try await pool.timeToLive("a")
      #expect(left ?? .zero > .seconds(1))
      #expect((try await pool.timeToLive("none")) == nil)
      #expect(try await pool.expire("none", after: .seconds(1)) == false)
      #expect(try await pool.mget(["a", "none"]) == [Array("2".utf8), nil])
      #expect(try await pool.del(["a", "none"]) == 1)
      #expect(try await pool.exists("a") == false)

      #expect(try await pool.hset("h", [("x", "1"), ("y", "2")]) == 2)
      #expect(try await pool.hincrBy("h", "x", 41) == 42)
      #expect(try await pool.hget("h", "x") == Array("42".utf8))
      #expect(try await pool.hmget("h", ["y", "z"]) == [Array("2".utf8), nil])
      #expect(try await pool.hgetAll("h").count == 2)
      #expect(try await pool.hdel("h", ["x", "z"]) == 1)

      #expect(try await pool.zadd("z", [(1.5, "a"), (2, "b"), (1e300, "c")]) == 3)
      #expect(try await pool.zcard("z") == 3)
      #expect(try await pool.zcount("z", 0...2) == 2)
      #expect(
        try await pool.zrangeByScore("z", 0...1.6) == [RedisScored(member: Array("a".utf8), score: 1.5)])
      #expect(try await pool.zremRangeByScore("z", -Double.infinity...2) == 2)
      #expect(try await pool.zrem("z", ["c"]) == 1)

      let error = await failure { try await pool.hget("n", "x") }
      #expect(error == nil)
      try await pool.set("text", "x")
      #expect(await failure { try await pool.hget("text", "x") }?.code == .server("WRONGTYPE"))
      #expect(await failure { try await pool.incrBy("text") }?.code == .server("ERR"))

      for index in 0..<1000 { try await pool.set("scan:\(index)", "") }
      var found: Set<[UInt8]> = []
      for try await page in pool.scan(match: "scan:*", pageSize: 50) { found.formUnion(page) }
      #expect(found.count == 1000)
    }
  }

  @Test func `scripts are known by digest and survive a flush`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration()) { pool in
      let script = RedisScript("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")
      #expect(try await pool.send(["SCRIPT", "LOAD", .string(script.source)]).text == script.digest)
      for round in 1...3 {
        let reply = try await pool.evaluate(script, keys: ["k"], arguments: [7])
        #expect(reply.array?[1].integer == 7)
        #expect(reply.array?[2].integer == Int64(round))
        _ = try await pool.send(["SCRIPT", "FLUSH"])
      }
      _ = try await pool.send(["FLUSHALL"])
      #expect(try await pool.evaluate(script, keys: ["k"], arguments: [7]).array?[2].integer == 1)
      let failing = RedisScript("return redis.error_reply('BUDGET empty')")
      #expect(await failure { try await pool.evaluate(failing) }?.code == .server("BUDGET"))
      // Many first uses at once: each falls back by itself.
      let fresh = RedisScript("return tonumber(ARGV[1]) * 2")
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for index in 0..<200 {
          group.addTask {
            try await pool.evaluate(fresh, arguments: [RedisArgument(index)]).integer == Int64(index * 2)
          }
        }
        for try await isRight in group { #expect(isRight) }
      }
    }
  }

  @Test func `scripts that must not fail write although the memory is used up`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration()) { pool in
      _ = try await pool.send(["CONFIG", "SET", "maxmemory-policy", "noeviction"])
      _ = try await pool.send(["CONFIG", "SET", "maxmemory", "1"])
      let source = "redis.call('SET', KEYS[1], ARGV[1]) return 1"
      await #expect(throws: (any Error).self) { try await pool.set("cached", "answer") }
      await #expect(throws: (any Error).self) {
        try await pool.evaluate(RedisScript(source), keys: ["counter"], arguments: ["5"])
      }
      let done = try await pool.evaluate(
        RedisScript(source, runsWithoutMemory: true), keys: ["counter"], arguments: ["5"])
      #expect(done.integer == 1)
      #expect(try await pool.get("counter") == Array("5".utf8))
    }
  }

  @Test func `transactions are executed as one or not at all`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration()) { pool in
      let replies = try await pool.transaction([
        ["SET", "a", "1"], ["INCR", "a"], ["LPUSH", "a", "x"], ["GET", "a"],
      ])
      #expect(replies[1] == .integer(2))
      #expect(replies[2].error?.prefix == "WRONGTYPE")
      #expect(replies[3].integer == 2)
      let refused = await failure {
        try await pool.transaction([["SET", "a", "9"], ["NOSUCHCOMMAND"]])
      }
      #expect(refused?.code == .server("ERR"))
      #expect(try await pool.get("a") == Array("2".utf8))
      #expect(try await pool.transaction([]).isEmpty)
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<200 {
          group.addTask { _ = try? await pool.transaction([["INCR", "x"], ["INCR", "x"]]) }
          group.addTask { _ = try? await pool.incrBy("y") }
        }
      }
      #expect(try await pool.mget(["x", "y"]) == [Array("400".utf8), Array("200".utf8)])
    }
  }

  @Test func `a restart is seen and survived`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration(), loops: 2) { pool in
      #expect(pool.isReady)
      redis.stop()
      try await eventually("not ready") { !pool.isReady }
      try await eventually("typed failure at once") {
        await failure { try await pool.get("a") }?.code == .unavailable
      }
      try redis.start()
      try await eventually("ready") { pool.isReady }
      try await pool.set("a", "1")
      #expect(try await pool.get("a") == [49])
    }
  }

  @Test func `a frozen server times out, is dropped, and is found again`() async throws {
    let redis = try TestRedis()
    let configuration = redis.configuration {
      $0.commandTimeout = .milliseconds(50)
      $0.overdueGrace = .milliseconds(50)
      $0.connectTimeout = .milliseconds(200)
      $0.probeInterval = .milliseconds(30)
    }
    try await withPool(configuration) { pool in
      redis.signal(SIGSTOP)
      // Nobody calls: the probe notices.
      try await eventually("not ready") { !pool.isReady }
      redis.signal(SIGCONT)
      try await eventually("ready") { pool.isReady }
      try await eventually("answers") { (try? await pool.ping()) != nil }
    }
  }

  @Test func `authentication, database and name`() async throws {
    let redis = try TestRedis(["--requirepass", "pa ss\r\nword"])
    try await withPool(redis.configuration()) { pool in
      #expect(!pool.isReady)
      let error = await failure { try await pool.get("a") }
      #expect(error?.code == .unavailable)
      #expect(error?.detail.contains("NOAUTH") == true)
    }
    try await withPool(redis.configuration { $0.password = "wrong" }) { pool in
      #expect(await failure { try await pool.get("a") }?.detail.contains("WRONGPASS") == true)
    }
    let right = redis.configuration {
      $0.password = "pa ss\r\nword"
      $0.username = "default"
      $0.database = 3
      $0.clientName = "tester"
    }
    try await withPool(right) { pool in
      let info = try await pool.send(["CLIENT", "INFO"]).text ?? ""
      #expect(info.contains(" db=3 "))
      #expect(info.contains(" name=tester "))
    }
    try await withPool(
      redis.configuration {
        $0.password = "pa ss\r\nword"; $0.database = 99
      }
    ) { pool in
      #expect(!pool.isReady)
    }
  }

  @Test func `blocking commands have their own connection and can be cancelled`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration { $0.dedicatedConnectionsPerLoopMax = 2 }) { pool in
      let popped = Task {
        try await pool.withSession {
          try await $0.send(["BLPOP", "queue", 0], timeout: .seconds(60)).array?.last?.text
        }
      }
      _ = try await pool.send(["RPUSH", "queue", "job"])
      #expect(try await popped.value == "job")

      let waiting = Task {
        try await pool.withSession { try await $0.send(["BLPOP", "queue", 0], timeout: .seconds(60)) }
      }
      try await eventually("blocked") {
        (try? await pool.send(["INFO", "clients"]).text)??.contains("blocked_clients:1") == true
      }
      waiting.cancel()
      await #expect(throws: RedisError.self) { try await waiting.value }
      try await eventually("released") {
        (try? await pool.send(["INFO", "clients"]).text)??.contains("blocked_clients:0") == true
      }

      // WATCH works there.
      try await pool.withSession { session in
        _ = try await session.send(["WATCH", "w"])
        try await pool.set("w", "other")
        let replies = try await session.pipeline([["MULTI"], ["SET", "w", "mine"], ["EXEC"]])
        #expect(replies.last == .null)
      }
      try await pool.withSession { _ in
        try await pool.withSession { _ in
          _ = await #expect(throws: RedisError.self) { try await pool.withSession { _ in } }
        }
      }
      try await pool.withSession { _ in }
    }
  }

  @Test func `subscriptions deliver in order, survive a restart with a notice, and end`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration { $0.probeInterval = .milliseconds(50) }) { pool in
      let subscription = try await pool.subscribe(["news", "other"])
      var reader = subscription.makeAsyncIterator()
      for index in 0..<300 { #expect(try await pool.publish("news", RedisArgument(index)) == 1) }
      for index in 0..<300 {
        #expect(await reader.next() == .published(channel: "news", payload: Array(String(index).utf8)))
      }
      redis.stop()
      try redis.start()
      #expect(await reader.next() == .gap(.reconnected))
      try await eventually("ready") { pool.isReady }
      #expect(try await pool.publish("other", .bytes([0, 255])) == 1)
      #expect(await reader.next() == .published(channel: "other", payload: [0, 255]))
      subscription.cancel()
      #expect((await reader.next()) == nil)
      try await eventually("unsubscribed") { (try? await pool.publish("news", "x")) == 0 }
    }
  }

  @Test func `a slow reader loses the oldest and is told; a dropped subscription is closed`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration()) { pool in
      var subscription: RedisSubscription? = try await pool.subscribe(["c"], bufferedMax: 10)
      for index in 0..<100 { try await pool.publish("c", RedisArgument(index)) }
      // The subscriber's own connection is behind the publisher's: a marker on the same channel tells when all is in.
      try await EventLoop.sleep(for: .milliseconds(50))
      var messages: [RedisMessage] = []
      if let subscription {
        for await message in subscription {
          messages.append(message)
          if message == .published(channel: "c", payload: Array("99".utf8)) { break }
        }
      }
      #expect(messages.first == .gap(.overflow))
      #expect(messages.count <= 11)
      subscription = nil
      try await eventually("unsubscribed") { (try? await pool.publish("c", "x")) == 0 }
      let next = try await pool.subscribe(["c"])
      let reading = Task { await next.first { _ in true } }
      reading.cancel()
      #expect((await reading.value) == nil)
    }
  }

  @Test func `subscribing while the server is away fails at once`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration()) { pool in
      redis.stop()
      let error = await failure { try await pool.subscribe(["a"]) }
      #expect(error?.code == .unavailable, "\(String(reflecting: error))")
    }
  }

  @Test func `two hundred reconnects leave no descriptor behind`() async throws {
    let redis = try TestRedis()
    let configuration = redis.configuration()
    try await withPool(configuration) { pool in
      let before = openDescriptors()
      for _ in 0..<200 {
        let connection = try await RedisConnection.connect(configuration)
        connection.close()
      }
      for _ in 0..<100 {
        var wrong = configuration
        wrong.database = 9999
        _ = await failure { try await RedisConnection.connect(wrong) }
        wrong.address = .unix("/tmp/no-such-socket")
        _ = await failure { try await RedisConnection.connect(wrong) }
      }
      try await EventLoop.sleep(for: .milliseconds(20))
      // Other suites open and close some meanwhile; a leak would be hundreds.
      #expect(openDescriptors() <= before + 60)
      let clients = try #require(try await pool.send(["CLIENT", "LIST"]).text).split(separator: "\n").count
      #expect(clients > 0 && clients <= 2)
    }
  }

  @Test func `calls from outside the loops are carried there, cancelled ones too`() async throws {
    let redis = try TestRedis()
    let group = EventLoopGroup(count: 2)
    let pool = RedisPool(group: group, configuration: redis.configuration())
    await pool.start()
    try await pool.set("a", "1")
    await withTaskGroup(of: Void.self) { tasks in
      for index in 0..<2000 {
        tasks.addTask {
          let call = Task { await failure { try await pool.get("a") } }
          if index % 2 == 0 { call.cancel() }
          let error = await call.value
          #expect(error == nil || error?.code == .cancelled)
        }
      }
    }
    #expect(try await pool.get("a") == [49])
    #expect(pool.inFlight == 0)
    await pool.close()
    let error = await failure { try await pool.get("a") }
    #expect(error?.code == .unavailable)
    group.stop()
  }

  private final class Recorder: RedisObserver {
    let events = Mutex<[String]>([])
    func commandFinished(_ name: RedisCommandName, nanoseconds: UInt64, outcome: RedisOutcome, inFlight: Int) {
      events.withLock { $0.append("\(name.rawValue) \(outcome.rawValue)") }
    }
    func connected() { events.withLock { $0.append("connected") } }
    func disconnected(_ error: RedisError) { events.withLock { $0.append("disconnected") } }
  }

  @Test func `an observer sees connections and outcomes under bounded names`() async throws {
    let redis = try TestRedis()
    let recorder = Recorder()
    try await withPool(redis.configuration(), observer: recorder) { pool in
      _ = try await pool.get("a")
      _ = await failure { try await pool.send(["made-up-by-a-user"]) }
      redis.stop()
      try await eventually("not ready") { !pool.isReady }
      _ = await failure { try await pool.get("a") }
    }
    let events = recorder.events.withLock { $0 }
    #expect(events == ["connected", "GET ok", "OTHER server_error", "disconnected", "GET unavailable"])
  }
}
