internal import Budgets
internal import Contracts
internal import HTTPWire
internal import Pricing
internal import Primitives
internal import Reactor
internal import Redis
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Reserves before a call and settles after it. Most calls are served from holdings, small parts of the counters that
/// this process has set aside; the counters themselves are in Redis, a cache of the ledger: a missing one is rebuilt
/// from it. Without Redis a call that has a budget is refused as soon as the holdings are used up or a second old: a
/// budget that cannot be checked is none.
final class BudgetGuard: Sendable {
  private static let attemptsMax = 8
  /// Calls for which is granted beforehand.
  private static let callsAhead: Int64 = 32
  private static let releasedMax = 100
  private static let usedMax = 1000
  /// Time in which a counter has to be there, in nanoseconds.
  private static let reserveNanosecondsMax: UInt64 = 10_000_000_000

  /// Time in which what is being given back has to arrive before a call is refused, in steps of two milliseconds.
  private static let returnStepsMax = 25

  private enum Asked {
    case done
    case again
    /// Another process builds a counter.
    case building
  }
  private static let sweepInterval = Duration.milliseconds(400)
  private static let sweepsPerVerification = 8

  /// A counter that this process has asked for.
  struct UsedCounter: Sendable {
    let counter: BudgetCounter
    var usedAt: UInt64 = 0
    var verifiedAt: UInt64 = 0
  }

  struct State {
    var open: [UUID: Reservation] = [:]
    var holdings = Holdings()
    /// Counters that are being rebuilt; what is settled meanwhile waits.
    var rebuilding: Set<String> = []
    var deferred: [(Reservation, Int64, Int64)] = []
    /// Counters to which something is being given back, with how many times that is.
    var returning: [String: Int] = [:]
    /// Counters that may be wrong because Redis has not confirmed a change.
    var doubtful: Set<String> = []
    var epoch = BudgetEpoch()
    /// Counters that were used of late, to be compared with the ledger.
    var used: [String: UsedCounter] = [:]
  }

  let redis: RedisPool
  let store: BudgetStore
  let ledger: Ledger
  let metrics: SpendingMetrics
  private let logger: Logger
  /// The name of this process in the counters.
  private let process = "\(UUID.version7())"
  let state = Mutex(State())

  init(redis: RedisPool, store: BudgetStore, ledger: Ledger, metrics: SpendingMetrics, logger: Logger) {
    self.redis = redis
    self.store = store
    self.ledger = ledger
    self.metrics = metrics
    self.logger = logger
  }

  // MARK: Reserve

  /// Reserves what a call may use at most, in all counters or in none. Throws a `BudgetShortage` when one is too small,
  /// and a `CallFailure` when the counters cannot be reached.
  func reserve(
    _ call: UUID, _ counters: [BudgetCounter], tokens: Int64, nanoUSD: Int64
  ) async throws -> Reservation? {
    guard !counters.isEmpty else { return nil }
    let reservation = Reservation(call: call, counters: counters, tokens: tokens, nanoUSD: nanoUSD)
    if takeHeld(reservation) { return reservation }
    do {
      var attempts = 0
      var hasWaited = false
      let limit = MonotonicClock.now() &+ BudgetGuard.reserveNanosecondsMax
      while attempts < BudgetGuard.attemptsMax, MonotonicClock.now() < limit {
        if let index = state.withLock({ state in
          reservation.keys.firstIndex { state.doubtful.contains($0) || state.rebuilding.contains($0) }
        }) {
          try await rebuild(counters[index], force: true)
        }
        let isReturning = isReturning(reservation.keys)
        do {
          switch try await ask(reservation) {
          case .done: return reservation
          case .again: attempts += 1
          case .building: continue
          }
        } catch let shortage as BudgetShortage {
          // What the call before has left may be on its way still.
          guard !hasWaited, isReturning || self.isReturning(reservation.keys) else { throw shortage }
          hasWaited = true
          await returned(reservation.keys)
        }
      }
      throw RedisError(.overloaded)
    } catch let error as RedisError {
      if case .server = error.code { logger.error("a budget script failed", ["reason": .string("\(error)")]) }
      throw CallFailure(
        status: .serviceUnavailable, code: "budget_store_unavailable",
        message:
          "The budget of this call cannot be checked at the moment, so the call was not made. Try again shortly.",
        isRetryable: true, retryAfterSeconds: 1)
    }
  }

