internal import Budgets
internal import Contracts
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import Redis
internal import Synchronization
internal import Telemetry

/// Reserves before a call and settles after it. The counters in Redis are a cache of the ledger: a missing one is
/// rebuilt from it, with what is reserved by calls of this process. Without Redis a call that has a budget is refused:
/// a budget that cannot be checked is none.
final class BudgetGuard: Sendable {
  private static let rebuildsMax = 8
  /// How long a window's counter outlives it, for calls that began in it.
  private static let graceSeconds: Int64 = 3600

  private struct State {
    var open: [UUID: Reservation] = [:]
    /// Counters that are being rebuilt; what is settled meanwhile waits.
    var rebuilding: Set<String> = []
    var deferred: [(Reservation, Int64, Int64)] = []
    /// Counters that may be wrong because a settlement was not confirmed.
    var doubtful: Set<String> = []
  }

  private let redis: RedisPool
  private let store: BudgetStore
  private let ledger: Ledger
  private let metrics: SpendingMetrics
  private let logger: Logger
  private let state = Mutex(State())

  init(redis: RedisPool, store: BudgetStore, ledger: Ledger, metrics: SpendingMetrics, logger: Logger) {
    self.redis = redis
    self.store = store
    self.ledger = ledger
    self.metrics = metrics
    self.logger = logger
  }

  // MARK: Reserve

