internal import Postgres

extension Diagnosis {
  /// Releases of Postgres from which on the services run.
  static let postgresVersionMin = 15
  /// WAL by which a standby may be behind: 64 MiB.
  static let standbyBytesBehindMax: Int64 = 64 << 20

  static func database(_ outcome: Outcome<DatabaseFacts>) -> [Finding] {
    switch outcome {
    case .unknown:
      return [
        .skipped("postgres", "CADRE_POSTGRES_URL or CADRE_POSTGRES_URL_FILE is not set"),
        .skipped("migrations", "they stand in the database"),
      ]
    case .failed(let reason):
      return [
        .fault("postgres", reason, remedy: remedy(unreachable: reason)),
        .skipped("migrations", "they stand in the database"),
      ]
    case .seen(let facts):
      return postgres(facts) + facts.schemas.map(migrations)
    }
  }

  /// What helps, by a part of what the server or the client library says; the first that is found holds.
  private static let remedies: KeyValuePairs = [
    "password": "the server is up and does not take the password: compare postgres.url with that of the server",
    "no pg_hba.conf entry": "the server is up and lets nobody in from here: add a line to its pg_hba.conf",
    "pg_hba.conf rejects": "the server is up and lets nobody in from here: change the line in its pg_hba.conf",
    "role ": "the server is up and does not know the user: name another one in postgres.url, or make it (createuser)",
    "database ":
      "the server is up and does not have the database: name another one in postgres.url, or make it (createdb)",
    "too many": "the server is up and has no connection left: raise max_connections, or put a pooler in front",
    "connection slots": "the server is up and has no connection left: raise max_connections, or put a pooler in front",
    "starting up": "wait: the server is up and recovers what it had",
    "shutting down": "the server is being stopped: wait until it is started again",
    "translate host name": "check the name of the host in postgres.url, and the resolver (DNS)",
    "certificate": "check sslmode and sslrootcert of postgres.url, and the certificate of the server",
    "SSL": "check sslmode of postgres.url, whether the server has TLS on, and that it is Postgres that listens there",
    "refused": "start the server, and check host and port of postgres.url",
    "No such file": "start the server, and check the folder of its socket, the host of postgres.url",
    "time": "start the server, and check host and port of postgres.url; a firewall may be between",
  ]

