import Reactor
import Redis
import Testing

extension RedisTests {
  @Suite struct CommandTests {
    @Test func `keys and values are any bytes`() async throws {
      let server = try ScratchRedis()
      try await withPool(RedisConfiguration(address: server.address)) { pool, _ in
        let all = (0...255).map { UInt8($0) }
        let keys: [[UInt8]] = [all, Array("a\r\nb".utf8), [0], Array("$5\r\n".utf8), []]
        for (number, key) in keys.enumerated() {
          try await pool.set(.bytes(key), .bytes(key + [UInt8(number)]))
        }
        for (number, key) in keys.enumerated() {
          let value = try await pool.get(.bytes(key))
          #expect(value == key + [UInt8(number)])
        }
        let size = try await pool.send(["DBSIZE"]).integer
        #expect(size == 5)
        let empty = try await pool.set("empty", .bytes([]))
        let read = try await pool.get("empty")
        let absent = try await pool.get("absent")
        #expect(empty && read == [] && absent == nil)
      }
    }

    @Test func `five megabytes come back unharmed`() async throws {
      let server = try ScratchRedis()
      try await withPool(RedisConfiguration(address: server.address)) { pool, _ in
        var state: UInt32 = 7
        let large = (0..<(5 << 20)).map { _ -> UInt8 in
          state = state &* 1_664_525 &+ 1_013_904_223
          return UInt8(truncatingIfNeeded: state >> 24)
        }
        try await pool.set("large", .bytes(large))
        let value = try await pool.get("large")
        #expect(value == large)
      }
    }

    @Test func `three thousand concurrent commands get their own answers`() async throws {
      let server = try ScratchRedis()
      try await withPool(RedisConfiguration(address: server.address)) { pool, group in
        try await group.onEach { loop in
          try await withThrowingTaskGroup(of: Void.self) { tasks in
            for number in 0..<1500 {
              tasks.addTask {
                let key = RedisArgument("\(loop.index)-\(number)")
                try await pool.set(key, RedisArgument(number * 2 + loop.index))
                let value = try await pool.send(["GET", key]).integer
                #expect(value == Int64(number * 2 + loop.index))
                let echoed = try await pool.send(["ECHO", key]).text
                #expect(echoed == "\(loop.index)-\(number)")
              }
            }
            try await tasks.waitForAll()
          }
        }
        #expect(pool.inFlight == 0)
      }
    }

    @Test func `a refusal is a typed error whose description holds no data`() async throws {
      let server = try ScratchRedis()
      try await withPool(RedisConfiguration(address: server.address)) { pool, _ in
        try await pool.set("secret-key", "secret-value")
        let wrongType = await failure { try await pool.hget("secret-key", "f") }
        #expect(wrongType?.code == .server("WRONGTYPE"))
        #expect(wrongType?.isTransient == false && wrongType?.outcomeUnknown == false)
        let unknown = await failure { try await pool.send(["NOSUCH", "secret-key", "secret-value"]) }
        #expect(unknown?.code == .server("ERR"))
        #expect(unknown.map { "\($0)".contains("secret") } == false)
        let after = try await pool.get("secret-key")
        #expect(after == Array("secret-value".utf8))
      }
    }

    @Test func `commands that would spoil a shared connection are refused before they are sent`() async throws {
      let server = try ScratchRedis()
      try await withPool(RedisConfiguration(address: server.address)) { pool, _ in
        let refused: [[RedisArgument]] = [
          [], ["SUBSCRIBE", "a"], ["monitor"], ["BLPOP", "a", 0], ["Multi"], ["EXEC"], ["WATCH", "a"], ["SELECT", 1],
          ["AUTH", "x"], ["QUIT"], ["CLIENT", "reply", "OFF"], ["XREAD", "block", 0, "STREAMS", "s", "$"],
        ]
        for words in refused {
          let error = await failure { try await pool.send(words) }
          #expect(error?.code == .invalidCommand, "\(words)")
        }
        try await pool.ping()
      }
    }

