import HTTP
import HTTPWire
import RedisTestKit
import Testing

@testable import Contracts
@testable import GatewayTraffic

/// The limits with real servers and a real Redis.
@Suite struct TrafficLimiterTests {
  /// So slow that a test meets no new token.
  private static func limit(_ burst: Int, perSecond: Double = 0.001) throws -> RateLimit {
    try #require(RateLimit(perSecond: perSecond, burst: burst))
  }

  private static func redis() throws -> PortRedis { try PortRedis(TestFolder()) }

  @Test func `two replicas share the limit of a tenant, and one tenant's credentials theirs`() async throws {
    let redis = try TrafficLimiterTests.redis()
    let table = LimitTable(
      tenant: LimitTable.Limits(rates: [.read: try TrafficLimiterTests.limit(15)]),
      credential: LimitTable.Limits(rates: [.read: try TrafficLimiterTests.limit(10)]))
    try await TrafficFixture.run(replicas: 2, table, redis: redis) { (gateway: TrafficFixture) async throws -> Void in
      var statuses: [Int] = []
      for number in 0..<20 { statuses.append(try await gateway.send(replica: number % 2).status) }
      #expect(statuses.filter { $0 == 200 }.count == 10)
      #expect(statuses.filter { $0 == 429 }.count == 10)
      // Another credential has its own bucket, and finds what is left of the tenant's.
      var others: [Int] = []
      for number in 0..<10 { others.append(try await gateway.send(key: "good-b", replica: number % 2).status) }
      #expect(others.filter { $0 == 200 }.count == 5)
      // Another class has no limit.
      #expect(try await gateway.send(.post, "/things").status == 201)
    }
  }

  @Test func `keys of the same name have limits of their own in each tenant`() async throws {
    let redis = try TrafficLimiterTests.redis()
    let table = LimitTable(
      tenant: LimitTable.Limits(rates: [.read: try TrafficLimiterTests.limit(5)]),
      credential: LimitTable.Limits(rates: [.read: try TrafficLimiterTests.limit(3)]))
    try await TrafficFixture.run(table, redis: redis) { (gateway: TrafficFixture) async throws -> Void in
      for key in ["good-a", "good-a@other"] {
        var statuses: [Int] = []
        for _ in 0..<4 { statuses.append(try await gateway.send(key: key).status) }
        #expect(statuses == [200, 200, 200, 429])
      }
    }
  }

  @Test func `the answer says how much is left, and how long to wait`() async throws {
    let redis = try TrafficLimiterTests.redis()
    let table = LimitTable(
      credential: LimitTable.Limits(rates: [.read: try TrafficLimiterTests.limit(2, perSecond: 0.02)]))
    try await TrafficFixture.run(table, redis: redis) { (gateway: TrafficFixture) async throws -> Void in
      let first = try await gateway.send()
      #expect(first.headers["ratelimit-policy"] == "\"credential\";q=2;w=100")
      #expect(first.headers["ratelimit-limit"] == "2")
      #expect(first.headers["ratelimit-remaining"] == "1")
      #expect(first.headers["ratelimit"]?.hasPrefix("\"credential\";r=1;t=") == true)
      #expect(first.headers["ratelimit-reset"] != nil)
      _ = try await gateway.send()
      let refused = try await gateway.send()
      #expect(refused.status == 429)
      #expect(refused.text.contains("\"code\":\"rate_limited\""))
      #expect(refused.headers["ratelimit-remaining"] == "0")
      let wait = try #require(refused.headers[.retryAfter].flatMap { Int($0) })
      #expect((1...50).contains(wait))
    }
  }

  @Test func `limits can be replaced while requests come, for one tenant as well`() async throws {
    let redis = try TrafficLimiterTests.redis()
    try await TrafficFixture.run(LimitTable(), redis: redis) { (gateway: TrafficFixture) async throws -> Void in
      let unlimited = try await gateway.send()
      #expect(unlimited.headers["ratelimit-limit"] == nil)
      var table = LimitTable()
      table.credential.rates[.read] = try TrafficLimiterTests.limit(1)
      gateway.limiters[0].table = table
      #expect(try await gateway.send().status == 200)
      #expect(try await gateway.send().status == 429)
    }
  }

