import Foundation
import Postgres
import Testing

@testable import CadreOperations

/// What `cadre doctor` makes of what it sees.
@Suite struct DiagnosisTests {
  private static func replica(
    _ service: String, ready: Bool = true, version: String = "1.0.0", offset: Int64 = 0, metrics: String = ""
  ) -> ReplicaFacts {
    var facts = ReplicaFacts(
      replica: Installation.Replica(name: service, service: service, adminURL: "http://127.0.0.1:1"))
    facts.answer = ReplicaFacts.Answer(
      isReady: ready, failed: ready ? [] : ["postgres"], version: version, clockOffset: offset,
      metrics: MetricsText("process_max_fds 1048576\nprocess_open_fds 30\n" + metrics))
    facts.answer?.settings = ["http.connections_max": "20000"]
    return facts
  }

  private static func keys(_ service: String, _ setting: String, _ digests: [UInt8]) -> KeyFacts {
    KeyFacts(
      owner: service, service: service, setting: setting, ids: digests.map { "k\($0)" }, digests: digests.map { [$0] })
  }

  /// An installation in which all is well.
  private static var well: InstallationFacts {
    var facts = InstallationFacts()
    facts.replicas = Installation.services.map { replica($0) }
    var database = DatabaseFacts(version: "15.8 (Debian)")
    database.folder = "/var/lib/postgresql"
    database.schemas = [SchemaInspection(schema: "orchestrator", known: 6, applied: 6)]
    facts.database = .seen(database)
    var redis = RedisFacts(version: "7.0.15")
    redis.policy = "noeviction"
    facts.redis = .seen(redis)
    facts.api = .seen(
      APIFacts(
        calls: [CallFacts(path: "/api/v1/tasks?limit=1", status: 200, code: "")],
        providers: [ProviderFacts(name: "p", host: "h", isUp: true, isResolvable: true)]))
    facts.disks = [
      DiskFacts(purpose: "the data folder", path: "/d", freeBytes: 50 << 30, totalBytes: 100 << 30),
      DiskFacts(purpose: "Postgres", path: "/p", freeBytes: 50 << 30, totalBytes: 100 << 30),
    ]
    facts.keys = [
      keys("gateway", "identity.gateway_keys", [1]), keys("orchestrator", "identity.gateway_keys", [2, 1]),
      keys("llm-router", "identity.gateway_keys", [1]), keys("orchestrator", "identity.worker_keys", [5]),
      keys("agent-core", "identity.worker_keys", [5]),
    ]
    facts.configurations = [ConfigurationFacts(owner: "gateway", isValid: true, words: "the configuration is valid")]
    return facts
  }

  private static func bad(_ change: (inout InstallationFacts) -> Void) -> [Finding] {
    var facts = well
    change(&facts)
    return Diagnosis.findings(facts, ownVersion: "1.0.0").filter { $0.status != .ok }
  }

  private static func database(_ change: (inout DatabaseFacts) -> Void) -> [Finding] {
    bad { facts in
      guard var database = facts.database.facts else { return }
      change(&database)
      facts.database = .seen(database)
    }
  }

  @Test func `where all is well nothing is found`() {
    #expect(Self.bad { _ in } == [])
  }

  @Test(arguments: [nil, true] as [Bool?])
  func `of a provider that was not probed nobody says that it is reachable, or not`(isResolvable: Bool?) {
    let found = Self.bad {
      $0.api = .seen(APIFacts(providers: [ProviderFacts(name: "p", host: "h", isResolvable: isResolvable)]))
    }
    #expect(found.map(\.status) == [.skipped] && found.first?.detail.contains("has not probed p (h)") == true)
  }