  private func isReturning(_ keys: [String]) -> Bool {
    state.withLock { state in !state.returning.isEmpty && keys.contains { state.returning[$0] != nil } }
  }

  /// Waits for a moment until nothing is being given back.
  private func returned(_ keys: [String]) async {
    for _ in 0..<BudgetGuard.returnStepsMax where isReturning(keys) {
      do { try await EventLoop.sleep(for: .milliseconds(2)) } catch { return }
    }
  }

  /// The refusal for a counter that is too small.
  func refusal(_ shortage: BudgetShortage) -> CallFailure {
    metrics.refused.with(shortage.counter.budget.scope.rawValue).add()
    return BudgetFault.exhausted(shortage.counter, spent: shortage.spent, wanted: shortage.wanted)
  }

  /// Serves a call from what is held; false when that is not enough.
  private func takeHeld(_ reservation: Reservation) -> Bool {
    let now = MonotonicClock.now()
    return state.withLock { state in
      if !state.doubtful.isEmpty, reservation.keys.contains(where: { state.doubtful.contains($0) }) { return false }
      if !state.rebuilding.isEmpty, reservation.keys.contains(where: { state.rebuilding.contains($0) }) { return false }
      let needs = reservation.keys.indices.map { (key: reservation.keys[$0], amount: reservation.amount($0)) }
      guard let generations = state.holdings.take(needs, at: now) else { return false }
      reservation.generations = generations
      state.open[reservation.call] = reservation
      return true
    }
  }

  /// Asks Redis for what is not held. Throws `BudgetShortage` for the
  /// counter that is too small, and `RedisError`.
  private func ask(_ reservation: Reservation) async throws -> Asked {
    let parts = state.withLock { state in
      reservation.keys.indices.map { state.holdings.takePart(reservation.keys[$0], of: reservation.amount($0)) }
    }
    var arguments: [RedisArgument] = []
    for (index, part) in parts.enumerated() {
      let amount = reservation.amount(index)
      let ahead = amount.multipliedReportingOverflow(by: BudgetGuard.callsAhead)
      arguments += [
        .integer(amount.subtractingClamped(part.taken)), .integer(reservation.counters[index].limit),
        .integer(ahead.overflow ? amount : ahead.partialValue), .integer(part.generation),
      ]
    }
    arguments.append(RedisArgument(process))
    let answer: [RedisValue]
    do {
      answer = try await redis.confirm(
        BudgetScripts.reserve, keys: reservation.keys.map { RedisArgument($0) }, arguments: arguments
      ).requireArray()
    } catch {
      // It may have been done all the same.
      putBack(reservation, parts)
      doubt(reservation.keys)
      throw error
    }
    switch answer.first?.integer {
    case 0:
      guard answer.count == 1 + 3 * parts.count else { throw RedisError(.protocolViolation) }
      let now = MonotonicClock.now()
      state.withLock { state in
        for index in parts.indices {
          let generation = BudgetGuard.number(answer[1 + 3 * index])
          reservation.generations[index] = generation
          state.holdings.granted(
            reservation.keys[index], generation: generation, extra: BudgetGuard.number(answer[2 + 3 * index]),
            value: BudgetGuard.number(answer[3 + 3 * index]), limit: reservation.counters[index].limit, at: now)
        }
        state.open[reservation.call] = reservation
        for counter in reservation.counters {
          if state.used[counter.key] == nil, state.used.count >= BudgetGuard.usedMax { continue }
          state.used[counter.key, default: UsedCounter(counter: counter)].usedAt = now
        }
      }
      // Calls that were open before a counter was rebuilt are not in it yet.
      for (index, part) in parts.enumerated() where part.generation == 0 {
        try await adopt(reservation.keys[index], reservation.generations[index])
      }
      return .done
    case 1:
      guard answer.count > 2 else { throw RedisError(.protocolViolation) }
      putBack(reservation, parts)
      let index = try BudgetGuard.index(answer, reservation)
      let counter = reservation.counters[index]
      let held = state.withLock { $0.holdings.available(reservation.keys[index]) }
      throw BudgetShortage(
        counter: counter, spent: BudgetGuard.number(answer[2]).subtractingClamped(max(0, held)),
        wanted: reservation.amount(index))
    case 2:
      putBack(reservation, parts)
      try await rebuild(reservation.counters[try BudgetGuard.index(answer, reservation)], force: false)
      return .again
    case 5:
      // Another process builds it.
      putBack(reservation, parts)
      try await rebuild(reservation.counters[try BudgetGuard.index(answer, reservation)], force: false)
      return .building
    case 4:
      // A process has ended without giving back what it held: the ledger knows what it has spent.
      putBack(reservation, parts)
      doubt([reservation.keys[try BudgetGuard.index(answer, reservation)]])
      return .again
    default:
      guard answer.count == 3 else { throw RedisError(.protocolViolation) }
      putBack(reservation, parts)
      let key = reservation.keys[try BudgetGuard.index(answer, reservation)]
      state.withLock { $0.holdings.drop(key) }
      try await adopt(key, BudgetGuard.number(answer[2]))
      return .again
    }
  }

