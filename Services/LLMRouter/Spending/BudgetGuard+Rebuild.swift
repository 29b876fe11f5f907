internal import Budgets
internal import Ledger
internal import Primitives
internal import Redis
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Counters that are missing or unverified are rebuilt from the ledger.
extension BudgetGuard {
  /// The counter of a window outlives it, for calls that began in it.
  private static let graceSeconds: Int64 = 3600
  /// After this time no process spends its quota of a counter that is gone, and what it has spent is in the ledger.
  static let settlingNanoseconds: UInt64 = PrefetchedQuota.validNanoseconds + 150_000_000
  private static let settlingMilliseconds = Int64(settlingNanoseconds / 1_000_000)
  /// Time for building a counter; then another process may begin anew.
  private static let buildingMilliseconds: Int64 = 15_000
  private static let keysMax = 100
  /// Pauses while another process, or another call of this one, builds a counter.
  private static let otherProcessNanoseconds: UInt64 = 20_000_000
  private static let otherCallNanoseconds: UInt64 = 5_000_000
  private static let waitMillisecondsMax: Int64 = 5000
  /// Generations are exact in Lua's numbers.
  private static let generationMax: Int64 = 1 << 52

  /// Builds a counter from the ledger: all rows of the window but those of open calls, and what these have reserved.
  /// Other processes add their open calls as soon as they see it, which is before it can be used. With `force` an
  /// existing one that is unverified is thrown away first. Throws `RedisError`.
  func rebuild(_ counter: BudgetCounter, force: Bool) async throws {
    let key = counter.key
    guard case .begin(let isUnverified) = state.withLock({ $0.beginRebuild(key) }) else {
      return try await waitForRebuild(key)
    }
    defer { endRebuild(key) }
    if force, isUnverified { try await counters.invalidate([key], milliseconds: BudgetGuard.settlingMilliseconds) }
    let generation = Int64.random(in: 1...BudgetGuard.generationMax)
    switch try await counters.seed(
      key, generation: generation, end: counter.end.map { $0.addingClamped(BudgetGuard.graceSeconds) },
      milliseconds: BudgetGuard.buildingMilliseconds)
    {
    case .present: state.withLock { $0.markVerified(key) }
    case .building:
      state.withLock { $0.markVerified(key) }
      try await pause(nanoseconds: BudgetGuard.otherProcessNanoseconds)
    case .begun: try await build(counter, generation)
    }
  }

  private func build(_ counter: BudgetCounter, _ generation: Int64) async throws {
    let key = counter.key
    try await waitForOthersToStop(counter)
    // What is settled from here on waits for the end of the rebuild. What a sweep has added to the new counter is in
    // it.
    let included = state.withLock { $0.reservationsToInclude(in: key, generation: generation) }
    let open = state.withLock { $0.openCalls(in: key) }
    let spent: Int64
    do {
      try await source.flush()
      spent = try await source.spent(counter, without: open)
    } catch {
      throw RedisError(.unavailable)
    }
    let reserved = included.reduce(Int64(0)) { $0.addingClamped($1.amount) }
    let value = min(LedgerEntry.amountMax, spent.addingClamped(reserved))
    let isInPlace = try await counters.finish(key, generation: generation, value: value)
    if isInPlace { metrics.rebuilt.add() }
    state.withLock { $0.built(key, generation: generation, including: included, isInPlace: isInPlace) }
  }

  /// Another call rebuilds it already.
  private func waitForRebuild(_ key: String) async throws {
    let limit = clock.now() &+ 3 * BudgetGuard.settlingNanoseconds
    while clock.now() < limit, state.withLock({ $0.isRebuilding(key) }) {
      try await pause(nanoseconds: BudgetGuard.otherCallNanoseconds)
    }
  }

  private func endRebuild(_ key: String) {
    let now = clock.now()
    perform(state.withLock { $0.endRebuild(key, at: now) })
  }

  /// A counter that was never there can be built at once. One that was lost, or thrown away, has to wait for those who
  /// may still spend their quota of it.
  private func waitForOthersToStop(_ counter: BudgetCounter) async throws {
    let since = try await unbrokenSince(tenant: counter.budget.tenant)
    let now = clock.now()
    let end = since &+ BudgetGuard.settlingNanoseconds
    if now < end { try await pause(nanoseconds: end - now) }
    let wait = try await counters.milliseconds(beforeBuilding: counter.key)
    if wait > 0 { try await pause(nanoseconds: UInt64(min(wait, BudgetGuard.waitMillisecondsMax)) * 1_000_000) }
  }

  /// Since when the store, or the part that has a tenant's counters, is known not to have lost anything.
  private func unbrokenSince(tenant: String?) async throws -> UInt64 {
    let epoch = try await counters.epoch(tenant: tenant)
    let now = clock.now()
    switch epoch {
    case .named(let name): return state.withLock { $0.observedEpoch(name, at: now) }
    case .since(let milliseconds):
      let nanoseconds = UInt64(clamping: milliseconds).multipliedReportingOverflow(by: 1_000_000)
      return nanoseconds.overflow || nanoseconds.partialValue > now ? 0 : now - nanoseconds.partialValue
    case nil: return now
    }
  }

  private func pause(nanoseconds: UInt64) async throws {
    do { try await clock.sleep(nanoseconds) } catch { throw RedisError(.cancelled) }
  }

  /// Looks whether counters were rebuilt by others: quota of the old ones is worth nothing, and open reservations are
  /// added to the new ones. Others wait for this before they use a counter that was lost.
  func checkGenerations() async {
    let keys = state.withLock { $0.keysToCheck }
    for start in stride(from: 0, to: keys.count, by: BudgetGuard.keysMax) {
      let some = Array(keys[start..<min(keys.count, start + BudgetGuard.keysMax)])
      guard let found = try? await counters.generations(some) else { return }
      for (key, generation) in zip(some, found) {
        if state.withLock({ $0.observed(key, generation: generation) }) {
          try? await addOpenReservations(to: key, generation)
        }
      }
    }
  }

  /// Compares counters that are in use with the ledger: one that has less than what is spent has lost something.
  func verify() async {
    let now = clock.now()
    let some = state.withLock { $0.countersToVerify(at: now) }
    guard !some.isEmpty else { return }
    // What was spent before the counters are read is in them.
    var spent: [Int64] = []
    for counter in some {
      guard let sum = try? await source.spent(counter, without: []) else { return }
      spent.append(sum)
    }
    guard let found = try? await counters.values(some.map(\.key)) else { return }
    for (index, value) in found.enumerated() {
      guard let value, value < spent[index] else { continue }
      metrics.losses.add()
      markUnverified([some[index].key])
    }
  }

  /// Learns at the start what the store has, so that counters that are new need not wait.
  package func prepare() async { _ = try? await unbrokenSince(tenant: nil) }

  /// Counters that another process may have left too high are rebuilt at their next use.
  package func invalidate(tenant: String) async throws {
    try await counters.invalidate(tenant: tenant, milliseconds: BudgetGuard.settlingMilliseconds)
  }
}
