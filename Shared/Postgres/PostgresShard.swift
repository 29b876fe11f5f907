internal import CLibPQ
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// The connections of one loop.
///
/// `@unchecked Sendable`: confined to its loop.
final class PostgresShard: @unchecked Sendable {
  /// Beyond the server's own time limit: then its answer is not coming any more and the connection is given up.
  private static let overdueGraceNanoseconds: UInt64 = 5_000_000_000
  private static let probeInterval = Duration.seconds(5)

  private let loop: EventLoop
  private let configuration: PostgresConfiguration
  private let counts: PoolCounts
  private let metrics: PostgresMetrics
  private let logger: Logger
  private var shared: [PostgresConnection] = []
  private var tasks: [Task<Void, any Error>] = []
  private var waiters: [Promise<Void>] = []
  private var pending = 0
  private var idle: [PostgresConnection] = []
  private var exclusive = 0
  private var exclusiveWaiters: [Promise<Void>] = []
  private var isClosed = false

  init(
    loop: EventLoop, configuration: PostgresConfiguration, counts: PoolCounts, metrics: PostgresMetrics,
    logger: Logger
  ) {
    self.loop = loop
    self.configuration = configuration
    self.counts = counts
    self.metrics = metrics
    self.logger = logger
  }

  func start() {
    guard tasks.isEmpty else { return }
    for slot in 0..<configuration.sharedConnectionsPerLoop {
      tasks.append(loop.task { [unowned self] in try await maintain(slot) })
    }
  }

  func close() {
    isClosed = true
    for task in tasks { task.cancel() }
    for connection in shared + idle { connection.close() }
    exclusive -= idle.count
    idle = []
    for waiter in waiters + exclusiveWaiters { waiter.fail(PostgresError(.unavailable)) }
  }

  // MARK: Shared connections

  /// Keeps one connection alive: connects, waits for its end, connects again after a growing pause.
  private func maintain(_ slot: Int) async throws {
    var backoff = PostgresBackoff()
    while !isClosed {
      do {
        let connection = try await connect()
        backoff = PostgresBackoff()
        let broken = Promise<Void>(on: loop)
        connection.onBroken = { broken.succeed(()) }
        connection.slot = slot
        shared.append(connection)
        counts.ready.add(1, ordering: .relaxed)
        wake()
        try? await watch(connection, broken)
        shared.removeAll { $0 === connection }
        counts.ready.subtract(1, ordering: .relaxed)
        connection.close()
        if !isClosed { logger.warning("a connection to the database was lost") }
      } catch is CancellationError {
        return
      } catch {
        metrics.connectFailures.add()
        logger.warning("the database cannot be reached", ["reason": .string(String(reflecting: error))])
      }
      var random = SystemRandom.shared
      try await EventLoop.sleep(for: backoff.next(random: random.next()))
    }
  }