    @Test func `conditions and expiries hold`() async throws {
      let server = try ScratchRedis()
      try await withPool(RedisConfiguration(address: server.address)) { pool, _ in
        let absent = try await pool.set("k", "0", condition: .ifPresent)
        let first = try await pool.set("k", "1", expiry: .after(.seconds(100)), condition: .ifAbsent)
        let second = try await pool.set("k", "2", condition: .ifAbsent)
        let present = try await pool.set("k", "3", expiry: .keep, condition: .ifPresent)
        #expect(!absent && first && !second && present)
        let left = try await pool.timeToLive("k")
        #expect(left.map { $0 > .zero && $0 <= .seconds(100) } == true)
        try await pool.set("k", "4")
        let forever = try await pool.timeToLive("k")
        #expect(forever == nil)
        // Zero would delete the key at once or be refused; it means the shortest time there is.
        let expired = try await pool.expire("k", after: .zero)
        let gone = await eventually { (try? await pool.exists("k")) == false }
        #expect(expired && gone)
        let none = try await pool.expire("k", after: .seconds(1))
        #expect(!none)
      }
    }

    @Test func `counters, hashes and many keys at once`() async throws {
      let server = try ScratchRedis()
      try await withPool(RedisConfiguration(address: server.address)) { pool, _ in
        let up = try await pool.incrBy("n", 5)
        let down = try await pool.incrBy("n", -7)
        let least = try await pool.incrBy("least", .min)
        #expect(up == 5 && down == -2 && least == .min)
        let made = try await pool.hset("h", [("a", "1"), ("b", .bytes([0, 255]))])
        let field = try await pool.hget("h", "b")
        let fields = try await pool.hgetAll("h")
        #expect(made == 2 && field == [0, 255] && fields.map(\.field) == [[97], [98]])
        let nothing = try await pool.hgetAll("none")
        #expect(nothing.isEmpty)
        let many = try await pool.mget(["n", "none", "least"])
        #expect(many == [Array("-2".utf8), nil, Array("-9223372036854775808".utf8)])
        let deleted = try await pool.del(["n", "h", "none"])
        let noKeys = try await pool.del([])
        #expect(deleted == 2 && noKeys == 0)
      }
    }

    @Test func `a transaction happens as a whole or not at all`() async throws {
      let server = try ScratchRedis()
      try await withPool(RedisConfiguration(address: server.address)) { pool, _ in
        let values = try await pool.transaction([["SET", "a", 1], ["INCR", "a"], ["GET", "a"]])
        #expect(values == [.ok, .integer(2), .bulk(Array("2".utf8))])
        let refused = await failure { try await pool.transaction([["SET", "b", 1], ["GET"]]) }
        #expect(refused?.code == .server("ERR"))
        let untouched = try await pool.exists("b")
        #expect(!untouched)
        let mixed = try await pool.transaction([["SET", "b", "x"], ["INCR", "b"], ["GET", "b"]])
        #expect(mixed.map { $0.error?.prefix } == [nil, "ERR", nil])
        let nested = await failure { try await pool.transaction([["MULTI"]]) }
        #expect(nested?.code == .invalidCommand)
        let none = try await pool.transaction([])
        #expect(none.isEmpty)
      }
    }

    @Test func `a script survives that the server forgets it`() async throws {
      let server = try ScratchRedis()
      let script = RedisScript("redis.call('INCRBY', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])")
      try await withPool(RedisConfiguration(address: server.address)) { pool, _ in
        let digest = try await pool.send(["SCRIPT", "LOAD", .string(script.source)]).text
        #expect(digest == script.digest)
        for forget in [["SCRIPT", "FLUSH"], ["FLUSHALL"], ["PING"]] as [[RedisArgument]] {
          _ = try await pool.send(forget)
          let before = try await pool.get("n").map { String(decoding: $0, as: UTF8.self) } ?? "0"
          let after = try await pool.evaluate(script, keys: ["n"], arguments: [3]).integer
          // Exactly once: the attempt that was answered NOSCRIPT did nothing.
          #expect(after == Int64(before).map { $0 + 3 })
        }
        let failing = RedisScript("redis.call('INCR', KEYS[1]) return redis.error_reply('MINE over')")
        let error = await failure { try await pool.evaluate(failing, keys: ["once"]) }
        let runs = try await pool.send(["GET", "once"]).integer
        #expect(error?.code == .server("MINE") && runs == 1)
      }
    }
  }
}
