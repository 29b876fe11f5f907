package import Budgets
internal import Primitives

/// What a call has set aside in the counters of its budgets.
///
/// `@unchecked Sendable`: the mutable parts are touched under the lock of `BudgetGuard` only.
package final class Reservation: @unchecked Sendable {
  let call: UUID
  package let counters: [BudgetCounter]
  /// The names of the counters.
  let keys: [String]
  package let tokens: Int64
  package let nanoUSD: Int64
  /// The generation of each counter that holds the reservation.
  var generations: [Int64]
  var isSettled = false

  init(call: UUID, counters: [BudgetCounter], tokens: Int64, nanoUSD: Int64) {
    self.call = call
    self.counters = counters
    keys = counters.map(\.key)
    self.tokens = tokens
    self.nanoUSD = nanoUSD
    generations = Array(repeating: 0, count: counters.count)
  }

  func amount(_ index: Int) -> Int64 { counters[index].unit == .tokens ? tokens : nanoUSD }
}