  @Test func `when Redis is killed each replica admits its share, and all share again when it is back`() async throws {
    let folder = TestFolder()
    let redis = try PortRedis(folder)
    let table = LimitTable(credential: LimitTable.Limits(rates: [.read: try TrafficLimiterTests.limit(8)]))
    try await TrafficFixture.run(replicas: 2, table, redis: redis, { $0.ownShare = 0.5 }) {
      (gateway: TrafficFixture) async throws -> Void in
      #expect(try await gateway.send().status == 200)
      redis.stop()
      var passed = [0, 0]
      for number in 0..<20 where try await gateway.send(replica: number % 2).status == 200 { passed[number % 2] += 1 }
      #expect(passed == [4, 4])
      #expect(gateway.limiters.contains { $0.isFallback })
      try redis.start()
      // The new Redis knows nothing: eight more requests pass, of both replicas together.
      try await gateway.until("the buckets are shared again") {
        let answer = try await gateway.send(key: "good-b")
        return answer.headers["ratelimit-limit"] == "8"
      }
    }
    // The restarted server needs it until here.
    withExtendedLifetime(folder) {}
  }

  @Test func `an address that shows wrong credentials too often is blocked in all replicas, and no other`() async throws
  {
    let redis = try TrafficLimiterTests.redis()
    let table = LimitTable(refusals: try TrafficLimiterTests.limit(5))
    try await TrafficFixture.run(replicas: 2, table, redis: redis) { (gateway: TrafficFixture) async throws -> Void in
      try await gateway.until("replica 0 blocks the address") {
        try await gateway.send(key: "bad", from: "203.0.113.1").status == 429
      }
      // The bucket is shared and empty: the other replica finds that with the next wrong credential.
      try await gateway.until("replica 1 blocks the address") {
        try await gateway.send(key: "bad", replica: 1, from: "203.0.113.1").status == 429
      }
      let good = try await gateway.send(from: "203.0.113.1")
      #expect(good.status == 429)
      #expect(good.headers[.retryAfter] != nil)
      #expect(try await gateway.send(from: "203.0.113.2").status == 200)
      #expect(try await gateway.send(key: "bad", from: "203.0.113.2").status == 401)
    }
  }

  @Test func `attempts to sign in are limited by address, without a credential`() async throws {
    let redis = try TrafficLimiterTests.redis()
    let table = LimitTable(signIn: try TrafficLimiterTests.limit(3))
    try await TrafficFixture.run(replicas: 2, table, redis: redis) { (gateway: TrafficFixture) async throws -> Void in
      var statuses: [Int] = []
      for number in 0..<6 {
        // The left part is what a client wrote itself.
        let from = "1.1.1.\(number), 203.0.113.1"
        statuses.append(try await gateway.send(.post, "/session", key: nil, replica: number % 2, from: from).status)
      }
      #expect(statuses == [200, 200, 200, 429, 429, 429])
      #expect(try await gateway.send(.post, "/session", key: nil, from: "2001:db8::1").status == 200)
    }
  }

  @Test func `requests at a time are limited for a credential, and are counted to their end`() async throws {
    let redis = try TrafficLimiterTests.redis()
    let table = LimitTable(credential: LimitTable.Limits(inFlightMax: 3, longMax: 1))
    try await TrafficFixture.run(table, redis: redis) { (gateway: TrafficFixture) async throws -> Void in
      gateway.gate.close()
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<3 { group.addTask { try await gateway.send(.post, "/things").status } }
        try await gateway.until("three are under way") { gateway.gate.waiting == 3 }
        let fourth = try await gateway.send(.post, "/things")
        #expect(fourth.status == 429)
        #expect(fourth.text.contains("\"code\":\"too_many_in_flight\""))
        // Streams have a number of their own, and another credential its own numbers.
        let stream = try await gateway.follow()
        #expect(stream.status == .ok)
        #expect(try await gateway.follow().status == .tooManyRequests)
        #expect(try await gateway.follow(key: "good-b").status == .ok)
        gateway.gate.open()
        for try await status in group { #expect(status == 201) }
        _ = try await stream.body.collect(upTo: 1 << 20)
      }
      #expect(try await gateway.send(.post, "/things").status == 201)
      try await gateway.until("the stream has ended and another may begin") {
        try await gateway.follow().status == .ok
      }
    }
  }

  @Test func `a saturated replica refuses new work and still says how things are`() async throws {
    let redis = try TrafficLimiterTests.redis()
    try await TrafficFixture.run(LimitTable(), redis: redis, { $0.load.inFlightMax = 10 }) {
      (gateway: TrafficFixture) async throws -> Void in
      gateway.gate.close()
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<9 { group.addTask { try await gateway.send(.post, "/things").status } }
        try await gateway.until("nine are under way") { gateway.gate.waiting == 9 }
        let work = try await gateway.send(.post, "/things", key: "good-b")
        #expect(work.status == 503)
        #expect(work.text.contains("\"code\":\"overloaded\""))
        #expect(work.headers[.retryAfter] == "1")
        #expect(try await gateway.send().status == 200)
        gateway.gate.open()
        for try await status in group { #expect(status == 201) }
      }
      #expect(try await gateway.send(.post, "/things").status == 201)
    }
  }
}