  /// How to mend that the database cannot be reached.
  static func remedy(unreachable reason: String) -> String {
    // The first sentence is ours and names the database.
    let said = reason.split(separator: ":", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
    return remedies.first { said.contains($0.key) }?.value
      ?? "start the database, and check the form, host, user and password of postgres.url; a firewall may be between"
  }

  private static func postgres(_ facts: DatabaseFacts) -> [Finding] {
    var found: [Finding] = []
    let major = facts.version.split(separator: ".").first.flatMap { Int($0) } ?? 0
    if major < postgresVersionMin {
      found.append(
        .fault(
          "postgres", "the server is Postgres \(facts.version)", remedy: "use Postgres \(postgresVersionMin) or later"))
    }
    if facts.isReadOnly {
      found.append(
        .fault(
          "postgres", "the server is a standby and takes no writes",
          remedy: "name the primary, or several hosts with target_session_attrs=read-write"))
    }
    if facts.connections * 10 > facts.connectionsMax * 8 {
      found.append(
        .warning(
          "postgres", "\(facts.connections) of \(facts.connectionsMax) connections are in use",
          remedy: "raise max_connections, lower postgres.connections_per_loop, or put a pooler in front"))
    }
    for standby in facts.standbys where standby.bytesBehind > standbyBytesBehindMax {
      found.append(
        .warning(
          "postgres", "the standby \(standby.name) is \(standby.bytesBehind >> 20) MiB of WAL behind",
          remedy: "look at its network and disk: what it lacks is lost when it is promoted"))
    }
    if found.isEmpty {
      found.append(
        .ok(
          "postgres",
          "Postgres \(facts.version), \(facts.connections) of \(facts.connectionsMax) connections in use, "
            + "\(facts.standbys.count) standbys"))
    }
    return found
  }

  static func migrations(_ schema: SchemaInspection) -> Finding {
    if !schema.changed.isEmpty {
      let list = schema.changed.map(String.init).joined(separator: ", ")
      return .fault(
        "migrations", "schema \(schema.schema): migrations \(list) were applied with other scripts than this version's",
        remedy: "run the version that made the schema, or restore a backup; a released migration never changes")
    }
    if schema.applied < schema.known {
      return .fault(
        "migrations", "schema \(schema.schema) is at migration \(schema.applied) of \(schema.known)",
        remedy:
          "run the service that owns it with --migrate, or start it: it migrates then; its log says what hinders it")
    }
    if schema.applied > schema.known {
      // Services of the version before run on it: an update goes on, or was taken back.
      return .warning(
        "migrations", "schema \(schema.schema) is at migration \(schema.applied), this version knows \(schema.known)",
        remedy: "end the update; a command of the newer version looks at all of it")
    }
    return .ok("migrations", "schema \(schema.schema) is at migration \(schema.applied) of \(schema.known)")
  }

  static func redis(_ outcome: Outcome<RedisFacts>) -> [Finding] {
    switch outcome {
    case .unknown: return [.skipped("redis", "CADRE_REDIS_URL or CADRE_REDIS_URL_FILE is not set")]
    case .failed(let reason):
      return [
        .fault(
          "redis", reason,
          remedy: "start Redis, and check host, user and password of redis.url; calls on budgets wait for it")
      ]
    case .seen(let facts):
      if let policy = facts.policy, policy != "noeviction" {
        return [
          .warning(
            "redis", "maxmemory-policy is \(policy): counters of budgets may be evicted",
            remedy: "set maxmemory-policy noeviction")
        ]
      }
      if facts.memoryBytesMax > 0, facts.memoryBytes / 9 > facts.memoryBytesMax / 10 {
        return [
          .warning(
            "redis", "\(facts.memoryBytes >> 20) of \(facts.memoryBytesMax >> 20) MiB of memory are in use",
            remedy: "raise maxmemory, or shorten cache.time_ms")
        ]
      }
      return [.ok("redis", "Redis \(facts.version), \(facts.memoryBytes >> 20) MiB in use")]
    }
  }

  // MARK: The API and its providers

  static func api(_ outcome: Outcome<APIFacts>) -> [Finding] {
    switch outcome {
    case .unknown: return [.skipped("api", "no address of the API is named (CADRE_API_URL or --url)")]
    case .failed(let reason):
      return [.fault("api", reason, remedy: "start the gateway, and check address, certificate and proxy")]
    case .seen(let facts):
      let found = facts.calls.compactMap(refusal)
      return found.isEmpty ? [.ok("api", "orchestrator and llm-router answer by way of the gateway")] : found
    }
  }

  private static func refusal(_ call: CallFacts) -> Finding? {
    let isProviders = call.path.hasPrefix("/api/v1/providers")
    if call.status == 200 || isProviders && call.status == 403 { return nil }
    let what = "GET \(call.path) is answered with \(call.status)\(call.code.isEmpty ? "" : " (\(call.code))")"
    if call.code.hasPrefix("assertion_") {
      return .fault(
        "api", "\(what): a service does not believe the gateway",
        remedy: "give identity.gateway_keys of the gateway to all services, restart them, and compare the clocks")
    }
    if call.status == 401 {
      return .fault("api", what, remedy: "check the API key (CADRE_API_KEY, or the api-key file of the data folder)")
    }
    return .fault("api", what, remedy: "docs/errors.md says what the code means; cadre logs --level warning says more")
  }

  static func providers(_ outcome: Outcome<APIFacts>) -> [Finding] {
    guard let providers = outcome.facts?.providers else {
      return [.skipped("providers", "the list of providers cannot be read (it needs an operator's key)")]
    }
    if providers.isEmpty {
      return [
        .fault("providers", "no provider of models is configured", remedy: "declare one: docs/models.md, \"Providers\"")
      ]
    }
    var found: [Finding] = []
    for one in providers {
      let failure = one.fault.map { ": \($0)" } ?? ""
      if one.isUp == false {
        found.append(
          .fault(
            "providers", "\(one.name) (\(one.host)) does not answer the llm-router\(failure)",
            remedy: "check base_url, key and the way out of the llm-router's network"))
      } else if one.isUp == nil, one.isResolvable == false {
        found.append(
          .warning(
            "providers", "the host \(one.host) of \(one.name) is not known to the resolver", remedy: "check base_url"))
      } else if one.isUp == nil {
        found.append(
          .skipped(
            "providers",
            "the llm-router has not probed \(one.name) (\(one.host)): it does so every health.probe_interval_ms"))
      }
      for breaker in one.breakers {
        found.append(
          .warning(
            "providers", "the breaker of \(one.name), model \(breaker.model), is \(breaker.state)",
            remedy: "mend the provider; DELETE /api/v1/providers/\(one.name)/health closes it at once"))
      }
    }
    return found.isEmpty
      ? [.ok("providers", "\(providers.count) reachable: \(providers.map(\.name).joined(separator: ", "))")] : found
  }
}