  @Test func `each fault is found once, with what to do`() {
    let cases: [(String, Finding.Status, String, [Finding])] = [
      ("services", .fault, "gives no answer", Self.bad { $0.replicas[0].answer = nil }),
      (
        "services", .fault, "not ready: postgres",
        Self.bad { $0.replicas[1] = Self.replica("orchestrator", ready: false) }
      ),
      ("services", .fault, "no replica of agent-core", Self.bad { $0.replicas.removeLast() }),
      ("services", .fault, "not known to the resolver", Self.bad { $0.unresolved = [("gateway", "nowhere")] }),
      (
        "versions", .warning, "different versions",
        Self.bad { $0.replicas[0] = Self.replica("gateway", version: "0.9.0") }
      ),
      ("postgres", .fault, "takes no writes", Self.database { $0.isReadOnly = true }),
      ("postgres", .fault, "Postgres 14.2", Self.database { $0.version = "14.2" }),
      ("postgres", .warning, "90 of 100 connections", Self.database { $0.connections = 90 }),
      ("postgres", .warning, "100 MiB of WAL behind", Self.database { $0.standbys = [("s", 100 << 20)] }),
      (
        "migrations", .fault, "at migration 5 of 6",
        Self.database { $0.schemas = [SchemaInspection(schema: "orchestrator", known: 6, applied: 5)] }
      ),
      (
        "migrations", .warning, "at migration 7, this version knows 6",
        Self.database { $0.schemas = [SchemaInspection(schema: "orchestrator", known: 6, applied: 7)] }
      ),
      (
        "migrations", .fault, "migrations 2 were applied with other scripts",
        Self.database { $0.schemas = [SchemaInspection(schema: "orchestrator", known: 6, applied: 6, changed: [2])] }
      ),
      ("redis", .fault, "away", Self.bad { $0.redis = .failed("away") }),
      (
        "redis", .warning, "allkeys-lru",
        Self.bad { $0.redis = .seen(RedisFacts(reading: "maxmemory_policy:allkeys-lru")) }
      ),
      (
        "redis", .warning, "95 of 100 MiB",
        Self.bad { $0.redis = .seen(RedisFacts(reading: "used_memory:99614720\r\nmaxmemory:104857600\r\n")) }
      ),
      (
        "api", .fault, "does not believe the gateway",
        Self.bad {
          $0.api = .seen(
            APIFacts(
              calls: [CallFacts(path: "/x", status: 401, code: "assertion_invalid")],
              providers: [ProviderFacts(name: "p", host: "h", isUp: true, isResolvable: true)]))
        }
      ),
      (
        "providers", .fault, "p (h) does not answer",
        Self.bad {
          $0.api = .seen(APIFacts(providers: [ProviderFacts(name: "p", host: "h", isUp: false, isResolvable: true)]))
        }
      ),
      (
        "providers", .warning, "the host h of p",
        Self.bad { $0.api = .seen(APIFacts(providers: [ProviderFacts(name: "p", host: "h", isResolvable: false)])) }
      ),
      (
        "providers", .warning, "model m, is open",
        Self.bad {
          $0.api = .seen(
            APIFacts(providers: [
              ProviderFacts(name: "p", host: "h", isUp: true, isResolvable: true, breakers: [("m", "open")])
            ]))
        }
      ),
      ("keys", .fault, "which llm-router does not have", Self.bad { $0.keys[2].digests = [[9]] }),
      ("keys", .fault, "which orchestrator does not have", Self.bad { $0.keys[4].digests = [[9]] }),
      ("keys", .fault, "too short", Self.bad { $0.keys[0].fault = "too short" }),
      ("keys", .warning, "everybody can read /k", Self.bad { $0.keys[0].openFile = "/k" }),
      ("keys", .warning, "400 days", Self.bad { $0.keys[0].ageDays = 400 }),
      ("clocks", .fault, "7.0 s behind", Self.database { $0.clockOffset = -7_000_000 }),
      ("clocks", .warning, "2.0 s ahead", Self.bad { $0.replicas[3] = Self.replica("agent-core", offset: 2_000_000) }),
      (
        "descriptors", .fault, "900 of 1000",
        Self.bad { $0.replicas[0].answer?.metrics = MetricsText("process_max_fds 1000\nprocess_open_fds 900\n") }
      ),
      (
        "descriptors", .warning, "allows 20000 connections",
        Self.bad { $0.replicas[0].answer?.metrics = MetricsText("process_max_fds 1000\nprocess_open_fds 9\n") }
      ),
      (
        "disk", .fault, "has 100 MiB",
        Self.bad {
          $0.disks[0] = DiskFacts(purpose: "the data folder", path: "/d", freeBytes: 100 << 20, totalBytes: 100 << 30)
        }
      ),
      (
        "disk", .warning, "the data folder",
        Self.bad {
          $0.disks[0] = DiskFacts(purpose: "the data folder", path: "/d", freeBytes: 8 << 30, totalBytes: 100 << 30)
        }
      ),
      (
        "configuration", .fault, "http.port: too large",
        Self.bad {
          $0.configurations = [ConfigurationFacts(owner: "gateway", isValid: false, words: "http.port: too large")]
        }
      ),
    ]
    for (check, status, part, found) in cases {
      #expect(found.count == 1, "\(part): \(found)")
      #expect(found.first?.check == check && found.first?.status == status, "\(found)")
      #expect(found.first?.detail.contains(part) == true, "\(part): \(found)")
      #expect(found.first?.remedy?.isEmpty == false)
    }
  }

