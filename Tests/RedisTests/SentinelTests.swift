import Reactor
import RedisTestKit
import TLS
import Telemetry
import Testing

@testable import Redis

@Suite(.serialized) struct SentinelTests {
  /// A master with a replica and three sentinels, with passwords, by TLS if wanted.
  private struct Installation: Sendable {
    let folder = TestFolder()
    let servers: [PortRedis]
    let sentinels: [PortRedis]
    let tls: TLSConfiguration?

    init(isSecured: Bool) throws {
      let certificates = isSecured ? try TestCertificates(folder) : nil
      tls = certificates.map { TLSConfiguration(caFile: $0.ca) }
      let common =
        (certificates?.options() ?? []) + ["--requirepass", "secret", "--masterauth", "secret"]
        + (isSecured ? ["--tls-replication", "yes"] : [])
      let first = try PortRedis(folder, common, isSecured: isSecured)
      let second = try PortRedis(
        folder, common + ["--replicaof", "127.0.0.1 \(first.port)"], isSecured: isSecured)
      servers = [first, second]
      var text = """
        requirepass sentinel-secret
        sentinel sentinel-pass sentinel-secret
        sentinel monitor cadre 127.0.0.1 \(first.port) 2
        sentinel auth-pass cadre secret
        sentinel down-after-milliseconds cadre 500
        sentinel failover-timeout cadre 10000

        """
      if isSecured { text += "tls-replication yes\n" }
      let own = certificates?.options() ?? []
      sentinels = try (0..<3).map { [folder] _ in
        try PortRedis(folder, own, isSecured: isSecured, sentinel: text)
      }
    }

    func configuration() throws -> RedisConfiguration {
      let places = sentinels.map { "127.0.0.1:\($0.port)" }.joined(separator: ",")
      let scheme = tls == nil ? "redis" : "rediss"
      var some = try RedisTests.configuration("\(scheme)+sentinel://:secret@\(places)/cadre/0")
      some.sentinelPassword = "sentinel-secret"
      some.tls = tls
      some.probeInterval = .milliseconds(200)
      return some
    }

    func ask(_ server: PortRedis, _ words: [RedisArgument]) async throws -> RedisValue {
      let isSentinel = sentinels.contains { $0 === server }
      return try await server.ask(words) {
        $0.password = isSentinel ? "sentinel-secret" : "secret"
        $0.tls = tls
      }
    }

    /// Waits until each sentinel knows the replica and the other sentinels. On a loop.
    func settle() async throws {
      for sentinel in sentinels {
        try await eventually("a sentinel knows all") {
          guard let reply = try? await ask(sentinel, ["SENTINEL", "MASTER", "cadre"]), let fields = reply.array else {
            return false
          }
          func field(_ name: String) -> String? {
            fields.indices.first { $0 % 2 == 0 && fields[$0].text == name }.flatMap { fields[$0 + 1].text }
          }
          return field("num-slaves") == "1" && field("num-other-sentinels") == "2" && field("flags") == "master"
        }
      }
      try await eventually("the replica is up to date") {
        (try? await ask(servers[1], ["ROLE"]))?.array?[3].text == "connected"
      }
    }
  }

  @Test(arguments: [false, true])
  func `the master is found, and found again when it dies`(_ isSecured: Bool) async throws {
    let installation = try Installation(isSecured: isSecured)
    let registry = MetricsRegistry()
    try await withPool(try installation.configuration(), loops: 1, observer: RedisMetrics(registry)) { pool in
      try await installation.settle()
      try await eventually("the pool is connected") { pool.isReady }
      try await pool.set("before", "1")
      #expect(try await installation.ask(installation.servers[0], ["GET", "before"]).text == "1")
      try await eventually("the replica has it") {
        (try? await installation.ask(installation.servers[1], ["GET", "before"]))?.text == "1"
      }
      installation.servers[0].stop()
      try await eventually("the other server is the master") { (try? await pool.set("after", "2")) != nil }
      #expect(try await pool.get("before") == [49])
      #expect(try await installation.ask(installation.servers[1], ["GET", "after"]).text == "2")
      #expect(registry.text.contains("cadre_redis_topology_changes_total 1"))
    }
  }

  @Test func `a server that is no master any more is left`() async throws {
    let installation = try Installation(isSecured: false)
    try await withPool(try installation.configuration()) { pool in
      try await installation.settle()
      try await eventually("the pool is connected") { (try? await pool.set("a", "1")) != nil }
      // The sentinels do not wait for the old master: it answers all the time, first as master, then as replica.
      _ = try await installation.ask(installation.sentinels[0], ["SENTINEL", "FAILOVER", "cadre"])
      try await eventually("the other server is the master") {
        (try? await installation.ask(installation.servers[1], ["ROLE"]))?.array?.first?.text == "master"
      }
      try await eventually("writes reach it") {
        _ = try? await pool.set("b", "2")
        return (try? await installation.ask(installation.servers[1], ["GET", "b"]))?.text == "2"
      }
    }
  }

  @Test func `a master that no sentinel knows is not looked for elsewhere`() async throws {
    let folder = TestFolder()
    let sentinel = try PortRedis(folder, sentinel: "\n")
    let replica = try PortRedis(folder, ["--replicaof", "127.0.0.1 \(try freePort())"])
    try await withPool(try configuration("redis+sentinel://127.0.0.1:\(sentinel.port)/cadre")) { pool in
      #expect(!pool.isReady)
      #expect(await failure { try await pool.send(["PING"]) }?.code == .unavailable)
      #expect(await pool.connectionError() != nil)
      // A replica that a sentinel takes for the master is refused.
      try await sentinel.ask(["SENTINEL", "MONITOR", "cadre", "127.0.0.1", RedisArgument(replica.port), 1])
      try await eventually("the replica is refused") {
        await pool.connectionError()?.detail == "the server is no master"
      }
      #expect(!pool.isReady)
    }
  }
}
