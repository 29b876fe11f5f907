internal import Budgets
internal import HTTPWire
internal import Pricing
internal import Primitives

/// Words for budgets that are exhausted.
enum BudgetFault {
  /// The refusal, with scope, limit, what is spent or set aside, and the time of the reset. Budgets that begin anew
  /// answer 429, those that do not 402.
  static func exhausted(_ counter: BudgetCounter, spent: Int64, wanted: Int64) -> CallFailure {
    let budget = counter.budget
    let isMoney = counter.unit == .nanoUSD
    func words(_ value: Int64) -> String { isMoney ? "\(dollars(value)) USD" : "\(value) tokens" }
    let reset = counter.end.map { Timestamp(unixMicroseconds: $0.multipliedClamped(by: 1_000_000)).description }
    let which = budget.scope == .tenant ? "the tenant" : "\(budget.scope.rawValue) '\(counter.subject.prefix(100))'"
    let each = budget.period == .total ? "" : " per \(budget.period.rawValue)"
    var failure = CallFailure(
      status: counter.end == nil ? .paymentRequired : .tooManyRequests, code: "budget_exceeded",
      message:
        "The budget of \(which) is exhausted: limit \(words(counter.limit))\(each), spent or reserved \(words(spent)), needed \(words(wanted))"
        + (reset.map { ". It begins anew at \($0)." } ?? "."))
    failure.headers = [
      ("x-cadre-budget", budget.id), ("x-cadre-budget-scope", budget.scope.rawValue),
      ("x-cadre-budget-limit", String(counter.limit)), ("x-cadre-budget-spent", String(spent)),
      ("x-cadre-budget-unit", counter.unit.rawValue),
    ]
    if let reset { failure.headers.append(("x-cadre-budget-reset", reset)) }
    return failure
  }

  /// Billionths of a dollar as dollars with six places at least.
  static func dollars(_ nano: Int64) -> String {
    let (whole, rest) = (nano / 1_000_000_000, (nano % 1_000_000_000).magnitude)
    let digits = String(repeating: "0", count: 9 - String(rest).count) + String(rest)
    return "\(whole).\(digits)"
  }
}