  /// Sets aside what a call may use at most, in all counters or in none. Throws a `CallFailure` with scope, limit,
  /// spent and reset time when one is too small.
  func reserve(
    _ call: UUID, _ counters: [BudgetCounter], tokens: Int64, nanoUSD: Int64
  ) async throws -> Reservation? {
    guard !counters.isEmpty else { return nil }
    let reservation = Reservation(call: call, counters: counters, tokens: tokens, nanoUSD: nanoUSD)
    var keys: [RedisArgument] = []
    var arguments: [RedisArgument] = []
    for counter in counters {
      keys.append(RedisArgument(counter.key))
      arguments += [
        .integer(reservation.amount(counter)), .integer(counter.limit),
        .integer(counter.end.map { $0 + BudgetGuard.graceSeconds } ?? 0),
      ]
    }
    do {
      for _ in 0..<BudgetGuard.rebuildsMax {
        if let doubtful = state.withLock({ state in counters.first { state.doubtful.contains($0.key) } }) {
          try await rebuild(doubtful, force: true)
        }
        let answer = try await redis.evaluate(BudgetScripts.reserve, keys: keys, arguments: arguments).requireArray()
        guard let verdict = answer.first?.integer else { throw RedisError(.protocolViolation) }
        switch verdict {
        case 0:
          state.withLock { state in
            for (counter, generation) in zip(counters, answer.dropFirst()) {
              reservation.generations[counter.key] = generation.text.flatMap { Int64($0) } ?? 0
            }
            state.open[call] = reservation
          }
          return reservation
        case 1:
          let index = Int(answer[1].integer ?? 1) - 1
          let value = answer[2].text.flatMap { Int64($0) } ?? 0
          metrics.refused.with(counters[index].budget.scope.rawValue).add()
          throw BudgetFault.exhausted(counters[index], spent: value, wanted: reservation.amount(counters[index]))
        default: try await rebuild(counters[Int(answer[1].integer ?? 1) - 1], force: false)
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

  // MARK: Settle

  /// Replaces what was set aside by what was used. Does not wait: the ledger has it already.
  func settle(_ reservation: Reservation, tokens: Int64, nanoUSD: Int64) {
    let isNow = state.withLock { state -> Bool in
      guard !reservation.isSettled else { return false }
      reservation.isSettled = true
      if reservation.counters.contains(where: { state.rebuilding.contains($0.key) }) {
        state.deferred.append((reservation, tokens, nanoUSD))
        return false
      }
      return true
    }
    if isNow { send(reservation, tokens, nanoUSD) }
  }

  /// Adds what was used by a call whose reservation is settled already.
  func charge(_ settled: Reservation, tokens: Int64, nanoUSD: Int64) {
    let late = Reservation(call: UUID.version7(), counters: settled.counters, tokens: 0, nanoUSD: 0)
    late.generations = state.withLock { _ in settled.generations }
    settle(late, tokens: tokens, nanoUSD: nanoUSD)
  }

  private func send(_ reservation: Reservation, _ tokens: Int64, _ nanoUSD: Int64) {
    let arguments = state.withLock { state -> [RedisArgument] in
      state.open[reservation.call] = nil
      return reservation.counters.flatMap { counter -> [RedisArgument] in
        [
          .integer(reservation.generations[counter.key] ?? 0), .integer(reservation.amount(counter)),
          .integer(counter.unit == .tokens ? tokens : nanoUSD),
        ]
      }
    }
    let keys = reservation.counters.map { RedisArgument($0.key) }
    guard let loop = EventLoop.current else { return doubt(reservation) }
    loop.task { [self] in
      do {
        let values = try await redis.evaluate(BudgetScripts.settle, keys: keys, arguments: arguments).requireArray()
        for (counter, value) in zip(reservation.counters, values) { note(counter, value.integer ?? -1) }
      } catch {
        doubt(reservation)
      }
    }
  }

  private func doubt(_ reservation: Reservation) {
    state.withLock { state in for counter in reservation.counters { state.doubtful.insert(counter.key) } }
  }

  private func note(_ counter: BudgetCounter, _ value: Int64) {
    guard value >= 0, counter.limit > 0 else { return }
    let percent = Double(value) / Double(counter.limit) * 100
    if percent >= Double(counter.budget.alertPercent) {
      metrics.alerts.with(counter.budget.scope.rawValue, counter.budget.period.rawValue).add()
    }
  }

  // MARK: Rebuild

  /// Sets a counter from the ledger: all rows of the window but those of open calls, and what these have reserved.
  private func rebuild(_ counter: BudgetCounter, force: Bool) async throws(RedisError) {
    let key = counter.key
    let mine: [Reservation]? = state.withLock { state in
      guard state.rebuilding.insert(key).inserted else { return nil }
      return state.open.values.filter { $0.counters.contains { $0.key == key } }
    }
    guard let mine else {
      // Another call rebuilds it already.
      do { try await EventLoop.sleep(for: .milliseconds(2)) } catch { throw RedisError(.cancelled) }
      return
    }
    defer { finishRebuild(key) }
    let spent: Int64
    do {
      try await ledger.flush()
      spent = try await store.spent(counter, without: mine.map(\.call))
    } catch {
      throw RedisError(.unavailable)
    }
    let reserved = mine.reduce(Int64(0)) { $0 + $1.amount(counter) }
    let generation = Int64.random(in: 1...(1 << 52))
    let isSet = try await redis.evaluate(
      BudgetScripts.rebuild, keys: [RedisArgument(key)],
      arguments: [
        .integer(spent + reserved), .integer(generation),
        .integer(counter.end.map { $0 + BudgetGuard.graceSeconds } ?? 0), .integer(force ? 1 : 0),
      ]
    ).requireInteger()
    metrics.rebuilt.add()
    state.withLock { state in
      state.doubtful.remove(key)
      if isSet == 1 { for reservation in mine { reservation.generations[key] = generation } }
    }
  }

  private func finishRebuild(_ key: String) {
    let ready = state.withLock { state -> [(Reservation, Int64, Int64)] in
      state.rebuilding.remove(key)
      let ready = state.deferred.filter { entry in
        !entry.0.counters.contains { state.rebuilding.contains($0.key) }
      }
      state.deferred.removeAll { entry in !entry.0.counters.contains { state.rebuilding.contains($0.key) } }
      return ready
    }
    for (reservation, tokens, nanoUSD) in ready { send(reservation, tokens, nanoUSD) }
  }

  /// Counters that another process may have left too high are rebuilt at their next use.
  func forget(tenant: String) async throws {
    for try await page in redis.scan(match: RedisArgument("budget:{\(tenant)}:*")) where !page.isEmpty {
      _ = try await redis.del(page.map { RedisArgument($0) })
    }
  }
}