  /// The counter that an answer names. Throws when there is none.
  private static func index(_ answer: [RedisValue], _ reservation: Reservation) throws(RedisError) -> Int {
    guard answer.count > 1, let number = answer[1].integer, number >= 1, number <= Int64(reservation.counters.count)
    else {
      throw RedisError(.protocolViolation)
    }
    return Int(number) - 1
  }

  static func number(_ value: RedisValue) -> Int64 { value.integer ?? value.text.flatMap { Int64($0) } ?? 0 }

  private func putBack(_ reservation: Reservation, _ parts: [(taken: Int64, generation: Int64)]) {
    let gone = state.withLock { state in
      zip(reservation.keys, parts).filter { key, part in
        !state.holdings.putBack(key, generation: part.generation, part.taken)
      }
    }
    if !gone.isEmpty {
      tell(gone.map { (key: $0.0, generation: $0.1.generation, reserved: $0.1.taken, used: 0) })
    }
  }

  /// Another process has rebuilt a counter without knowing of our open calls: they are set aside in it too.
  func adopt(_ key: String, _ generation: Int64) async throws(RedisError) {
    let missing = state.withLock { state -> Int64 in
      var sum: Int64 = 0
      for reservation in state.open.values {
        guard let index = reservation.keys.firstIndex(of: key), reservation.generations[index] != generation else {
          continue
        }
        reservation.generations[index] = generation
        sum = sum.addingClamped(reservation.amount(index))
      }
      return sum
    }
    guard missing > 0 else { return }
    do {
      _ = try await redis.confirm(
        BudgetScripts.settle, keys: [RedisArgument(key)],
        arguments: [.integer(generation), .integer(0), .integer(missing)])
    } catch {
      doubt([key])
      throw error
    }
  }

  // MARK: Settle

  /// Replaces what was set aside by what was used. Does not wait: the ledger has it already.
  func settle(_ reservation: Reservation, tokens: Int64, nanoUSD: Int64) {
    let isNow = state.withLock { state -> Bool in
      guard !reservation.isSettled else { return false }
      reservation.isSettled = true
      if !state.rebuilding.isEmpty, reservation.keys.contains(where: { state.rebuilding.contains($0) }) {
        state.deferred.append((reservation, tokens, nanoUSD))
        return false
      }
      return true
    }
    if isNow { close(reservation, tokens, nanoUSD) }
  }

