import Reactor
import RedisTestKit
import Synchronization
import TLS
import Telemetry
import Testing

@testable import Redis

private final class Flag: Sendable {
  let value = Atomic<Bool>(false)
}

@Suite(.serialized) struct ClusterTests {
  /// Three masters, and a replica of the first.
  private struct Cluster: Sendable {
    let folder = TestFolder()
    let nodes: [PortRedis]
    let certificates: TestCertificates?

    /// Nodes without slots; `join` makes them a cluster.
    init(isSecured: Bool, count: Int) throws {
      let certificates = isSecured ? try TestCertificates(folder) : nil
      self.certificates = certificates
      var options = ["--requirepass", "secret", "--masterauth", "secret"]
      // Where nothing dies a node may be slow.
      options += ["--cluster-node-timeout", count > 3 ? "1500" : "15000"]
      if let certificates { options += certificates.options() + ["--tls-cluster", "yes", "--tls-replication", "yes"] }
      nodes = try (0..<count).map { [folder, options] _ in
        try PortRedis(folder, options, isSecured: isSecured, isCluster: true)
      }
    }

    func ask(_ node: Int, _ words: [RedisArgument]) async throws -> RedisValue {
      try await nodes[node].ask(words) {
        $0.password = "secret"
        $0.tls = certificates.map { TLSConfiguration(caFile: $0.ca) }
      }
    }

    static let ranges = [0...5460, 5461...10_922, 10_923...16_383]

    /// On a loop.
    func join() async throws {
      for (index, range) in Cluster.ranges.enumerated() {
        _ = try await ask(
          index, ["CLUSTER", "ADDSLOTSRANGE", RedisArgument(range.lowerBound), RedisArgument(range.upperBound)])
        _ = try await ask(index, ["CLUSTER", "SET-CONFIG-EPOCH", RedisArgument(index + 1)])
      }
      for node in nodes.dropFirst() {
        _ = try await ask(
          0, ["CLUSTER", "MEET", "127.0.0.1", RedisArgument(node.port), RedisArgument(node.busPort)])
      }
      for index in nodes.indices {
        try await eventually("a node knows all others") {
          let text = (try? await ask(index, ["CLUSTER", "INFO"]))?.text ?? ""
          return text.contains("cluster_state:ok") && text.contains("cluster_known_nodes:\(nodes.count)")
        }
      }
      guard nodes.count > 3 else { return }
      let first = try await name(of: 0)
      try await eventually("the replica has its master") {
        (try? await ask(3, ["CLUSTER", "REPLICATE", .string(first)])) != nil
      }
      try await eventually("the replica is up to date") { (try? await ask(3, ["ROLE"]))?.array?[3].text == "connected" }
    }

    func name(of node: Int) async throws -> String {
      guard let name = try await ask(node, ["CLUSTER", "MYID"]).text else { throw FixtureError("no name") }
      return name
    }

    func configuration() throws -> RedisConfiguration {
      // One node is enough to find the others.
      var some = try RedisTests.configuration(
        "\(certificates == nil ? "redis" : "rediss")+cluster://:secret@127.0.0.1:\(nodes[1].port)")
      some.tls = certificates.map { TLSConfiguration(caFile: $0.ca) }
      return some
    }
  }

  private static func withCluster(
    isSecured: Bool = false, count: Int = 4, observer: (any RedisObserver)? = nil,
    _ body: @escaping @Sendable (Cluster, RedisPool) async throws -> Void
  ) async throws {
    let cluster = try Cluster(isSecured: isSecured, count: count)
    let group = EventLoopGroup(count: 1)
    let joined = await group.loops[0].task { try await cluster.join() }.result
    group.stop()
    try joined.get()
    try await withPool(try cluster.configuration(), observer: observer) { try await body(cluster, $0) }
  }

