internal import Primitives
public import Reactor
internal import Synchronization
internal import SystemSources
public import Telemetry

/// Reads that may be a little old, for lists and reports: from a read replica while that is known to be fresh enough,
/// else from the primary.
///
/// Once a second the position in the log of the primary and that of the replica are compared. What a caller has written
/// himself may be missing from a list for as long as `lagMax`; single things are read from the primary.
public final class PostgresReader: Sendable {
  /// Between two looks at the positions.
  private static let interval = Duration.seconds(1)
  /// Time that a call waits for a connection to the replica before it goes to the primary.
  private static let unavailableTimeout = Duration.milliseconds(100)

  private let primary: PostgresPool
  private let replica: PostgresPool?
  private let lagMaxNanoseconds: UInt64
  private let logger: Logger?
  private let freshness = Mutex(ReplicaFreshness())
  /// Until when the replica may be read, on the monotonic clock; 0 for not at all.
  private let usableUntil = Atomic<UInt64>(0)
  private let reads: (replica: Counter, primary: Counter)?

  /// Reads from the primary alone.
  public init(primary: PostgresPool) {
    self.primary = primary
    replica = nil
    lagMaxNanoseconds = 0
    logger = nil
    reads = nil
  }

  /// Reads from the replica at `connectionString`, which is configured like the primary otherwise, while it lags by no
  /// more than `lagMax`; without one from the primary alone.
  public init(
    primary: PostgresPool, replica connectionString: String?, like configuration: PostgresConfiguration,
    lagMax: Duration, group: EventLoopGroup, telemetry: Telemetry
  ) {
    self.primary = primary
    lagMaxNanoseconds = UInt64(clamping: lagMax.nanoseconds)
    logger = telemetry.logger
    guard let connectionString else {
      replica = nil
      reads = nil
      return
    }
    var configuration = configuration
    configuration.connectionString = connectionString
    configuration.unavailableTimeout = PostgresReader.unavailableTimeout
    configuration.sharedConnectionsPerLoop = 1
    // The metrics of the service count its calls to the primary.
    let own = Telemetry(
      service: telemetry.service, registry: MetricsRegistry(), tracer: telemetry.tracer, logger: telemetry.logger)
    replica = PostgresPool(group: group, configuration: configuration, telemetry: own)
    let counters = telemetry.registry.counter(
      "cadre_postgres_list_reads_total", help: "Reads of lists and reports, by the server that answered them.",
      labels: ["server"])
    reads = (counters.with("replica"), counters.with("primary"))
    telemetry.registry.observeGauge(
      "cadre_postgres_replica_age_seconds",
      help: "Age of the data of the read replica, as far as it is known; NaN when it is not."
    ) { [weak self] in
      guard let self, let wholeUntil = freshness.withLock({ $0.wholeUntil }) else { return .nan }
      return Double(MonotonicClock.now() &- wholeUntil) / 1e9
    }
    telemetry.registry.observeGauge(
      "cadre_postgres_replica_usable", help: "1 while lists and reports are read from the read replica, else 0."
    ) { [weak self] in self?.isReplicaUsable == true ? 1 : 0 }
  }

  /// Connects to the replica and compares positions until cancelled.
  public func run() async {
    guard let replica else { return }
    await replica.start()
    var wasUsable: Bool?
    while !Task.isCancelled {
      await look(at: replica)
      let isUsable = isReplicaUsable
      if isUsable != wasUsable {
        wasUsable = isUsable
        if isUsable {
          logger?.info("lists are read from the replica")
        } else {
          logger?.warning("the read replica is away or too far behind, lists are read from the primary")
        }
      }
      try? await EventLoop.sleep(for: PostgresReader.interval)
    }
  }

  /// Closes the connections to the replica.
  public func close() async { await replica?.close() }

  /// Whether the replica is read now.
  public var isReplicaUsable: Bool { MonotonicClock.now() < usableUntil.load(ordering: .relaxed) }

  private func look(at replica: PostgresPool) async {
    // Before the question: what was committed by now is in the position that is answered.
    let time = MonotonicClock.now()
    do {
      let position = try await primary.query("select (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::int8").first
      if let position = try position?.decode(0, as: Int64.self) {
        freshness.withLock { $0.primary(at: UInt64(clamping: position), time: time) }
      }
    } catch {
      // While the primary is away nothing is newer than what is known; the replica serves until it is too old.
    }
    do {
      // A server that does not follow another one is no replica; after a fail-over it may be the primary itself.
      let row = try await replica.query(
        "select pg_is_in_recovery(), (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::int8"
      ).first
      guard let row, try row.decode(0, as: Bool.self), let position = try row.decode(1, as: Int64?.self) else {
        return usableUntil.store(0, ordering: .relaxed)
      }
      let wholeUntil = freshness.withLock {
        $0.replica(at: UInt64(clamping: position))
        return $0.wholeUntil
      }
      usableUntil.store(wholeUntil.map { $0 &+ lagMaxNanoseconds } ?? 0, ordering: .relaxed)
    } catch {
      usableUntil.store(0, ordering: .relaxed)
    }
  }

  // MARK: Reading

  /// Runs a statement that only reads. Throws as `PostgresPool.query` does.
  public func query(_ sql: String, _ parameters: [any PostgresEncodable] = []) async throws -> PostgresRows {
    try await read { try await $0.query(sql, parameters) }
  }

  /// Runs a declared statement that only reads, and decodes its rows. Throws as `PostgresPool.query` does.
  public func query<Input, Row>(_ statement: Statement<Input, Row>, _ input: Input) async throws -> [Row] {
    try await read { try await $0.query(statement, input) }
  }

  func read<Value>(_ body: (PostgresPool) async throws -> Value) async throws -> Value {
    if let replica, isReplicaUsable, replica.isReady {
      do {
        let value = try await body(replica)
        reads?.replica.add()
        return value
      } catch let error as PostgresError where PostgresReader.isOfReplica(error) {
        logger?.debug("a list is read from the primary", ["reason": .string(error.description)])
      }
    }
    reads?.primary.add()
    return try await body(primary)
  }

  /// Whether the primary may succeed where the replica has failed: it was away, gave the query up for its replaying, or
  /// does not have a migration yet. What was too much for the replica is not asked of the primary too.
  static func isOfReplica(_ error: PostgresError) -> Bool {
    switch error.code {
    case .unavailable, .connectionLost: true
    case .sql(let state):
      ["40001", "40P01", "57P01", "57P02", "57P03", "42P01", "42703", "42883"].contains(state)
        || state.hasPrefix("08") || state.hasPrefix("53")
    case .timedOut, .overloaded, .decoding: false
    }
  }
}