  /// Adds what was used by a call whose reservation is settled already.
  func charge(_ settled: Reservation, tokens: Int64, nanoUSD: Int64) {
    let late = Reservation(call: UUID.version7(), counters: settled.counters, tokens: 0, nanoUSD: 0)
    late.generations = state.withLock { _ in settled.generations }
    settle(late, tokens: tokens, nanoUSD: nanoUSD)
  }

  func close(_ reservation: Reservation, _ tokens: Int64, _ nanoUSD: Int64) {
    let now = MonotonicClock.now()
    var told: [(key: String, generation: Int64, reserved: Int64, used: Int64)] = []
    state.withLock { state in
      state.open[reservation.call] = nil
      for (index, key) in reservation.keys.enumerated() {
        let (reserved, generation) = (reservation.amount(index), reservation.generations[index])
        let used = reservation.counters[index].unit == .tokens ? tokens : nanoUSD
        switch state.holdings.settle(
          key, generation: generation, difference: reserved.subtractingClamped(used), at: now)
        {
        case .kept: break
        case .excess(let excess): told.append((key, generation, excess, 0))
        case .unknown: told.append((key, generation, reserved, used))
        }
        if let spent = state.holdings.spent(key) { note(reservation.counters[index], spent) }
      }
    }
    if !told.isEmpty { tell(told) }
  }

  /// Tells Redis what is not set aside any more.
  private func tell(_ changes: [(key: String, generation: Int64, reserved: Int64, used: Int64)]) {
    guard let loop = EventLoop.current else { return doubt(changes.map(\.key)) }
    let keys = changes.map { RedisArgument($0.key) }
    let arguments = changes.flatMap { change -> [RedisArgument] in
      [.integer(change.generation), .integer(change.reserved), .integer(change.used)]
    }
    state.withLock { state in
      for change in changes { state.returning[change.key, default: 0] += 1 }
    }
    loop.task { [self] in
      do { _ = try await redis.evaluate(BudgetScripts.settle, keys: keys, arguments: arguments) } catch {
        doubt(changes.map(\.key))
      }
      state.withLock { state in
        for change in changes {
          let others = (state.returning[change.key] ?? 1) - 1
          state.returning[change.key] = others > 0 ? others : nil
        }
      }
    }
  }

  func doubt(_ keys: [String]) {
    state.withLock { state in
      for key in keys {
        state.doubtful.insert(key)
        state.holdings.drop(key)
      }
    }
  }

  private func note(_ counter: BudgetCounter, _ spent: Int64) {
    guard counter.limit > 0 else { return }
    let percent = Double(spent) / Double(counter.limit) * 100
    if percent >= Double(counter.budget.alertPercent) {
      metrics.alerts.with(counter.budget.scope.rawValue, counter.budget.period.rawValue).add()
    }
  }

  // MARK: Sweeping

  /// Gives back what nobody has used for some time, until the task is cancelled.
  func run() async {
    var sweeps = 0
    while !Task.isCancelled {
      do { try await EventLoop.sleep(for: BudgetGuard.sweepInterval) } catch { break }
      await adoptOpenCalls()
      await giveBack(unusedSince: MonotonicClock.now() &- Holdings.validNanoseconds)
      sweeps &+= 1
      if sweeps % BudgetGuard.sweepsPerVerification == 0 { await verify() }
    }
  }

  /// Gives back everything at the end of the process.
  func close() async { await giveBack(unusedSince: .max) }

  private func giveBack(unusedSince time: UInt64) async {
    let idle = state.withLock { $0.holdings.release(unusedSince: time) }
    for start in stride(from: 0, to: idle.count, by: BudgetGuard.releasedMax) {
      let some = idle[start..<min(idle.count, start + BudgetGuard.releasedMax)]
      do {
        _ = try await redis.evaluate(
          BudgetScripts.release, keys: some.map { RedisArgument($0.key) },
          arguments: some.flatMap { [RedisArgument.integer($0.generation), .integer($0.amount)] }
            + [RedisArgument(process)])
      } catch {
        if case .server = error.code { logger.error("a budget script failed", ["reason": .string("\(error)")]) }
        doubt(some.map(\.key))
      }
    }
  }
}
