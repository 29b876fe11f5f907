package import Budgets
package import Primitives

/// What a call has reserved in the counters of its budgets.
package struct Reservation: Sendable {
  /// The call, or the part of a call that the reservation is for.
  package let call: UUID
  /// The counters, each with the amount in its own unit.
  package let counters: [BudgetCounter]
  /// Tokens, prompt and answer together.
  package let tokens: Int64
  /// Billionths of a US dollar.
  package let nanoUSD: Int64
  /// The names of the counters in the store.
  let keys: [String]

  init(call: UUID, counters: [BudgetCounter], tokens: Int64, nanoUSD: Int64) {
    self.call = call
    self.counters = counters
    keys = counters.map(\.key)
    self.tokens = tokens
    self.nanoUSD = nanoUSD
  }

  /// What is reserved in the counter at `index`.
  func amount(_ index: Int) -> Int64 { counters[index].unit == .tokens ? tokens : nanoUSD }
}
