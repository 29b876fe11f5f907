internal import Budgets
package import Ledger
internal import Primitives

/// What budget counters are rebuilt from. Everything throws when the ledger cannot be read.
protocol SpentSource: Sendable {
  /// Writes what has ended until now.
  func flush() async throws
  /// What a counter has spent, without some calls and their attempts.
  func spent(_ counter: BudgetCounter, without calls: [UUID]) async throws -> Int64
  /// What counters of one tenant have spent, in their order.
  func spent(_ counters: [BudgetCounter]) async throws -> [Int64]
}

/// The ledger: its table, with the calls of this process that are not in it yet.
package struct LedgerSpentSource: SpentSource {
  private let writer: LedgerWriter
  private let store: SpentStore

  /// The ledger that a writer writes.
  package init(writer: LedgerWriter, store: SpentStore) {
    self.writer = writer
    self.store = store
  }

  func flush() async throws { try await writer.flush() }

  func spent(_ counter: BudgetCounter, without calls: [UUID]) async throws -> Int64 {
    try await store.spent(counter, without: calls)
  }

  func spent(_ counters: [BudgetCounter]) async throws -> [Int64] { try await store.spent(counters) }
}
