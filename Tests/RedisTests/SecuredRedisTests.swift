import Reactor
import RedisTestKit
import TLS
import Telemetry
import Testing

@testable import Redis

@Suite(.serialized) struct SecuredRedisTests {
  /// What a connection that cannot be made says.
  private static func refusal(_ configuration: RedisConfiguration) async throws -> RedisError? {
    let group = EventLoopGroup(count: 1)
    defer { group.stop() }
    let result = await group.loops[0].task { () -> RedisError? in
      await failure { try await RedisConnection.connect(configuration) }
    }.result
    return try result.get()
  }

  @Test func `commands of all sizes go through TLS, as a user of the access list`() async throws {
    let folder = TestFolder()
    let certificates = try TestCertificates(folder)
    let redis = try PortRedis(
      folder,
      certificates.options() + ["--user", "cadre", "on", ">s%3A@cret", "~*", "+@all", "--user", "default", "off"],
      isSecured: true)
    let url = "rediss://cadre:s%253A%40cret@127.0.0.1:\(redis.port)/1"
    try await withPool(try configuration(url) { $0.tls?.caFile = certificates.ca }, loops: 2) { pool in
      #expect(pool.isReady)
      #expect(try await pool.send(["ACL", "WHOAMI"]).text == "cadre")
      var large = [UInt8](repeating: 0, count: 10 << 20)
      for index in large.indices { large[index] = UInt8(truncatingIfNeeded: index &* 31 >> 3) }
      try await pool.set("large", .bytes(large))
      #expect(try await pool.get("large") == large)
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for index in 0..<2000 {
          group.addTask { try await pool.send(["ECHO", .integer(Int64(index))]).integer == Int64(index) }
        }
        for try await isRight in group { #expect(isRight) }
      }
    }
    // By name, and with the name that the certificate must have given apart.
    for (host, name) in [("localhost", nil), ("127.0.0.1", "localhost")] {
      let url = "rediss://cadre:s%253A%40cret@\(host):\(redis.port)"
      try await withPool(
        try configuration(url) {
          $0.tls?.caFile = certificates.ca
          $0.tls?.serverName = name
        }
      ) { pool in
        let answer = try await pool.send(["PING"])
        #expect(answer.text == "PONG")
      }
    }
    let wrong = try configuration("rediss://cadre:wrong-secret@127.0.0.1:\(redis.port)") {
      $0.tls?.caFile = certificates.ca
    }
    let error = try await Self.refusal(wrong)
    #expect(error?.code == .server("WRONGPASS"))
    #expect(error.map { !String(reflecting: $0).contains("wrong-secret") } ?? false)
  }

  @Test func `a server that is not proven gets nothing`() async throws {
    let folder = TestFolder()
    let certificates = try TestCertificates(folder)
    let other = try TestCertificates(folder, "other")
    let redis = try PortRedis(folder, certificates.options(), isSecured: true)
    let url = "rediss://:secret@127.0.0.1:\(redis.port)"
    #expect(try await Self.refusal(configuration(url) { $0.tls?.caFile = other.ca })?.code == .untrusted)
    #expect(try await Self.refusal(configuration(url))?.code == .untrusted)
    let renamed = try configuration(url) {
      $0.tls?.caFile = certificates.ca
      $0.tls?.serverName = "redis.example"
    }
    #expect(try await Self.refusal(renamed)?.code == .untrusted)
    let missing = try configuration(url) { $0.tls?.caFile = folder.path + "/none" }
    let error = try await Self.refusal(missing)
    #expect(error?.code == .tlsFailed && error?.detail.contains("/none") ?? false)
  }

  @Test func `a client shows its certificate where one is demanded`() async throws {
    let folder = TestFolder()
    let certificates = try TestCertificates(folder)
    let redis = try PortRedis(folder, certificates.options(clients: "yes"), isSecured: true)
    let url = "rediss://127.0.0.1:\(redis.port)"
    #expect(try await Self.refusal(configuration(url) { $0.tls?.caFile = certificates.ca })?.code == .tlsFailed)
    let complete = try configuration(url) {
      $0.tls = TLSConfiguration(
        caFile: certificates.ca, certificateFile: certificates.certificate, keyFile: certificates.key)
    }
    try await withPool(complete) { pool in
      let answer = try await pool.send(["PING"])
      #expect(answer.text == "PONG")
    }
  }

  @Test func `who speaks TLS and who does not part soon`() async throws {
    let folder = TestFolder()
    let certificates = try TestCertificates(folder)
    let secured = try PortRedis(folder, certificates.options(), isSecured: true)
    let plain = try PortRedis(folder)
    // A server without TLS waits for the end of a command.
    let error = try await Self.refusal(
      configuration("rediss://127.0.0.1:\(plain.port)") {
        $0.tls?.caFile = certificates.ca
        $0.connectTimeout = .milliseconds(500)
      })
    #expect(error?.code == .timedOut)
    #expect(try await Self.refusal(configuration("redis://127.0.0.1:\(secured.port)"))?.code == .connectionLost)
  }

  @Test func `renewed certificates are read without a restart`() async throws {
    let folder = TestFolder()
    let certificates = try TestCertificates(folder)
    let redis = try PortRedis(folder, certificates.options(), isSecured: true)
    let trusting = try configuration("rediss://127.0.0.1:\(redis.port)") { $0.tls?.caFile = certificates.ca }
    try await withPool(trusting) { pool in
      #expect(try await pool.send(["PING"]).text == "PONG")
      redis.stop()
      // The same files, another authority.
      _ = try TestCertificates(folder)
      try redis.start()
      try await eventually("the new server is trusted") { (try? await pool.send(["PING"]))?.text == "PONG" }
    }
  }
}
