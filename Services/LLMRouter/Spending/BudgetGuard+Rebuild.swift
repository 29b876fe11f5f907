internal import Budgets
internal import Pricing
internal import Primitives
internal import Reactor
internal import Redis
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Whether Redis still has what it had: its run, and a name that is written there once and found again, as long as
/// nothing was lost.
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

  /// Time for building a counter; then another process may begin anew.
  private static let buildingMilliseconds: Int64 = 15_000
  private static let keysMax = 100
  /// Counters that are compared with the ledger in one sweep.
  private static let verifiedMax = 20
  /// So long after their last use counters are compared, in nanoseconds.
  private static let verifiedNanoseconds: UInt64 = 600_000_000_000

  /// Builds a counter from the ledger: all rows of the window but those of open calls, and what these have reserved.
  /// Other processes add their open calls as soon as they see it, which is before it can be used. With `force` an
  /// existing one that is in doubt is thrown away first. Throws `RedisError`.
  func rebuild(_ counter: BudgetCounter, force: Bool) async throws(RedisError) {
    let key = counter.key
    let isMine = state.withLock { $0.rebuilding.insert(key).inserted }
    guard isMine else { return try await waitForRebuild(key) }
    defer { finishRebuild(key) }
    let isDoubtful = state.withLock { state in
      state.holdings.drop(key)
      return state.doubtful.contains(key)
    }
    if force, isDoubtful { try await invalidate([key]) }
    let generation = Int64.random(in: 1...(1 << 52))
    let seeded = try await redis.evaluate(
      BudgetScripts.seed, keys: [RedisArgument(key)],
      arguments: [
        .integer(generation),
        .integer(counter.end.map { $0.addingClamped(BudgetGuard.graceSeconds) } ?? 0),
        .integer(BudgetGuard.buildingMilliseconds),
      ]
    ).requireArray()
    switch seeded.first?.integer {
    case 0: state.withLock { _ = $0.doubtful.remove(key) }
    case 1:
      state.withLock { _ = $0.doubtful.remove(key) }
      try await pause(nanoseconds: 20_000_000)
    default: try await build(counter, generation)
    }
  }

  private func build(_ counter: BudgetCounter, _ generation: Int64) async throws(RedisError) {
    let key = counter.key
    try await waitUntilOthersHaveStopped(key)
    // What is settled from here on waits for the end of the rebuilding.
    let mine = state.withLock { state in
      state.open.values.compactMap { reservation -> (Reservation, Int)? in
        reservation.keys.firstIndex(of: key).flatMap {
          // Those that a sweep has added to the new counter are in it.
          reservation.generations[$0] == generation ? nil : (reservation, $0)
        }
      }
    }
    let open = state.withLock { state in state.open.values.filter { $0.keys.contains(key) }.map(\.call) }
    let spent: Int64
    do {
      try await ledger.flush()
      spent = try await store.spent(counter, without: open)
    } catch {
      throw RedisError(.unavailable)
    }
    let reserved = mine.reduce(Int64(0)) { $0.addingClamped($1.0.amount($1.1)) }
    let isSet = try await redis.evaluate(
      BudgetScripts.finish, keys: [RedisArgument(key)],
      arguments: [.integer(generation), .integer(min(LedgerEntry.amountMax, spent.addingClamped(reserved)))]
    ).requireInteger()
    if isSet == 1 { metrics.rebuilt.add() }
    state.withLock { state in
      state.doubtful.remove(key)
      guard isSet == 1 else { return }
      state.holdings.drop(key)
      for (reservation, index) in mine { reservation.generations[index] = generation }
    }
  }

  /// Another call rebuilds it already.
  private func waitForRebuild(_ key: String) async throws(RedisError) {
    let limit = MonotonicClock.now() &+ 3 * BudgetGuard.settlingNanoseconds
    while MonotonicClock.now() < limit, state.withLock({ $0.rebuilding.contains(key) }) {
      try await pause(nanoseconds: 5_000_000)
    }
  }

  /// Looks whether counters were built anew by others: what is held of the old ones is worth nothing, and open calls
  /// are added to the new ones. Others wait for this before they use a counter that was lost.
  func adoptOpenCalls() async {
    let keys = state.withLock { state -> [String] in
      var keys = Set(state.holdings.keys)
      for reservation in state.open.values { keys.formUnion(reservation.keys) }
      return keys.subtracting(state.rebuilding).subtracting(state.doubtful).sorted()
    }
    for start in stride(from: 0, to: keys.count, by: BudgetGuard.keysMax) {
      let some = Array(keys[start..<min(keys.count, start + BudgetGuard.keysMax)])
      guard
        let found = try? await redis.evaluate(
          BudgetScripts.generations, keys: some.map { RedisArgument($0) }
        ).requireArray(), found.count == some.count
      else { return }
      for (key, value) in zip(some, found) {
        let generation = BudgetGuard.number(value)
        let isOther = state.withLock { state in
          guard !state.rebuilding.contains(key) else { return false }
          if let held = state.holdings.generation(key), held != generation { state.holdings.drop(key) }
          return generation != 0
        }
        if isOther { try? await adopt(key, generation) }
      }
    }
  }

  /// Compares counters that are in use with the ledger: one that has less than what is spent has lost something.
  func verify() async {
    let counters = state.withLock { state -> [BudgetCounter] in
      let now = MonotonicClock.now()
      state.used = state.used.filter { now &- $0.value.usedAt < BudgetGuard.verifiedNanoseconds }
      let some = state.used.values.sorted { $0.verifiedAt < $1.verifiedAt }.prefix(BudgetGuard.verifiedMax)
      for one in some { state.used[one.counter.key]?.verifiedAt = now }
      return some.map(\.counter)
    }
    guard !counters.isEmpty else { return }
    // What was spent before the counters are read is in them.
    var spent: [Int64] = []
    for counter in counters {
      guard let sum = try? await store.spent(counter, without: []) else { return }
      spent.append(sum)
    }
    guard
      let found = try? await redis.evaluate(
        BudgetScripts.values, keys: counters.map { RedisArgument($0.key) }
      ).requireArray(), found.count == counters.count
    else { return }
    for (index, value) in found.enumerated() {
      guard let text = value.text ?? value.integer.map({ String($0) }), let number = Int64(text), number < spent[index]
      else { continue }
      metrics.losses.add()
      doubt([counters[index].key])
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
    let found = try await redis.evaluate(
      BudgetScripts.epoch, keys: [BudgetGuard.epochKey], arguments: [RedisArgument("\(UUID.version7())")]
    ).text
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
