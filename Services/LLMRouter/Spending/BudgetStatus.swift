internal import Budgets
internal import Pricing
internal import Primitives
internal import Redis
internal import SystemSources

/// How a counter stands: limit = spent + reserved + left, while nothing is overspent.
struct BudgetStatus: Sendable {
  let counter: BudgetCounter
  /// By the ledger.
  let spent: Int64
  /// For calls that are under way, and what replicas keep ready for the next.
  let reserved: Int64

  var left: Int64 { max(0, counter.limit.subtractingClamped(spent).subtractingClamped(reserved)) }
}

extension BudgetGuard {
  /// How budgets stand at the moment, each for its own subject or the one that is named; none for those that every
  /// subject has of its own. Without Redis nothing counts as reserved.
  func status(_ budgets: [Budget], subject: String? = nil) async throws -> [String: [BudgetStatus]] {
    let now = WallClock.now().unixMicroseconds / 1_000_000
    let counters = budgets.flatMap { budget -> [BudgetCounter] in
      let name = budget.scope == .tenant ? budget.tenant : budget.subject.isEmpty ? subject ?? "" : budget.subject
      guard !name.isEmpty else { return [] }
      return budget.counters(
        for: CallSubjects(tenant: budget.tenant, names: budget.scope == .tenant ? [:] : [budget.scope: name]), at: now)
    }
    guard !counters.isEmpty else { return [:] }
    try await ledger.flush()
    let spent = try await store.spent(counters)
    var values: [Int64] = []
    for start in stride(from: 0, to: counters.count, by: BudgetGuard.shownMax) {
      let some = counters[start..<min(counters.count, start + BudgetGuard.shownMax)]
      let found =
        (try? await redis.evaluate(BudgetScripts.values, keys: some.map { RedisArgument($0.key) }).requireArray()) ?? []
      values += some.indices.map { found.count == some.count ? BudgetGuard.number(found[$0 - start]) : 0 }
    }
    var status: [String: [BudgetStatus]] = [:]
    for (index, counter) in counters.enumerated() {
      let reserved = max(0, values[index].subtractingClamped(spent[index]))
      status[counter.budget.id, default: []].append(
        BudgetStatus(counter: counter, spent: spent[index], reserved: reserved))
    }
    return status
  }

  private static let shownMax = 200
}