  @Test(arguments: [false, true])
  func `keys are found on all nodes`(_ isSecured: Bool) async throws {
    try await Self.withCluster(isSecured: isSecured, count: 3) { cluster, pool in
      #expect(pool.isCluster && pool.isReady)
      for index in 0..<300 { try await pool.set("key:\(index)", .integer(Int64(index))) }
      for index in 0..<300 { #expect(try await pool.get("key:\(index)") == Array("\(index)".utf8)) }
      var sizes: [Int64] = []
      for node in 0..<3 { sizes.append(try await cluster.ask(node, ["DBSIZE"]).integer ?? 0) }
      #expect(sizes.allSatisfy { $0 > 50 } && sizes.reduce(0, +) == 300)
      // A script is loaded where its keys are; keys of two slots are the server's to refuse.
      let script = RedisScript("return redis.call('INCR', KEYS[1]) + redis.call('INCR', KEYS[2])")
      for tag in 0..<20 {
        #expect(try await pool.evaluate(script, keys: ["{\(tag)}a", "{\(tag)}b"]).integer == 2)
      }
      #expect(await failure { try await pool.evaluate(script, keys: ["a", "b"]) }?.code == .server("CROSSSLOT"))
      #expect(await failure { try await pool.send(["DBSIZE"]) }?.code == .invalidCommand)
      #expect(
        await failure {
          for try await _ in pool.scan() {}; return 0
        }?.code == .invalidCommand)
      var found: Set<[UInt8]> = []
      for try await page in pool.scan(match: "{7}*", near: "{7}") { found.formUnion(page) }
      #expect(found == [Array("{7}a".utf8), Array("{7}b".utf8)])
    }
  }

  @Test func `a slot moves under load and no call notices`() async throws {
    let registry = MetricsRegistry()
    try await Self.withCluster(count: 3, observer: RedisMetrics(registry)) { cluster, pool in
      let slot = KeySlot.of("{moving}")
      guard let from = Cluster.ranges.firstIndex(where: { $0.contains(slot) }) else { throw FixtureError("no owner") }
      let to = (from + 1) % 3
      let isOver = Flag()
      let script = RedisScript("redis.call('INCR', KEYS[1]) return redis.call('INCR', KEYS[2])")
      try await withThrowingTaskGroup(of: Int.self) { group in
        for index in 0..<8 {
          group.addTask {
            var calls = 0
            while !isOver.value.load(ordering: .relaxed) {
              _ = try await pool.evaluate(script, keys: ["{moving}a:\(index)", "{moving}b:\(index)"])
              calls += 1
            }
            return calls
          }
        }
        try await eventually("all are at work") { (try? await pool.get("{moving}b:7")) != nil }
        let (source, target) = (try await cluster.name(of: from), try await cluster.name(of: to))
        let number = RedisArgument(slot)
        _ = try await cluster.ask(to, ["CLUSTER", "SETSLOT", number, "IMPORTING", .string(source)])
        _ = try await cluster.ask(from, ["CLUSTER", "SETSLOT", number, "MIGRATING", .string(target)])
        // One key at a time, so that scripts meet halves of their keys.
        while true {
          let keys = try await cluster.ask(from, ["CLUSTER", "GETKEYSINSLOT", number, 1]).array ?? []
          guard let key = keys.first?.bytes else { break }
          _ = try await cluster.ask(
            from,
            [
              "MIGRATE", "127.0.0.1", RedisArgument(cluster.nodes[to].port), "", 0, 5000, "AUTH", "secret", "KEYS",
              .bytes(key),
            ])
        }
        for node in [to, from, (from + 2) % 3] {
          _ = try await cluster.ask(node, ["CLUSTER", "SETSLOT", number, "NODE", .string(target)])
        }
        try await eventually("a call was redirected for good") {
          registry.text.contains("cadre_redis_redirects_total{kind=\"moved\"}")
        }
        isOver.value.store(true, ordering: .relaxed)
        var calls = 0
        for try await some in group { calls += some }
        var counted: Int64 = 0
        for index in 0..<8 {
          let ends = try await (pool.send(["GET", "{moving}a:\(index)"]), pool.send(["GET", "{moving}b:\(index)"]))
          #expect(ends.0.integer == ends.1.integer)
          counted += ends.0.integer ?? 0
        }
        // Each call was executed once.
        #expect(counted == Int64(calls) && calls > 0)
      }
    }
  }

  @Test func `a node dies, and its replica serves its slots`() async throws {
    try await Self.withCluster { cluster, pool in
      let slots = Set(Cluster.ranges[0])
      guard let key = (0..<1000).map({ "key:\($0)" }).first(where: { slots.contains(KeySlot.of(RedisArgument($0))) })
      else { throw FixtureError("no key") }
      try await pool.set(RedisArgument(key), "before")
      try await eventually("the replica has it") {
        (try? await cluster.ask(3, ["DBSIZE"]))?.integer == 1
      }
      cluster.nodes[0].stop()
      try await eventually("the replica serves") {
        (try? await pool.set(RedisArgument(key + ":{\(key)}"), "after")) != nil
      }
      #expect(try await pool.get(RedisArgument(key)) == Array("before".utf8))
      #expect(try await cluster.ask(3, ["ROLE"]).array?.first?.text == "master")
    }
  }
}
