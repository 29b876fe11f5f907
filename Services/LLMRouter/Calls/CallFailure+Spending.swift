internal import Budgets
internal import HTTPWire
internal import Pricing
internal import Primitives
internal import Routing
internal import Spending

extension CallFailure {
  /// The failure of a call that may not spend.
  init(_ error: SpendingError) {
    switch error {
    case .budgetExhausted(let shortage): self.init(shortage)
    case .rateLimited(let refusal): self.init(refusal)
    case .budgetsUnavailable:
      self.init(
        status: .serviceUnavailable, code: "budget_store_unavailable",
        message:
          "The budget of this call cannot be checked at the moment, so the call was not made. Try again shortly.",
        isRetryable: true, retryAfterSeconds: 1)
    case .rateLimitsUnavailable:
      self.init(
        status: .serviceUnavailable, code: "rate_limit_store_unavailable",
        message: "The rate limits of this call cannot be checked at the moment, so it was not made. Try again shortly.",
        isRetryable: true, retryAfterSeconds: 1)
    }
  }

  /// An exhausted budget, with its scope and limit, what is spent or reserved, and the time of the reset. Budgets that
  /// begin anew answer 429, those that do not 402.
  private init(_ shortage: BudgetShortage) {
    let counter = shortage.counter
    let budget = counter.budget
    let isMoney = counter.unit == .nanoUSD
    func amount(_ value: Int64) -> String { isMoney ? "\(Dollars.text(nanoUSD: value)) USD" : "\(value) tokens" }
    let reset = counter.end.map { Timestamp(unixMicroseconds: $0.multipliedClamped(by: 1_000_000)).description }
    let which = budget.scope == .tenant ? "the tenant" : "\(budget.scope.rawValue) '\(counter.subject.prefix(100))'"
    let each = budget.period == .total ? "" : " per \(budget.period.rawValue)"
    self.init(
      status: counter.end == nil ? .paymentRequired : .tooManyRequests, code: "budget_exceeded",
      message:
        "The budget of \(which) is exhausted: limit \(amount(counter.limit))\(each), "
        + "spent or reserved \(amount(shortage.spent)), needed \(amount(shortage.wanted))"
        + (reset.map { ". It begins anew at \($0)." } ?? "."))
    headers = [
      ("x-cadre-budget", budget.id), ("x-cadre-budget-scope", budget.scope.rawValue),
      ("x-cadre-budget-limit", String(counter.limit)), ("x-cadre-budget-spent", String(shortage.spent)),
      ("x-cadre-budget-unit", counter.unit.rawValue),
    ]
    if let reset { headers.append(("x-cadre-budget-reset", reset)) }
  }

  private init(_ refusal: RateLimitRefusal) {
    let limit = refusal.limit.limit
    let rates = [
      limit.requests.map { "\($0) requests per minute" }, limit.tokens.map { "\($0) tokens per minute" },
      limit.concurrency.map { "\($0) calls at once" },
    ].compactMap { $0 }.joined(separator: ", ")
    let which = limit.scope == .tenant ? "the tenant" : "\(limit.scope.rawValue) '\(refusal.limit.subject.prefix(100))'"
    let why =
      switch refusal.reason {
      case .queueFull: "and too many calls wait already"
      case .notInTime: "and it is not free in time"
      }
    self.init(
      status: .tooManyRequests, code: "rate_limited",
      message: "The rate limit of \(which) is reached (\(rates)), \(why).", isRetryable: true,
      retryAfterSeconds: max(1, (refusal.retryAfterMilliseconds + 999) / 1000), failureClass: .rate)
    headers = [("x-cadre-rate-limit", limit.id), ("x-cadre-rate-limit-scope", limit.scope.rawValue)]
  }
}