  private func connect() async throws -> PostgresConnection {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: configuration.connectTimeout.nanoseconds)
    let mode = configuration.transactionSettings.map { PostgresConnection.Mode.unitByUnit(settings: $0) }
    let connection = try await PostgresConnection.connect(
      configuration.conninfo, on: loop, mode ?? .pipelined, deadline: deadline)
    metrics.connects.add()
    return connection
  }

  /// Returns when the connection has ended, or when it answers no more.
  private func watch(_ connection: PostgresConnection, _ broken: Promise<Void>) async throws {
    let limit = UInt64(clamping: configuration.statementTimeout.nanoseconds) + PostgresShard.overdueGraceNanoseconds
    let probe = loop.task { [unowned self, weak connection] in
      while let connection, !connection.isBroken {
        try await EventLoop.sleep(for: PostgresShard.probeInterval)
        let now = MonotonicClock.now()
        if let oldest = connection.oldestSentAt, now > oldest, now - oldest > limit { connection.close() }
        if connection.pendingUnits == 0 {
          _ = try? await connection.send(
            [PostgresStatement("select 1")], deadline: now &+ UInt64(clamping: configuration.connectTimeout.nanoseconds)
          )
        }
      }
    }
    defer { probe.cancel() }
    try await broken.value()
  }

  func send(_ statements: [PostgresStatement], _ affinity: Int?) async throws -> [PostgresRows] {
    guard pending < configuration.pendingMax else { throw PostgresError(.overloaded) }
    pending += 1
    counts.pending.add(1, ordering: .relaxed)
    defer {
      pending -= 1
      counts.pending.subtract(1, ordering: .relaxed)
    }
    let connection = try await usable(affinity)
    let deadline = MonotonicClock.now() &+ UInt64(clamping: configuration.statementTimeout.nanoseconds)
    return try await connection.send(statements, deadline: deadline)
  }

  /// The connection for the affinity, or the least busy one.
  private func usable(_ affinity: Int?) async throws -> PostgresConnection {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: configuration.unavailableTimeout.nanoseconds)
    while true {
      if isClosed { throw PostgresError(.unavailable) }
      if let affinity, let own = shared.first(where: { $0.slot == affinity && !$0.isBroken }) { return own }
      var best: PostgresConnection?
      // One that has just broken stays in the list until its own task has run.
      for connection in shared where !connection.isBroken && connection.pendingUnits < best?.pendingUnits ?? .max {
        best = connection
      }
      if let best { return best }
      let promise = Promise<Void>(on: loop)
      waiters.append(promise)
      do {
        try await promise.value(deadline: deadline)
      } catch let error {
        waiters.removeAll { $0 === promise }
        if error is ReactorError { throw PostgresError(.unavailable) }
        throw error
      }
    }
  }

  private func wake() {
    let all = waiters
    waiters = []
    for waiter in all { waiter.succeed(()) }
  }

  // MARK: Transactions

  func transaction<Value: Sendable>(
    _ body: @Sendable (PostgresTransaction) async throws -> Value
  ) async throws -> Value {
    let connection = try await lease()
    let transaction = PostgresTransaction(connection: connection, timeout: configuration.statementTimeout)
    do {
      try await begin(connection)
      let value = try await body(transaction)
      // The server answers `commit` with a rollback, not an error, when a statement failed and the body went on.
      guard try await transaction.query("commit").command == "COMMIT" else { throw PostgresError(.sql("25P02")) }
      giveBack(connection)
      return value
    } catch {
      // Whatever went wrong: only a rollback that is confirmed makes the connection usable again.
      let rolledBack = await loop.task { try await transaction.query("rollback") }.result
      if case .success = rolledBack { giveBack(connection) } else { discard(connection) }
      throw error
    }
  }

  /// Begins a transaction, with its settings where those are not the session's.
  private func begin(_ connection: PostgresConnection) async throws {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: configuration.statementTimeout.nanoseconds)
    _ = try await connection.send([PostgresStatement("begin")], deadline: deadline)
  }

  private func lease() async throws -> PostgresConnection {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: configuration.unavailableTimeout.nanoseconds)
    while true {
      if isClosed { throw PostgresError(.unavailable) }
      while let connection = idle.popLast() { if connection.isBroken { exclusive -= 1 } else { return connection } }
      if exclusive < configuration.transactionConnectionsPerLoop {
        exclusive += 1
        do { return try await connect() } catch {
          exclusive -= 1
          wakeExclusive()
          throw error
        }
      }
      guard exclusiveWaiters.count < configuration.pendingMax else { throw PostgresError(.overloaded) }
      let promise = Promise<Void>(on: loop)
      exclusiveWaiters.append(promise)
      do {
        try await promise.value(deadline: deadline)
      } catch {
        exclusiveWaiters.removeAll { $0 === promise }
        if error is ReactorError { throw PostgresError(.overloaded) }
        throw error
      }
    }
  }

  private func giveBack(_ connection: PostgresConnection) {
    if connection.isBroken || isClosed { return discard(connection) }
    idle.append(connection)
    wakeExclusive()
  }

  private func discard(_ connection: PostgresConnection) {
    connection.close()
    exclusive -= 1
    wakeExclusive()
  }

  private func wakeExclusive() {
    while !exclusiveWaiters.isEmpty {
      let first = exclusiveWaiters.removeFirst()
      if first.isSettled { continue }
      first.succeed(())
      return
    }
  }
}

/// Growing pauses between attempts to connect: 50 ms doubling to 5 s, each shortened at random by up to a half so that
/// the processes of an installation do not return all at once.
struct PostgresBackoff {
  private static let first: Int64 = 50
  private static let longest: Int64 = 5000
  private var current = PostgresBackoff.first

  mutating func next(random: UInt64) -> Duration {
    let pause = current
    current = min(current * 2, PostgresBackoff.longest)
    return .milliseconds(pause - Int64(random % UInt64(pause / 2 + 1)))
  }
}
