import Budgets
import Glibc
import Reactor
import Redis
import RedisTestKit
import Testing

@testable import Spending

/// Counters in real servers that change their place.
@Suite(.serialized) struct RedisCountersTests {
  private static let name = "budget:{t}:b:tokens:0:"

  /// Runs `body` on a loop with a pool for each address.
  private static func withPools(
    _ urls: [String], _ body: @escaping @Sendable ([RedisPool]) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 1)
    let pools = try urls.map { url in
      var configuration = try RedisConfiguration(url: url)
      configuration.commandTimeout = .seconds(20)
      configuration.connectTimeout = .seconds(20)
      return RedisPool(group: group, configuration: configuration)
    }
    for pool in pools { await pool.start() }
    let result = await group.loops[0].task { try await body(pools) }.result
    for pool in pools { await pool.close() }
    group.stop()
    try result.get()
  }

  private static func eventually(_ what: Comment, _ condition: () async throws -> Bool) async throws {
    for _ in 0..<4000 {
      if (try? await condition()) == true { return }
      try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record("never happened: \(what)")
  }

  /// Builds a counter as a guard does.
  private static func build(_ counters: RedisBudgetCounters, _ key: String, _ value: Int64) async throws {
    guard case .begun = try await counters.seed(key, generation: 7, end: nil, milliseconds: 10_000) else {
      throw RedisError(.unavailable, detail: "somebody else builds \(key)")
    }
    #expect(try await counters.finish(key, generation: 7, value: value))
  }

  /// A master that is cut off, replaced and put in its place again is the same process with the same run, and lacks
  /// what it had answered last.
  @Test func `a counter that may lack writes is missing after each promotion`() async throws {
    let folder = TestFolder()
    let servers = [try PortRedis(folder), try PortRedis(folder)]
    let urls = servers.map { "redis://127.0.0.1:\($0.port)" }
    try await Self.withPools(urls) { pools in
      let counters = pools.map { RedisBudgetCounters(redis: $0) }
      func follow(_ server: Int, _ master: Int) async throws {
        _ = try await pools[server].send(["REPLICAOF", "127.0.0.1", RedisArgument(servers[master].port)])
        try await Self.eventually("the replica is connected") {
          try await pools[server].send(["ROLE"]).array?[3].text == "connected"
        }
      }
      func promote(_ server: Int) async throws { _ = try await pools[server].send(["REPLICAOF", "NO", "ONE"]) }
      try await follow(1, 0)
      try await Self.build(counters[0], Self.name, 5)
      #expect(try await counters[0].values([Self.name]) == [5])
      let before = try await counters[0].epoch(tenant: "t")
      try await Self.eventually("the replica has it") {
        try await pools[1].send(["EXISTS", RedisArgument(Self.name)]).integer == 1
      }
      try await promote(1)
      #expect(try await counters[1].generations([Self.name]) == [0])
      #expect(try await counters[1].epoch(tenant: "t") != before)
      // The old master takes the place of the replica and is promoted in its turn, all without a restart.
      try await follow(0, 1)
      try await promote(0)
      #expect(try await pools[0].send(["EXISTS", RedisArgument(Self.name)]).integer == 1)
      #expect(try await counters[0].generations([Self.name]) == [0])
      #expect(try await counters[0].epoch(tenant: "t") != before)
      try await Self.build(counters[0], Self.name, 6)
      #expect(try await counters[0].values([Self.name]) == [6])
    }
  }

  @Test func `in a cluster each tenant's slot has an epoch, and tenants are asked apart`() async throws {
    let folder = TestFolder()
    let node = try PortRedis(folder, isCluster: true)
    try await Self.withPools(["redis://127.0.0.1:\(node.port)"]) { pools in
      _ = try await pools[0].send(["CLUSTER", "ADDSLOTSRANGE", 0, 16_383])
      try await Self.eventually("the cluster is up") {
        try await pools[0].send(["CLUSTER", "INFO"]).text?.contains("cluster_state:ok") ?? false
      }
    }
    try await Self.withPools(["redis+cluster://127.0.0.1:\(node.port)"]) { pools in
      let counters = RedisBudgetCounters(redis: pools[0])
      func age(_ tenant: String) async throws -> Int64 {
        guard case .since(let milliseconds) = try await counters.epoch(tenant: tenant) else { return -1 }
        return milliseconds
      }
      #expect(try await counters.epoch(tenant: nil) == nil)
      let first = try await age("t")
      #expect(first == 0)
      try await Self.eventually("the epoch gets older") { try await age("t") > 20 }
      // Another tenant's slot is not known yet; what was lost begins anew.
      #expect(try await age("u") == 0)
      _ = try await pools[0].send(["DEL", "budget:epoch:{t}"])
      #expect(try await age("t") < 20)

      let names = ["t", "u", "v", "w"].map { "budget:{\($0)}:b:tokens:0:" }
      for (index, name) in names.enumerated() { try await Self.build(counters, name, Int64(index)) }
      #expect(try await counters.values(names + ["budget:{x}:b:tokens:0:"]) == [0, 1, 2, 3, nil])
      #expect(try await counters.generations(names.reversed()) == [7, 7, 7, 7])
      try await counters.settle(names.map { QuotaReturn(key: $0, generation: 7, reserved: 0, used: 10) })
      #expect(try await counters.values(names) == [10, 11, 12, 13])
      try await counters.release(names.map { ($0, 7, 1) }, process: "p")
      #expect(try await counters.values(names) == [9, 10, 11, 12])
      try await counters.invalidate(tenant: "u", milliseconds: 5000)
      #expect(try await counters.values(names) == [9, nil, 11, 12])
      #expect(try await counters.milliseconds(beforeBuilding: names[1]) > 0)
    }
  }

  @Test func `what one call touches is on one slot`() async throws {
    let folder = TestFolder()
    let node = try PortRedis(folder)
    try await Self.withPools(["redis+cluster://127.0.0.1:\(node.port)"]) { pools in
      let budget = Budget(
        id: "b", tenant: "t", scope: .tenant, subject: "", period: .day, tokens: 10, nanoUSD: 10, alertPercent: 80)
      let limit = RateLimit(
        id: "l", tenant: "t", scope: .tenant, subject: "", requests: 60, tokens: nil, concurrency: nil)
      let subjects = CallSubjects(tenant: "t")
      let budgets = budget.counters(for: subjects, at: 0).map(\.key)
      let rates = limit.applied(to: subjects).map { RateScripts.keys($0.key) } ?? []
      #expect(budgets.count == 2 && rates.count == 2)
      let names = budgets + budgets.map { $0 + BudgetScripts.waitSuffix } + ["budget:epoch:{t}"] + rates
      #expect(pools[0].groups(names.map { RedisArgument($0) }).count == 1)
      #expect(pools[0].groups(["budget:{t}:b", "budget:{u}:b"]).count == 2)
      // Limits of a model belong to no tenant.
      let models = ["", "m"].compactMap { subject in
        RateLimit(
          id: "l\(subject)", tenant: "", scope: .model, subject: subject, requests: 1, tokens: nil, concurrency: 1
        )
        .applied(toModel: "m")
      }
      #expect(models.count == 2)
      #expect(pools[0].groups(models.flatMap { RateScripts.keys($0.key) }.map { RedisArgument($0) }).count == 1)
    }
  }
}
