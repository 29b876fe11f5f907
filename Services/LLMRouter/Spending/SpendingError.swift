package import Budgets

/// Why a call may not be made: what it would spend, or how often it comes. The caller of these modules chooses the HTTP
/// status.
package enum SpendingError: Error, Sendable {
  /// A budget has less left than the call can use.
  case budgetExhausted(BudgetShortage)
  /// A rate limit lets no further call pass in time.
  case rateLimited(RateLimitRefusal)
  /// The budgets of the call cannot be checked: Redis is away, or the ledger cannot be read.
  case budgetsUnavailable
  /// The rate limits of the call cannot be checked: Redis is away.
  case rateLimitsUnavailable
}

/// A counter in which less is left than a call can use.
package struct BudgetShortage: Sendable, Hashable {
  /// The counter.
  package let counter: BudgetCounter
  /// What is spent or reserved for calls.
  package let spent: Int64
  /// What the call needs.
  package let wanted: Int64
}

/// A rate limit that is reached.
package struct RateLimitRefusal: Sendable, Hashable {
  /// Why the call does not wait for it.
  package enum Reason: Sendable, Hashable {
    /// Too many calls wait already.
    case queueFull
    /// The limit does not let the call pass before its deadline.
    case notInTime
  }

  /// The limit with the subject that it is applied to.
  package let limit: AppliedRateLimit
  /// When another try is worth while.
  package let retryAfterMilliseconds: Int64
  /// Why the call does not wait.
  package let reason: Reason
}
