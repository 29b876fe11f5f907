internal import Budgets

/// A counter in which less is left than a call can use.
struct BudgetShortage: Error, Sendable {
  let counter: BudgetCounter
  /// What is spent or reserved for calls.
  let spent: Int64
  let wanted: Int64
}
