package import Budgets
internal import Primitives
internal import Redis
internal import SystemSources

/// How a counter stands: limit = spent + reserved + left, while nothing is overspent.
package struct BudgetStatus: Sendable {
  package let counter: BudgetCounter
  /// By the ledger.
  package let spent: Int64
  /// For calls that are under way, and prefetched by replicas for the next.
  package let reserved: Int64

  /// What another call can use.
  package var left: Int64 { max(0, counter.limit.subtractingClamped(spent).subtractingClamped(reserved)) }
}

extension BudgetGuard {
  private static let statusKeysMax = 200

  /// How budgets stand at the moment, each for its own subject or the one that is named; none for those that every
  /// subject has of its own. Without Redis nothing counts as reserved.
  package func status(_ budgets: [Budget], subject: String? = nil) async throws -> [String: [BudgetStatus]] {
    let now = clock.seconds()
    let counters = budgets.flatMap { budget -> [BudgetCounter] in
      let name = budget.scope == .tenant ? budget.tenant : budget.subject.isEmpty ? subject ?? "" : budget.subject
      guard !name.isEmpty else { return [] }
      return budget.counters(
        for: CallSubjects(tenant: budget.tenant, names: budget.scope == .tenant ? [:] : [budget.scope: name]), at: now)
    }
    guard !counters.isEmpty else { return [:] }
    try await source.flush()
    let spent = try await source.spent(counters)
    var values: [Int64?] = []
    for start in stride(from: 0, to: counters.count, by: BudgetGuard.statusKeysMax) {
      let some = counters[start..<min(counters.count, start + BudgetGuard.statusKeysMax)].map(\.key)
      values += (try? await self.counters.values(some)) ?? Array(repeating: nil, count: some.count)
    }
    var status: [String: [BudgetStatus]] = [:]
    for (index, counter) in counters.enumerated() {
      let reserved = max(0, (values[index] ?? 0).subtractingClamped(spent[index]))
      status[counter.budget.id, default: []].append(
        BudgetStatus(counter: counter, spent: spent[index], reserved: reserved))
    }
    return status
  }
}
