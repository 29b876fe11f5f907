internal import GatewaySchema
internal import JSON
internal import Postgres
internal import Primitives
internal import Reactor
internal import Redis
internal import RouterSchema
internal import RunStorage
internal import Synchronization
internal import SystemSources
internal import TLS
internal import Telemetry

/// Looks at the database and at Redis with the clients of the services.
enum StoreProbes {
  /// Runs `body` on a loop of its own and waits for it, for `seconds` at most.
  private static func onLoop<Facts: Sendable>(
    seconds: Int, _ body: @escaping @Sendable (EventLoopGroup) async -> Outcome<Facts>
  ) -> Outcome<Facts> {
    let group = EventLoopGroup(count: 1, name: "check")
    let result = LateResult<Outcome<Facts>>()
    group.loops[0].task { result.set(await body(group)) }
    let found = result.wait(seconds: seconds) ?? .failed("no answer within \(seconds) s")
    group.stop()
    return found
  }

  // MARK: Postgres

  static func database(_ address: String, seconds: Int) -> Outcome<DatabaseFacts> {
    onLoop(seconds: seconds) { group in
      var configuration = PostgresConfiguration(connectionString: address, applicationName: "cadre-doctor")
      configuration.sharedConnectionsPerLoop = 1
      configuration.transactionConnectionsPerLoop = 1
      configuration.statementTimeout = .seconds(seconds)
      let pool = PostgresPool(group: group, configuration: configuration, telemetry: .disabled())
      do {
        try await pool.checkConnection(within: .seconds(seconds))
        await pool.start()
        let facts = try await read(pool)
        await pool.close()
        return .seen(facts)
      } catch {
        await pool.close()
        return .failed(reason(error))
      }
    }
  }

  /// Words of libpq are shown when they are about the way to the server: others may repeat the connection string.
  static func reason(_ error: any Error) -> String {
    guard let error = error as? PostgresError else { return "the database cannot be looked at" }
    let isSafe = ["connection to server", "could not translate host name", "server closed the connection"]
      .contains { error.detail.hasPrefix($0) }
    return isSafe ? "\(error.description): \(error.detail)" : error.description
  }

  private static func read(_ pool: PostgresPool) async throws -> DatabaseFacts {
    let before = WallClock.now().unixMicroseconds
    let row = try await pool.query(
      """
      select current_setting('server_version'), pg_is_in_recovery(),
        (extract(epoch from clock_timestamp()) * 1000000)::int8,
        (select count(*) from pg_stat_activity where backend_type = 'client backend'),
        current_setting('max_connections')::int8, pg_database_size(current_database())
      """)
    let after = WallClock.now().unixMicroseconds
    guard let first = row.first else { throw PostgresError(.decoding) }
    var facts = DatabaseFacts(version: try first.decode(0, as: String.self))
    facts.isReadOnly = try first.decode(1, as: Bool.self)
    facts.clockOffset = try first.decode(2, as: Int64.self) &- (before &+ (after &- before) / 2)
    facts.connections = try first.decode(3, as: Int64.self)
    facts.connectionsMax = try first.decode(4, as: Int64.self)
    facts.bytes = try first.decode(5, as: Int64.self)
    // Not everybody may see these.
    facts.folder = try? await pool.query("show data_directory").first?.decode(0, as: String.self)
    if let standbys = try? await pool.query(
      """
      select coalesce(nullif(application_name, ''), 'standby'),
        coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0)::int8 from pg_stat_replication limit 32
      """)
    {
      for standby in standbys {
        facts.standbys.append((try standby.decode(0, as: String.self), try standby.decode(1, as: Int64.self)))
      }
    }
    facts.schemas = [
      try await SchemaInspection.read(
        pool, schema: OrchestratorSchema.name, migrations: OrchestratorSchema.migrations),
      try await SchemaInspection.read(pool, schema: RouterSchema.name, migrations: RouterSchema.migrations),
      try await SchemaInspection.read(pool, schema: GatewaySchema.name, migrations: GatewaySchema.migrations),
    ]
    if facts.schemas.allSatisfy({ $0.applied >= $0.known }) { facts.work = (try? await work(pool)) ?? WorkFacts() }
    return facts
  }

