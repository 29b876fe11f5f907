internal import Budgets
internal import Primitives

/// What a call has used, in the units of counters.
struct BudgetAmounts: Sendable, Equatable {
  var tokens: Int64
  var nanoUSD: Int64

  subscript(_ unit: BudgetCounter.Unit) -> Int64 { unit == .tokens ? tokens : nanoUSD }
}

/// What a call takes of prefetched quota before it asks the store. Generation 0: there was no quota.
struct QuotaPart: Sendable, Equatable {
  let taken: Int64
  let generation: Int64
}

/// A change of a counter in the store: `reserved` is not reserved any more, `used` is spent.
struct QuotaReturn: Sendable, Equatable {
  let key: String
  let generation: Int64
  let reserved: Int64
  let used: Int64
}

/// What the guard has to do after an answer of the store.
enum ReserveStep: Sendable {
  /// Reserved. Earlier reservations of this process may be missing in these counters.
  case reserved([(key: String, generation: Int64)])
  /// Less is left than the call can use.
  case exhausted(BudgetShortage)
  /// Rebuild the counter at an index and ask again; it counts as an attempt unless another process builds it already.
  case rebuild(Int, isAttempt: Bool)
  /// Add open reservations to a counter that another process has rebuilt, and ask again.
  case addOpen(key: String, generation: Int64)
  /// Ask again.
  case retry
}

/// What comes of calls that have ended.
struct Settled: Sendable {
  var returns: [QuotaReturn] = []
  /// Counters that are beyond their alert threshold.
  var alerts: [BudgetCounter] = []
}

/// An open reservation that is part of a counter that is being built.
struct IncludedReservation: Sendable, Equatable {
  let call: UUID
  let index: Int
  let amount: Int64
}
