package import Budgets
package import Primitives
internal import Reactor
internal import Redis
internal import Synchronization
internal import SystemSources
package import Telemetry

/// Reserves before a call and settles after it. Most calls are served from prefetched quota, small parts of the
/// counters that this process has reserved beforehand; the counters themselves are in Redis, a cache of the ledger: a
/// missing one is rebuilt from it. Without Redis a call that has a budget is refused as soon as the quota is used up or
/// a second old: a budget that cannot be checked is none.
///
/// The rules are in `BudgetStateMachine`; this shell talks to Redis and the ledger.
package final class BudgetGuard: Sendable {
  private static let attemptsMax = 8
  /// Calls for which quota is prefetched.
  private static let callsAhead: Int64 = 32
  private static let releasedMax = 100
  /// Time in which a counter has to be there.
  private static let reserveNanosecondsMax: UInt64 = 10_000_000_000
  /// Time in which what is being returned has to arrive before a call is refused: steps of two milliseconds.
  private static let returnStepsMax = 25
  private static let returnStepNanoseconds: UInt64 = 2_000_000
  private static let sweepNanoseconds: UInt64 = 400_000_000
  private static let sweepsPerVerification = 8

  let counters: any BudgetCounterStore
  let source: any SpentSource
  let metrics: SpendingMetrics
  let clock: SpendingClock
  private let logger: Logger
  /// The name of this process in the counters.
  private let process: String
  let state = Mutex(BudgetStateMachine())

  init(
    counters: any BudgetCounterStore, source: any SpentSource, metrics: SpendingMetrics, clock: SpendingClock,
    logger: Logger, process: String
  ) {
    self.counters = counters
    self.source = source
    self.metrics = metrics
    self.clock = clock
    self.logger = logger
    self.process = process
  }

  /// `source`: what the counters are rebuilt from.
  package convenience init(
    counters: RedisBudgetCounters, source: LedgerSpentSource, metrics: SpendingMetrics, logger: Logger
  ) {
    self.init(
      counters: counters, source: source, metrics: metrics, clock: .system, logger: logger,
      process: "\(UUID.version7())")
  }

  // MARK: Reserving

  /// Reserves what a call may use at most, in all counters or in none; nil without counters. Throws a `SpendingError`
  /// when one is too small or the counters cannot be reached.
  package func reserve(
    _ call: UUID, _ counters: [BudgetCounter], tokens: Int64, nanoUSD: Int64
  ) async throws -> Reservation? {
    guard !counters.isEmpty else { return nil }
    let reservation = Reservation(call: call, counters: counters, tokens: tokens, nanoUSD: nanoUSD)
    let now = clock.now()
    if state.withLock({ $0.reserveFromQuota(reservation, at: now) }) { return reservation }
    do {
      try await reserveInStore(reservation)
      return reservation
    } catch let error as RedisError {
      noteFailure(error)
      throw SpendingError.budgetsUnavailable
    }
  }

  /// Asks the store until it has answered. Throws `SpendingError` for a counter that is too small, and `RedisError`.
  private func reserveInStore(_ reservation: Reservation) async throws {
    var attempts = 0
    var hasWaited = false
    let limit = clock.now() &+ BudgetGuard.reserveNanosecondsMax
    while attempts < BudgetGuard.attemptsMax, clock.now() < limit {
      if let index = state.withLock({ $0.firstUnusable(reservation) }) {
        try await rebuild(reservation.counters[index], force: true)
      }
      let isReturning = state.withLock { $0.isReturning(reservation.keys) }
      switch try await ask(reservation) {
      case .reserved(let unknown):
        for (key, generation) in unknown { try await addOpenReservations(to: key, generation) }
        return
      case .exhausted(let shortage):
        // What the call before has left may be on its way still.
        guard !hasWaited, isReturning || state.withLock({ $0.isReturning(reservation.keys) }) else {
          throw SpendingError.budgetExhausted(shortage)
        }
        hasWaited = true
        await waitForReturns(reservation.keys)
      case .rebuild(let index, let isAttempt):
        try await rebuild(reservation.counters[index], force: false)
        if isAttempt { attempts += 1 }
      case .addOpen(let key, let generation):
        try await addOpenReservations(to: key, generation)
        attempts += 1
      case .retry: attempts += 1
      }
    }
    throw RedisError(.overloaded)
  }

  /// Asks the store for what the quota does not hold.
  private func ask(_ reservation: Reservation) async throws -> ReserveStep {
    let parts = state.withLock { $0.takeParts(reservation) }
    let requests = parts.indices.map { index in
      let amount = reservation.amount(index)
      let ahead = amount.multipliedReportingOverflow(by: BudgetGuard.callsAhead)
      return ReserveRequest(
        key: reservation.keys[index], amount: amount.subtractingClamped(parts[index].taken),
        limit: reservation.counters[index].limit, ahead: ahead.overflow ? amount : ahead.partialValue,
        generation: parts[index].generation)
    }
    do {
      let reply = try await counters.reserve(requests, process: process)
      let now = clock.now()
      let (step, returns) = state.withLock { $0.received(reply, for: reservation, parts: parts, at: now) }
      returnToStore(returns)
      return step
    } catch {
      returnToStore(state.withLock { $0.requestFailed(reservation, parts: parts) })
      throw error
    }
  }

  /// Waits for a moment until nothing is being returned.
  private func waitForReturns(_ keys: [String]) async {
    for _ in 0..<BudgetGuard.returnStepsMax where state.withLock({ $0.isReturning(keys) }) {
      do { try await clock.sleep(BudgetGuard.returnStepNanoseconds) } catch { return }
    }
  }

  /// Adds the open reservations that a counter of another generation lacks.
  func addOpenReservations(to key: String, _ generation: Int64) async throws {
    let missing = state.withLock { $0.openReservationsMissing(in: key, generation: generation) }
    guard missing > 0 else { return }
    do { try await counters.add(missing, to: key, generation: generation) } catch {
      markUnverified([key])
      throw error
    }
  }

  /// A call was refused because a counter is too small.
  package func countRefusal(_ shortage: BudgetShortage) {
    metrics.refused.with(shortage.counter.budget.scope.rawValue).add()
  }

  private func noteFailure(_ error: any Error) {
    guard let error = error as? RedisError, case .server = error.code else { return }
    logger.error("a budget script failed", ["reason": .string("\(error)")])
  }

  // MARK: Settling

  /// Replaces what was reserved by what was used. Does not wait: the ledger has it already.
  package func settle(_ reservation: Reservation, tokens: Int64, nanoUSD: Int64) {
    let now = clock.now()
    let amounts = BudgetAmounts(tokens: tokens, nanoUSD: nanoUSD)
    perform(state.withLock { $0.settle(reservation, used: amounts, at: now) })
  }

  /// Adds what was used by a call whose reservation is settled already.
  package func charge(_ settled: Reservation, tokens: Int64, nanoUSD: Int64) {
    let now = clock.now()
    let late = Reservation(call: UUID.version7(), counters: settled.counters, tokens: 0, nanoUSD: 0)
    let amounts = BudgetAmounts(tokens: tokens, nanoUSD: nanoUSD)
    perform(state.withLock { $0.charge(late, used: amounts, at: now) })
  }

  func perform(_ settled: Settled) {
    returnToStore(settled.returns)
    for counter in settled.alerts {
      metrics.alerts.with(counter.budget.scope.rawValue, counter.budget.period.rawValue).add()
    }
  }

  /// Notifies the store of what is not reserved any more. Does not wait.
  private func returnToStore(_ changes: [QuotaReturn]) {
    guard !changes.isEmpty else { return }
    let keys = changes.map(\.key)
    guard let loop = EventLoop.current else { return markUnverified(keys) }
    state.withLock { $0.beginReturn(keys) }
    loop.task { [self] in
      var isConfirmed = true
      do { try await counters.settle(changes) } catch { isConfirmed = false }
      state.withLock { $0.endReturn(keys, isConfirmed: isConfirmed) }
    }
  }

  func markUnverified(_ keys: [String]) { state.withLock { $0.markUnverified(keys) } }

  // MARK: Sweeping

  /// Returns what nobody has used for some time and compares counters with the ledger, until the task is cancelled.
  package func run() async {
    var sweeps = 0
    while !Task.isCancelled {
      do { try await clock.sleep(BudgetGuard.sweepNanoseconds) } catch { break }
      await checkGenerations()
      await releaseQuota(unusedSince: clock.now() &- PrefetchedQuota.validNanoseconds)
      sweeps &+= 1
      if sweeps % BudgetGuard.sweepsPerVerification == 0 { await verify() }
    }
  }

  /// Returns everything at the end of the process.
  package func close() async { await releaseQuota(unusedSince: .max) }

  func releaseQuota(unusedSince time: UInt64) async {
    let idle = state.withLock { $0.releaseQuota(unusedSince: time) }
    for start in stride(from: 0, to: idle.count, by: BudgetGuard.releasedMax) {
      let some = Array(idle[start..<min(idle.count, start + BudgetGuard.releasedMax)])
      do { try await counters.release(some, process: process) } catch {
        noteFailure(error)
        markUnverified(some.map(\.key))
      }
    }
  }
}
