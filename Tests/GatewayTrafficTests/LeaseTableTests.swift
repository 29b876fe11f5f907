import Testing

@testable import GatewayTraffic

/// The shared buckets as Redis has them, without Redis.
private struct FakeBuckets {
  var levels: [BucketKey: Double] = [:]

  mutating func take(_ asks: [LeaseTable.Ask]) -> LimitReply {
    for (index, ask) in asks.enumerated() {
      let level = levels[ask.bucket.key] ?? Double(ask.bucket.limit.burst)
      if level < Double(ask.need) { return .refused(index: index, nanoseconds: 1_000_000_000) }
    }
    return .granted(
      asks.map { ask in
        let level = levels[ask.bucket.key] ?? Double(ask.bucket.limit.burst)
        let taken = ask.need + max(0, min(ask.ahead, Int((level - Double(ask.need)) / 4)))
        levels[ask.bucket.key] = level - Double(taken)
        return LeaseTable.Grant(tokens: taken, level: Int(level) - taken)
      })
  }
}

@Suite struct LeaseTableTests {
  private static let second: UInt64 = 1_000_000_000
  private static let start: UInt64 = 1000 * second

  private static func bucket(_ name: String, perSecond: Double = 1, burst: Int) throws -> LimitedBucket {
    let limit = try #require(RateLimit(perSecond: perSecond, burst: burst))
    return LimitedBucket(BucketKey(.tenant, owner: name, kind: "read"), limit)
  }

  /// One request, with what it asks of the shared buckets. Returns whether it passes and whether it waited for them.
  private static func request(
    _ table: inout LeaseTable, _ shared: inout FakeBuckets, _ buckets: [LimitedBucket], _ now: UInt64
  ) -> (passes: Bool, waited: Bool) {
    func ask(_ asks: [LeaseTable.Ask]) -> Bool {
      switch shared.take(asks) {
      case .granted(let grants):
        _ = table.granted(asks, grants, now: now)
        return true
      case .refused(let index, let wait):
        _ = table.refused(asks, index: index, wait: wait, now: now)
        return false
      }
    }
    switch table.request(buckets, now: now) {
    case .admitted(_, let borrow):
      for one in borrow { _ = ask([one]) }
      return (true, false)
    case .ask(let asks): return (ask(asks), true)
    case .refused: return (false, false)
    }
  }

  @Test func `two replicas never admit more than the bucket holds, and waste little of it`() throws {
    var shared = FakeBuckets()
    var tables = [LeaseTable(ownShare: 0.5), LeaseTable(ownShare: 0.5)]
    let bucket = try LeaseTableTests.bucket("t", burst: 1000)
    var passed = 0
    for number in 0..<4000 {
      let now = LeaseTableTests.start + UInt64(number) * 1000
      if LeaseTableTests.request(&tables[number % 2], &shared, [bucket], now).passes { passed += 1 }
    }
    #expect(passed <= 1000)
    // What is lent and not used is at most a sixteenth for each replica.
    #expect(passed >= 1000 - 2 * 1000 / LeaseTable.leasedPart)
  }

  @Test func `who asks often waits for Redis seldom`() throws {
    var shared = FakeBuckets()
    var table = LeaseTable(ownShare: 0.5)
    let bucket = try LeaseTableTests.bucket("t", burst: 10_000)
    var waits = 0
    for number in 0..<5000 {
      let now = LeaseTableTests.start + UInt64(number) * 1000
      let outcome = LeaseTableTests.request(&table, &shared, [bucket], now)
      #expect(outcome.passes)
      if outcome.waited { waits += 1 }
    }
    #expect(waits < 20)
  }

  @Test func `who asks seldom borrows nothing`() throws {
    var shared = FakeBuckets()
    var table = LeaseTable(ownShare: 0.5)
    let bucket = try LeaseTableTests.bucket("t", burst: 1000)
    for number in 0..<10 {
      let now = LeaseTableTests.start + UInt64(number) * 5 * LeaseTableTests.second
      let outcome = LeaseTableTests.request(&table, &shared, [bucket], now)
      #expect(outcome.passes)
    }
    #expect(shared.levels[bucket.key] == 990)
  }

