internal import CLibPQ
internal import Primitives
public import Reactor
internal import Synchronization
internal import SystemSources
public import Telemetry

/// Connections to one database for all event loops of a process. They are made again by themselves after the database
/// was away.
public final class PostgresPool: Sendable {
  private let group: EventLoopGroup
  private let configuration: PostgresConfiguration
  private let shards: PerLoop<PostgresShard>
  private let counts: PoolCounts
  private let metrics: PostgresMetrics

  /// Makes a pool; `start` connects.
  public init(group: EventLoopGroup, configuration: PostgresConfiguration, telemetry: Telemetry) {
    self.group = group
    self.configuration = configuration
    let counts = PoolCounts()
    self.counts = counts
    metrics = PostgresMetrics(registry: telemetry.registry, counts: counts)
    let metrics = metrics
    shards = PerLoop(group) {
      PostgresShard(loop: $0, configuration: configuration, counts: counts, metrics: metrics, logger: telemetry.logger)
    }
  }

  /// Starts connecting on every loop and keeps connected until `close`.
  public func start() async {
    let shards = self.shards
    try? await group.onEach { _ in shards.current.start() }
  }

  /// Closes everything; calls in progress fail.
  public func close() async {
    let shards = self.shards
    try? await group.onEach { _ in shards.existing?.close() }
  }

  /// Whether at least one connection is usable now.
  public var isReady: Bool { counts.ready.load(ordering: .relaxed) > 0 }

  /// Runs one statement. Calls with the same `affinity` share a connection of their loop as long as it is usable: fewer
  /// backends of the server are kept busy, each with its plans and caches warm. Throws `PostgresError` or
  /// `CancellationError`.
  @discardableResult
  public func query(
    _ sql: String, _ parameters: [any PostgresEncodable] = [], affinity: Int? = nil
  ) async throws -> PostgresRows {
    let rows = try await batch([PostgresStatement(sql, parameters)], affinity: affinity)
    guard let first = rows.first else { throw PostgresError(.decoding, detail: "no result") }
    return first
  }

  /// Runs statements as one transaction in one round trip: all of them happen or none. Throws as `query` does.
  public func batch(_ statements: [PostgresStatement], affinity: Int? = nil) async throws -> [PostgresRows] {
    let started = MonotonicClock.now()
    do {
      let rows = try await shards.current.send(statements, affinity)
      metrics.finished(nanoseconds: MonotonicClock.now() &- started)
      return rows
    } catch {
      metrics.failed(error, nanoseconds: MonotonicClock.now() &- started)
      throw error
    }
  }

  /// Runs `body` in a transaction on a connection of its own; rolls back when it throws.
  public func transaction<Value: Sendable>(
    _ body: @Sendable (PostgresTransaction) async throws -> Value
  ) async throws -> Value {
    try await shards.current.transaction(body)
  }

  /// A connection besides the pool, for scripts and for listening: a session of its own, past a pooler.
  func dedicated(deadline: UInt64) async throws -> PostgresConnection {
    guard let loop = EventLoop.current else { throw PostgresError(.unavailable, detail: "called off a loop") }
    return try await PostgresConnection.connect(configuration.directConninfo, on: loop, .session, deadline: deadline)
  }
}

/// A transaction in progress.
public struct PostgresTransaction: Sendable {
  let connection: PostgresConnection
  let timeout: Duration

  /// Runs a statement inside the transaction.
  @discardableResult
  public func query(_ sql: String, _ parameters: [any PostgresEncodable] = []) async throws -> PostgresRows {
    try await run(PostgresStatement(sql, parameters))
  }

  func run(_ statement: PostgresStatement) async throws -> PostgresRows {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: timeout.nanoseconds)
    let rows = try await connection.send([statement], deadline: deadline, isContinued: true)
    guard let first = rows.first else { throw PostgresError(.decoding, detail: "no result") }
    return first
  }
}

/// Numbers over all loops.
final class PoolCounts: Sendable {
  let ready = Atomic<Int>(0)
  let pending = Atomic<Int>(0)
}

/// Metrics of the client.
final class PostgresMetrics: Sendable {
  private let duration: Histogram
  private let failures: CounterFamily
  let connects: Counter
  let connectFailures: Counter

  init(registry: MetricsRegistry, counts: PoolCounts) {
    duration = registry.histogram(
      "cadre_postgres_call_duration_seconds", help: "Time of a call to Postgres, waiting for a connection included."
    ).with()
    failures = registry.counter(
      "cadre_postgres_failures_total", help: "Calls to Postgres that failed, by kind.", labels: ["kind"])
    // Series that begin with their first event have no increase that a rule could see.
    for kind in ["connection_lost", "unavailable", "timed_out", "overloaded"] { failures.with(kind).add(0) }
    connects = registry.counter("cadre_postgres_connects_total", help: "Connections made to Postgres.")
    connectFailures = registry.counter(
      "cadre_postgres_connect_failures_total", help: "Connections to Postgres that could not be made.")
    registry.observeGauge("cadre_postgres_connections_ready", help: "Usable shared connections to Postgres.") {
      Double(counts.ready.load(ordering: .relaxed))
    }
    registry.observeGauge("cadre_postgres_calls_pending", help: "Calls to Postgres in progress.") {
      Double(counts.pending.load(ordering: .relaxed))
    }
  }

  func finished(nanoseconds: UInt64) { duration.observe(nanoseconds: nanoseconds) }

  func failed(_ error: any Error, nanoseconds: UInt64) {
    duration.observe(nanoseconds: nanoseconds)
    let kind =
      switch (error as? PostgresError)?.code {
      case .sql(let state): "sql_\(state.prefix(2))"
      case .connectionLost: "connection_lost"
      case .unavailable: "unavailable"
      case .timedOut: "timed_out"
      case .overloaded: "overloaded"
      case .decoding: "decoding"
      case nil: "cancelled"
      }
    failures.with(kind).add()
  }
}