  @Test func `what cannot be seen is skipped and no fault`() {
    let findings = Diagnosis.findings(InstallationFacts(), ownVersion: "1.0.0")
    #expect(findings.allSatisfy { $0.status == .skipped }, "\(findings)")
    #expect(Report(findings, redaction: Redaction([])).isHealthy)
  }

  @Test func `a database that is away says nothing of its migrations`() {
    let found = Self.bad { $0.database = .failed("no way") }
    #expect(found.map(\.status).sorted { $0.rawValue < $1.rawValue } == [.fault, .skipped], "\(found)")
  }

  @Test(arguments: [
    (#"FATAL:  password authentication failed for user "cadre""#, "does not take the password"),
    (#"connection to server at "db", port 5432 failed: FATAL:  database "x" does not exist"#, "createdb"),
    (#"connection to server at "db", port 5432 failed: FATAL:  role "x" does not exist"#, "createuser"),
    (#"connection to server at "db", port 5432 failed: Connection refused"#, "host and port"),
    (#"could not translate host name "db" to address: Name or service not known"#, "resolver"),
    ("FATAL:  sorry, too many clients already", "no connection left"),
    (#"FATAL:  no pg_hba.conf entry for host "10.0.0.1""#, "pg_hba.conf"),
    ("", "check the form"),
  ])
  func `why the database cannot be reached says what to do`(reason: String, remedy: String) {
    let found = Self.bad {
      $0.database = .failed("the database cannot be reached" + (reason.isEmpty ? "" : ": \(reason)"))
    }
    #expect(found.first { $0.status == .fault }?.remedy?.contains(remedy) == true, "\(found)")
  }

  @Test func `the report has a line for each finding, what to do, and no secret`() throws {
    let address = "postgresql://cadre:hunter2hunter2@db/cadre"
    let report = Report(
      [.fault("postgres", "no way to \(address)\nor hunter2hunter2", remedy: "start it"), .ok("redis", "fine")],
      redaction: Redaction(Redaction.secrets(of: address)))
    #expect(!report.isHealthy)
    #expect(
      report.text == """
        FAULT    postgres  no way to [secret]; or [secret]
                           mend: start it
        ok       redis     fine
        1 at fault, 0 to look at, 1 well, 0 not checked
        """)
    #expect(!report.json.contains("hunter2"))
    let object = try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any]
    #expect(object?["healthy"] as? Bool == false && (object?["findings"] as? [Any])?.count == 2)
  }

  @Test(arguments: [
    ("redis://:p4ssw0rd@h:1", "p4ssw0rd"), ("host=h password=p4ssw0rd user=u", "p4ssw0rd"),
    ("host=h password='p4ss w0rd' user=u", "p4ss w0rd"), ("postgresql://u:p@ss@h/d", "p@ss"),
    ("postgresql://h/d?password=p4ssw0rd&user=u", "p4ssw0rd"),
  ])
  func `the password of an address is known`(address: String, password: String) {
    #expect(Redaction.secrets(of: address).contains(password))
  }
}