  @Test func `a small bucket is exact`() throws {
    var shared = FakeBuckets()
    var tables = [LeaseTable(ownShare: 0.5), LeaseTable(ownShare: 0.5)]
    let bucket = try LeaseTableTests.bucket("t", burst: 10)
    let passed = (0..<40).filter {
      LeaseTableTests.request(&tables[$0 % 2], &shared, [bucket], LeaseTableTests.start + UInt64($0)).passes
    }.count
    #expect(passed == 10)
  }

  @Test func `a refused request takes nothing of the other buckets`() throws {
    var shared = FakeBuckets()
    var table = LeaseTable(ownShare: 0.5)
    let (small, large) = (try LeaseTableTests.bucket("s", burst: 1), try LeaseTableTests.bucket("l", burst: 10))
    var passed = 0
    for number in 0...5 {
      let now = LeaseTableTests.start + UInt64(number)
      if LeaseTableTests.request(&table, &shared, [small, large], now).passes { passed += 1 }
    }
    #expect(passed == 1)
    #expect(shared.levels[large.key] == 9)
  }

  @Test func `an empty bucket is not asked for until it can have a token`() throws {
    var table = LeaseTable(ownShare: 0.5)
    let bucket = try LeaseTableTests.bucket("t", burst: 1)
    let ask = LeaseTable.Ask(bucket: bucket, need: 1, ahead: 0)
    _ = table.refused([ask], index: 0, wait: LeaseTableTests.second, now: LeaseTableTests.start)
    guard case .refused(let view) = table.request([bucket], now: LeaseTableTests.start + LeaseTableTests.second / 2)
    else {
      Issue.record("it is asked for")
      return
    }
    #expect(view.retryAfterSeconds == 1)
    guard case .ask = table.request([bucket], now: LeaseTableTests.start + LeaseTableTests.second) else {
      Issue.record("it is refused for longer")
      return
    }
  }

  @Test func `lent tokens are good for a second`() throws {
    var table = LeaseTable(ownShare: 0.5)
    let bucket = try LeaseTableTests.bucket("t", burst: 1000)
    let ask = LeaseTable.Ask(bucket: bucket, need: 1, ahead: 10)
    _ = table.granted([ask], [LeaseTable.Grant(tokens: 11, level: 900)], now: LeaseTableTests.start)
    guard case .admitted = table.request([bucket], now: LeaseTableTests.start + LeaseTable.leaseTime - 1) else {
      Issue.record("nothing was lent")
      return
    }
    guard case .ask = table.request([bucket], now: LeaseTableTests.start + LeaseTable.leaseTime) else {
      Issue.record("the lease did not end")
      return
    }
  }

  @Test func `while Redis is away a replica admits its share and no more`() throws {
    var table = LeaseTable(ownShare: 0.5)
    let bucket = try LeaseTableTests.bucket("t", perSecond: 10, burst: 100)
    table.failed([], now: LeaseTableTests.start)
    func passed(_ count: Int, at now: UInt64) -> Int {
      (0..<count).filter { _ in
        if case .admitted = table.request([bucket], now: now) { true } else { false }
      }.count
    }
    let first = passed(200, at: LeaseTableTests.start)
    #expect(first == 50)
    // The pause is over, and Redis fails again: the own bucket goes on where it was.
    let later = LeaseTableTests.start + 2 * LeaseTableTests.second
    guard case .ask = table.request([bucket], now: later) else {
      Issue.record("Redis is not asked again")
      return
    }
    table.failed([], now: later)
    let second = passed(200, at: later)
    #expect(second == 10)
  }

  @Test func `what is remembered is bounded`() throws {
    var table = LeaseTable(ownShare: 0.5)
    for number in 0..<(LeaseTable.countMax + 500) {
      let bucket = try LeaseTableTests.bucket("t\(number)", burst: 10)
      let ask = LeaseTable.Ask(bucket: bucket, need: 1, ahead: 0)
      _ = table.request([bucket], now: LeaseTableTests.start)
      _ = table.granted([ask], [LeaseTable.Grant(tokens: 1, level: 9)], now: LeaseTableTests.start)
    }
    #expect(table.count <= LeaseTable.countMax + 1)
  }
}