  private static func work(_ pool: PostgresPool) async throws -> WorkFacts {
    var work = WorkFacts()
    // Ids begin with the time: these are a range of the primary key.
    let runs = try await pool.query(
      """
      select case when is_paused and ended_at is null then 'paused' else status end, count(*)
      from orchestrator.run where id >= (lpad(to_hex(
        (extract(epoch from now() - interval '24 hours') * 1000)::int8), 12, '0') || repeat('0', 20))::uuid
      group by 1 order by 1
      """)
    for run in runs { work.runs.append((try run.decode(0, as: String.self), try run.decode(1, as: Int64.self))) }
    let depth = try await pool.query(
      """
      select (select count(*) from (select 1 from orchestrator.ready limit 100000) q),
        (select count(*) from (select 1 from orchestrator.delayed limit 100000) q),
        (select count(*) from (select 1 from orchestrator.lease limit 100000) q),
        (select count(*) from (select 1 from orchestrator.timer limit 100000) q)
      """)
    if let row = depth.first {
      work.ready = try row.decode(0, as: Int64.self)
      work.delayed = try row.decode(1, as: Int64.self)
      work.leased = try row.decode(2, as: Int64.self)
      work.timers = try row.decode(3, as: Int64.self)
    }
    let spent = try await pool.query(
      """
      select coalesce(sum(cost), 0)::int8, coalesce(sum(calls), 0)::int8 from (
        select cost, calls from llm_router.usage_sum
        where dimension = 0 and grain = 1 and bucket = date_trunc('day', now(), 'UTC')
        union all
        select cost, calls from llm_router.usage_pending where hour >= date_trunc('day', now(), 'UTC')) s
      """)
    if let row = spent.first {
      work.spentNanoUSD = try row.decode(0, as: Int64.self)
      work.calls = try row.decode(1, as: Int64.self)
    }
    return work
  }

  // MARK: Redis

  static func redis(_ address: String, _ options: RedisOptions, seconds: Int) -> Outcome<RedisFacts> {
    onLoop(seconds: seconds) { group in
      do {
        var configuration = try RedisConfiguration(url: address)
        configuration.clientName = "cadre-doctor"
        if configuration.tls != nil {
          configuration.tls = TLSConfiguration(
            caFile: options.caFile, certificateFile: options.certificateFile, keyFile: options.keyFile,
            serverName: options.serverName)
        }
        configuration.sentinelUsername = options.sentinelUsername
        configuration.sentinelPassword = options.sentinelPassword
        configuration.connectTimeout = .seconds(seconds)
        let pool = RedisPool(group: group, configuration: configuration)
        await pool.start()
        do {
          let before = WallClock.now().unixMicroseconds
          let time = try await pool.send(["TIME"], timeout: .seconds(seconds)).requireArray()
          let after = WallClock.now().unixMicroseconds
          let info = try await pool.send(["INFO"], timeout: .seconds(seconds)).text ?? ""
          await pool.close()
          var facts = RedisFacts(reading: info)
          if time.count == 2, let seconds = time[0].text.flatMap({ Int64($0) }),
            let micros = time[1].text.flatMap({ Int64($0) })
          {
            facts.clockOffset = seconds &* 1_000_000 &+ micros &- (before &+ (after &- before) / 2)
          }
          return .seen(facts)
        } catch {
          // Why there is no connection says more than that there is none.
          let reason = await pool.connectionError()
          await pool.close()
          return .failed("\(reason ?? error)")
        }
      } catch { return .failed("\(error)") }
    }
  }
}

extension RedisFacts {
  /// Reads the answer to `INFO`.
  init(reading info: String) {
    func field(_ name: String) -> String? {
      info.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name + ":") }
        .map { String($0.dropFirst(name.count + 1)) }
    }
    self.init(version: field("redis_version") ?? "")
    memoryBytes = field("used_memory").flatMap { Int64($0) } ?? 0
    memoryBytesMax = field("maxmemory").flatMap { Int64($0) } ?? 0
    policy = field("maxmemory_policy")
  }
}

/// A value that a loop makes and a thread waits for.
private final class LateResult<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)

  func set(_ value: Value) { self.value.withLock { $0 = value } }

  func wait(seconds: Int) -> Value? {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: seconds) &* 1_000_000_000
    while MonotonicClock.now() < deadline {
      if let value = value.withLock({ $0 }) { return value }
      ThreadPause.milliseconds(5)
    }
    return value.withLock { $0 }
  }
}
