import Glibc
import Primitives
import Reactor
import Synchronization
import Telemetry
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

  @Test func `commands of one task are executed in their order`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration()) { pool in
      for index in 1...50 {
        let reply = try await pool.send(["INCR", "n"])
        #expect(reply.integer == Int64(index))
      }
    }
  }

  @Test func `keys are walked over, and errors of the server have their code`() async throws {
    let redis = try TestRedis()
    try await withPool(redis.configuration()) { pool in
      for index in 0..<1000 { try await pool.set("scan:\(index)", "") }
      var found: Set<[UInt8]> = []
      for try await page in pool.scan(match: "scan:*", pageSize: 50) { found.formUnion(page) }
      #expect(found.count == 1000)
      try await pool.set("text", "x")
      #expect(await failure { try await pool.send(["HGET", "text", "x"]) }?.code == .server("WRONGTYPE"))
      #expect(await failure { try await pool.send(["INCR", "text"]) }?.code == .server("ERR"))
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
      try await eventually("answers") { (try? await pool.send(["PING"])) != nil }
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

  @Test func `a measured pool counts commands, failures and connections`() async throws {
    let redis = try TestRedis()
    let registry = MetricsRegistry()
    let group = EventLoopGroup(count: 1)
    let pool = RedisPool(group: group, configuration: redis.configuration(), registry: registry)
    await pool.start()
    for _ in 0..<3 { _ = try await pool.get("a") }
    _ = await failure { try await pool.send(["made-up-by-a-user"]) }
    let connected = String(decoding: registry.render(.prometheusText), as: UTF8.self)
    redis.stop()
    try await eventually("not ready") { !pool.isReady }
    _ = await failure { try await pool.get("a") }
    let lost = String(decoding: registry.render(.prometheusText), as: UTF8.self)
    await pool.close()
    group.stop()
    for line in [
      #"cadre_redis_commands_total{command="GET",outcome="ok"} 3"#,
      #"cadre_redis_commands_total{command="OTHER",outcome="server_error"} 1"#,
      #"cadre_redis_command_duration_seconds_count{command="GET"} 3"#, "cadre_redis_connects_total 1",
      "cadre_redis_connections_ready 1", "cadre_redis_commands_pending 0",
    ] {
      #expect(connected.contains(line + "\n"), "\(line)")
    }
    for line in [
      #"cadre_redis_commands_total{command="GET",outcome="unavailable"} 1"#, "cadre_redis_connections_ready 0",
      "cadre_redis_disconnects_total 1",
    ] {
      #expect(lost.contains(line + "\n"), "\(line)")
    }
  }
}
