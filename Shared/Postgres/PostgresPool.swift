internal import CLibPQ
internal import Primitives
public import Reactor
internal import Synchronization
internal import SystemSources
public import Telemetry

/// How to reach Postgres.
public struct PostgresConfiguration: Sendable {
  /// A libpq connection string or URI.
  public var connectionString: String
  /// The schema in which names are looked up.
  public var schema: String
  /// The application name in `pg_stat_activity`.
  public var applicationName: String
  /// Pipelined connections of each event loop, shared by all of its calls.
  public var sharedConnectionsPerLoop = 2
  /// Further connections of each loop for interactive transactions.
  public var transactionConnectionsPerLoop = 4
  /// Calls that may wait on one loop.
  public var pendingMax = 4096
  /// Further settings of each session, by their names in Postgres, for example `jit`: `off`. Trusted text.
  public var sessionSettings: KeyValuePairs<String, String> = [:]
  /// Time for a connection to be made.
  public var connectTimeout = Duration.seconds(5)
  /// Time for a statement.
  public var statementTimeout = Duration.seconds(10)
  /// Time that a call waits for a connection while the database is away.
  public var unavailableTimeout = Duration.seconds(2)

  /// Makes a configuration with the defaults above.
  public init(connectionString: String, schema: String = "public", applicationName: String = "cadre") {
    self.connectionString = connectionString
    self.schema = schema
    self.applicationName = applicationName
  }

  /// The connection string with the settings of each session.
  var conninfo: String {
    func quoted(_ text: String) -> String {
      // By scalars: a quotation mark with a combining mark behind it is another character.
      "'" + text.unicodeScalars.reduce(into: "") { $0 += $1 == "'" || $1 == "\\" ? "\\\($1)" : String($1) } + "'"
    }
    let session =
      "-c search_path=\(schema) -c statement_timeout=\(statementTimeout.milliseconds) "
      + "-c idle_in_transaction_session_timeout=10000 -c lock_timeout=5000 -c TimeZone=UTC"
      + sessionSettings.map { " -c \($0.key)=\($0.value)" }.joined()
    let extra: KeyValuePairs = [
      "application_name": applicationName, "options": session, "client_encoding": "UTF8", "keepalives_idle": "30",
      "keepalives_interval": "10", "keepalives_count": "3", "tcp_user_timeout": "20000",
    ]
    if connectionString.hasPrefix("postgres://") || connectionString.hasPrefix("postgresql://") {
      let start = connectionString.contains("?") ? "&" : "?"
      return connectionString + start + extra.map { "\($0.key)=\(percentEncoded($0.value))" }.joined(separator: "&")
    }
    return connectionString + extra.map { " \($0.key)=\(quoted($0.value))" }.joined()
  }

  private func percentEncoded(_ text: String) -> String {
    text.utf8.reduce(into: "") { result, byte in
      let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      result += isPlain ? String(UnicodeScalar(byte)) : "%" + Hex.encode([byte])
    }
  }
}

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

  /// A connection besides the pool, for scripts.
  func dedicated(deadline: UInt64) async throws -> PostgresConnection {
    guard let loop = EventLoop.current else { throw PostgresError(.unavailable, detail: "called off a loop") }
    return try await PostgresConnection.connect(
      configuration.conninfo, on: loop, pipelined: false, deadline: deadline)
  }
}

/// A transaction in progress.
public struct PostgresTransaction: Sendable {
  let connection: PostgresConnection
  let timeout: Duration

  /// Runs a statement inside the transaction.
  @discardableResult
  public func query(_ sql: String, _ parameters: [any PostgresEncodable] = []) async throws -> PostgresRows {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: timeout.nanoseconds)
    let rows = try await connection.send([PostgresStatement(sql, parameters)], deadline: deadline)
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
