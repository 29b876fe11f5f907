import Reactor
import Testing

@testable import Redis

/// What is decided without servers: slots, redirections, views of a cluster, reports of sentinels.
@Suite struct ClusterRulesTests {
  @Test(arguments: [("123456789", 0x31C3), ("", 0), ("foo", 0xAF96), ("A", 0x58E5)])
  func `checksums are those of XMODEM`(_ text: String, _ crc: Int) {
    #expect(Int(KeySlot.crc16(text.utf8)) == crc)
  }

  /// Slots as `CLUSTER KEYSLOT` of Redis 7 names them.
  @Test(arguments: [
    ("foo", 12_182), ("bar", 5061), ("123456789", 12_739), ("{user1000}.following", 3443), ("user1000", 3443),
    ("foo{}{bar}", 8363), ("foo{{bar}}zap", 4015), ("{bar", 4015), ("foo{bar}{zap}", 5061), ("", 0), ("{}", 15_257),
    ("foo{bar", 15_278),
  ])
  func `slots are those of the server, hash tags included`(_ key: String, _ slot: Int) {
    #expect(KeySlot.of(RedisArgument(key)) == slot)
    #expect(KeySlot.of(RedisArgument(Array(key.utf8))) == slot)
  }

  @Test func `a command goes to the node of its first key`() {
    func reach(_ words: [RedisArgument]) -> CommandReach { RedisCommand(words).reach }
    #expect(reach(["GET", "a"]) == .key("a"))
    #expect(reach(["SET", "a", "b"]) == .key("a"))
    #expect(reach(["EVALSHA", "x", 2, "a", "b", "c"]) == .key("a"))
    #expect(reach(["EVAL", "x", "1", "a"]) == .key("a"))
    #expect(reach(["EVALSHA", "x", 0, "a"]) == .any)
    #expect(reach(["EVALSHA", "x", "0", "a"]) == .any)
    #expect(reach(["MEMORY", "USAGE", "a"]) == .key("a"))
    #expect(reach(["XREAD", "COUNT", 1, "streams", "a", "0"]) == .key("a"))
    #expect(reach(["PING"]) == .any)
    #expect(reach(["SCRIPT", "LOAD", "x"]) == .any)
    for words in [["KEYS", "*"], ["FLUSHALL"], ["DBSIZE"], ["SCAN", "0"], ["GET"], ["SOMETHING", "a"]] {
      #expect(reach(words.map { RedisArgument($0) }) == .none)
    }
  }

  @Test func `redirections are read from the texts of errors`() {
    func read(_ text: String) -> Redirection? { Redirection(RedisError(RedisServerError(text.utf8))) }
    #expect(read("MOVED 3999 127.0.0.1:6381") == .moved(slot: 3999, host: "127.0.0.1", port: 6381))
    #expect(read("MOVED 0 node.example:7") == .moved(slot: 0, host: "node.example", port: 7))
    #expect(read("ASK 3999 2001:db8::1:6381") == .ask(host: "2001:db8::1", port: 6381))
    #expect(read("MOVED 1 :6381") == .moved(slot: 1, host: nil, port: 6381))
    #expect(read("MOVED 1 ?:6381") == .moved(slot: 1, host: nil, port: 6381))
    #expect(read("TRYAGAIN Multiple keys request during rehashing of slot") == .tryAgain)
    #expect(read("CLUSTERDOWN The cluster is down") == .clusterDown)
    for text in [
      "MOVED", "MOVED 1", "MOVED x 127.0.0.1:1", "MOVED 16384 127.0.0.1:1", "MOVED -1 127.0.0.1:1", "MOVED 1 127.0.0.1",
      "MOVED 1 127.0.0.1:0", "MOVED 1 127.0.0.1:65536", "MOVED 1 a:1 b", "ASK 1", "ERR MOVED 1 a:1", "",
    ] {
      #expect(read(text) == nil, "\(text)")
    }
  }

