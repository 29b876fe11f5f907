internal import Budgets
internal import Primitives
internal import Reactor
internal import Redis
internal import Synchronization
internal import Telemetry

/// Whether Redis still has what it had: a name that is written there once and found again, as long as nothing was lost.
struct BudgetEpoch: Sendable {
  var name: String?
  /// When it was first seen, in monotonic nanoseconds.
  var since: UInt64 = 0
}

/// Counters that are missing or in doubt are made anew from the ledger.
extension BudgetGuard {
  private static let epochKey = RedisArgument("budget:epoch")
  /// The windows's counters outlive them, for calls that began in them.
  private static let graceSeconds: Int64 = 3600
  /// After this time no process spends what it held of a counter that is gone, and what it has spent is in the ledger.
  private static let settlingNanoseconds: UInt64 = Holdings.validNanoseconds + 150_000_000

  /// Sets a counter from the ledger: all rows of the window but those of open calls, and what these have reserved. With
  /// `force` an existing one is thrown away first. Throws `RedisError`.
  func rebuild(_ counter: BudgetCounter, force: Bool) async throws(RedisError) {
    let key = counter.key
    let isMine = state.withLock { $0.rebuilding.insert(key).inserted }
    guard isMine else {
      // Another call rebuilds it already.
      let limit = MonotonicClock.now() &+ 3 * BudgetGuard.settlingNanoseconds
      while MonotonicClock.now() < limit, state.withLock({ $0.rebuilding.contains(key) }) {
        try await pause(nanoseconds: 5_000_000)
      }
      return
    }
    defer { finishRebuild(key) }
    let isDoubtful = state.withLock { $0.doubtful.contains(key) }
    if force, isDoubtful { try await invalidate([key]) }
    try await waitUntilOthersHaveStopped(key)
    let mine = state.withLock { state in
      state.open.values.compactMap { reservation -> (Reservation, Int)? in
        reservation.keys.firstIndex(of: key).map { (reservation, $0) }
      }
    }
    let spent: Int64
    do {
      try await ledger.flush()
      spent = try await store.spent(counter, without: mine.map { $0.0.call })
    } catch {
      throw RedisError(.unavailable)
    }
    let reserved = mine.reduce(Int64(0)) { $0 + $1.0.amount($1.1) }
    let generation = Int64.random(in: 1...(1 << 52))
    let isSet = try await redis.evaluate(
      BudgetScripts.rebuild, keys: [RedisArgument(key)],
      arguments: [
        .integer(spent + reserved), .integer(generation),
        .integer(counter.end.map { $0 + BudgetGuard.graceSeconds } ?? 0),
      ]
    ).requireInteger()
    if isSet == 1 { metrics.rebuilt.add() }
    state.withLock { state in
      state.doubtful.remove(key)
      // Who comes late finds the counter there, and what is held of it stands.
      guard isSet == 1 else { return }
      state.holdings.drop(key)
      for (reservation, index) in mine { reservation.generations[index] = generation }
    }
  }

  /// A counter that was never there can be made at once. One that was lost, or thrown away, has to wait for those who
  /// may still spend what they held of it.
  private func waitUntilOthersHaveStopped(_ key: String) async throws(RedisError) {
    let since = try await seen()
    let now = MonotonicClock.now()
    let end = since &+ BudgetGuard.settlingNanoseconds
    if now < end { try await pause(nanoseconds: end - now) }
    let wait = try await redis.send(RedisCommand(["PTTL", RedisArgument(key + ":wait")])).integer ?? 0
    if wait > 0 { try await pause(nanoseconds: UInt64(min(wait, 5000)) * 1_000_000) }
  }

  /// Since when Redis is known not to have lost anything.
  private func seen() async throws(RedisError) -> UInt64 {
    let own = "\(UUID.version7())"
    let set = try await redis.send(RedisCommand(["SET", BudgetGuard.epochKey, RedisArgument(own), "NX", "GET"]))
    let found = set.text ?? own
    let now = MonotonicClock.now()
    return state.withLock { state in
      if state.epoch.name != found { state.epoch = BudgetEpoch(name: found, since: now) }
      return state.epoch.since
    }
  }

  private func pause(nanoseconds: UInt64) async throws(RedisError) {
    do { try await EventLoop.sleep(for: .nanoseconds(Int64(clamping: nanoseconds))) } catch {
      throw RedisError(.cancelled)
    }
  }

  private func invalidate(_ keys: [String]) async throws(RedisError) {
    _ = try await redis.evaluate(
      BudgetScripts.invalidate, keys: keys.map { RedisArgument($0) },
      arguments: [.integer(Int64(BudgetGuard.settlingNanoseconds / 1_000_000))])
  }

  private func finishRebuild(_ key: String) {
    let ready = state.withLock { state -> [(Reservation, Int64, Int64)] in
      state.rebuilding.remove(key)
      let waits = state.rebuilding
      let ready = state.deferred.filter { !$0.0.keys.contains { waits.contains($0) } }
      state.deferred.removeAll { !$0.0.keys.contains { waits.contains($0) } }
      return ready
    }
    for (reservation, tokens, nanoUSD) in ready { close(reservation, tokens, nanoUSD) }
  }

  /// Learns at the start what Redis has, so that counters that are new need not wait.
  func prepare() async {
    _ = try? await seen()
  }

  /// Counters that another process may have left too high are rebuilt at their next use.
  func forget(tenant: String) async throws {
    for try await page in redis.scan(match: RedisArgument("budget:{\(tenant)}:*")) {
      let keys = page.map { String(decoding: $0, as: UTF8.self) }.filter { !$0.hasSuffix(":wait") }
      if !keys.isEmpty { try await invalidate(keys) }
    }
  }
}