  @Test func `a call follows redirections, waits for moving slots, and gives up in time`() {
    func error(_ text: String) -> RedisError { RedisError(RedisServerError(text.utf8)) }
    let host = SocketAddress.host("seed", port: 1)
    var policy = RedirectPolicy(
      route: .reach, host: host, timeout: .seconds(5), connectTimeout: .seconds(1), now: 0)
    func failed(_ error: RedisError, at now: UInt64) -> (action: RedirectPolicy.Action, redirect: RedisRedirect?) {
      policy.failed(error, at: now)
    }
    let moved = policy.failed(error("MOVED 7 b:2"), at: 0)
    #expect(moved.action == .again(.moved(slot: 7, .host("b", port: 2)), pause: nil) && moved.redirect == .moved)
    // The new node is not connected yet: the same route again.
    #expect(
      failed(.connecting, at: 1).action
        == .again(.moved(slot: 7, .host("b", port: 2)), pause: .milliseconds(5)))
    #expect(failed(.connecting, at: 1_000_000_000).action == .finish)
    let asked = policy.failed(error("ASK 7 :3"), at: 2)
    #expect(asked.action == .again(.asking(.host("seed", port: 3)), pause: nil) && asked.redirect == .ask)
    // After a pause the owner is asked, who may have all of the slot by then.
    let later = policy.failed(error("TRYAGAIN x"), at: 3)
    #expect(later.action == .again(.reach, pause: .milliseconds(10)) && later.redirect == .tryAgain)
    #expect(failed(error("TRYAGAIN x"), at: 5_000_000_000).action == .finish)
    #expect(failed(error("MOVED 7 b:2"), at: 5_000_000_000).action == .finish)
    #expect(failed(error("CLUSTERDOWN x"), at: 3).redirect == .clusterDown)
    #expect(failed(error("WRONGTYPE x"), at: 3).action == .finish)
    #expect(failed(RedisError(.timedOut, outcomeUnknown: true), at: 3).action == .finish)
    // Two nodes that each say it is the other's are not asked as fast as they answer.
    var pauses = 0
    for _ in 0..<20 {
      if case .again(_, .some) = policy.failed(error("MOVED 7 b:2"), at: 3).action { pauses += 1 }
    }
    #expect(pauses > 0)
  }

  private static func view(_ epoch: Int64, _ ranges: [(ClosedRange<Int>, Int)]) -> ClusterView {
    ClusterView(
      epoch: epoch, ranges: ranges.map { ClusterView.Range(slots: $0.0, master: .host("n", port: $0.1)) })
  }

  @Test func `slots have the owner that the newest view names`() {
    var topology = ClusterTopology()
    func described(_ view: ClusterView, at now: UInt64) -> Bool { topology.described(view, at: now) }
    #expect(topology.isEmpty && topology.owner(of: 0) == nil)
    #expect(!described(Self.view(3, [(0...8191, 1), (8192...16_383, 2)]), at: 0))
    #expect(topology.owner(of: 8191) == .host("n", port: 1) && topology.owner(of: 8192) == .host("n", port: 2))
    #expect(!described(Self.view(3, [(8192...16_383, 2), (0...8191, 1)]), at: 1))
    // A node that was cut off has an older view.
    #expect(!described(Self.view(2, [(0...16_383, 9)]), at: 2))
    #expect(topology.owner(of: 0) == .host("n", port: 1))
    #expect(described(Self.view(4, [(0...8191, 3), (8192...16_000, 2)]), at: 3))
    #expect(topology.owner(of: 0) == .host("n", port: 3) && topology.owner(of: 16_383) == nil)
    #expect(Set(topology.masters) == [.host("n", port: 2), .host("n", port: 3)])
    // Nobody has anything newer for long: the cluster was made anew.
    #expect(described(Self.view(1, [(0...16_383, 9)]), at: 3 + ClusterTopology.staleNanosecondsMax))
    #expect(!described(Self.view(9, []), at: 4))
    #expect(topology.owner(of: 5) == .host("n", port: 9))
  }

  @Test func `a moved slot is known at once`() {
    var topology = ClusterTopology()
    func described(_ view: ClusterView, at now: UInt64) -> Bool { topology.described(view, at: now) }
    func moved(_ slot: Int, to address: SocketAddress) -> Bool { topology.moved(slot, to: address) }
    #expect(moved(7, to: .host("n", port: 5)))
    #expect(topology.owner(of: 7) == .host("n", port: 5) && topology.owner(of: 8) == nil)
    #expect(!moved(7, to: .host("n", port: 5)))
    #expect(!moved(16_384, to: .host("n", port: 5)) && !moved(-1, to: .host("n", port: 5)))
    #expect(described(Self.view(1, [(0...16_383, 1)]), at: 0))
    #expect(moved(7, to: .host("n", port: 5)))
    #expect(topology.owner(of: 6) == .host("n", port: 1) && topology.owner(of: 7) == .host("n", port: 5))
  }

  private static func bulk(_ text: String) -> RedisValue { .bulk(Array(text.utf8)) }

  @Test func `a node describes its cluster`() throws {
    let info = Self.bulk("cluster_state:ok\r\ncluster_current_epoch:6\r\ncluster_my_epoch:2\r\n")
    func entry(_ first: Int64, _ last: Int64, _ host: RedisValue, _ port: Int64) -> RedisValue {
      .array([
        .integer(first), .integer(last), .array([host, .integer(port), Self.bulk("id"), .array([])]),
        .array([Self.bulk("replica"), .integer(1)]),
      ])
    }
    let slots = RedisValue.array([
      entry(0, 10, Self.bulk("10.0.0.1"), 1), entry(11, 16_383, Self.bulk(""), 2), entry(5, 5, .null, 3),
    ])
    let view = try ClusterView(info: info, slots: slots, host: "asked")
    #expect(view.epoch == 6)
    #expect(
      view.ranges == [
        .init(slots: 0...10, master: .host("10.0.0.1", port: 1)),
        .init(slots: 11...16_383, master: .host("asked", port: 2)),
        .init(slots: 5...5, master: .host("asked", port: 3)),
      ])
    for bad in [entry(3, 2, Self.bulk("a"), 1), entry(-1, 2, Self.bulk("a"), 1), entry(0, 16_384, Self.bulk("a"), 1)] {
      #expect(throws: RedisError.self) { try ClusterView(info: info, slots: .array([bad]), host: "a") }
    }
    #expect(throws: RedisError.self) { try ClusterView(info: .null, slots: slots, host: "a") }
    #expect(throws: RedisError.self) { try ClusterView(info: info, slots: .array([.array([])]), host: "a") }
  }

  @Test func `of the sentinels the newest report counts`() throws {
    func report(_ port: Int, _ epoch: Int64) -> SentinelReport {
      SentinelReport(address: .host("n", port: port), epoch: epoch)
    }
    #expect(SentinelLocator.newest([]) == nil)
    #expect(SentinelLocator.newest([report(1, 3), report(2, 4), report(1, 3)]) == report(2, 4))
    #expect(SentinelLocator.newest([report(1, 3), report(2, 3), report(2, 3)]) == report(2, 3))
    let address = RedisValue.array([Self.bulk("10.0.0.1"), Self.bulk("6379")])
    let master = RedisValue.array([Self.bulk("name"), Self.bulk("m"), Self.bulk("config-epoch"), Self.bulk("12")])
    #expect(
      try SentinelReport(address: address, master: master)
        == SentinelReport(address: .host("10.0.0.1", port: 6379), epoch: 12))
    #expect(try SentinelReport(address: address, master: .null).epoch == 0)
    #expect(throws: RedisError.self) { try SentinelReport(address: .null, master: master) }
  }
}
