internal import Budgets
internal import HTTPWire
internal import JSON
internal import Pricing
internal import Primitives
internal import Routing

extension CallService {
  /// What a call is going to do: its plan, and what that may use at most.
  ///
  /// `@unchecked Sendable`: used by the task of one call only.
  final class Intent: @unchecked Sendable {
    var plan: RoutePlan
    var counters: [BudgetCounter] = []
    var tokens: Int64 = 0
    var nanoUSD: Int64 = 0
    var reservation: Reservation?

    init(_ plan: RoutePlan) { self.plan = plan }
  }

  /// Finds the counters that the call has to fit into, and what it may use at most. On money budgets models without a
  /// price are left out of the plan.
  @inline(never)
  func intent(_ call: Prepared) throws(CallFailure) -> Intent {
    let intent = Intent(call.plan)
    let subjects = call.subjects
    var budgets = call.snapshot.budgets[subjects.tenant] ?? []
    if let own = call.caller.ownBudget { budgets.append(own) }
    guard !budgets.isEmpty else { return intent }
    let now = WallClock.now().unixMicroseconds / 1_000_000
    intent.counters = budgets.flatMap { $0.counters(for: subjects, at: now) }
    guard !intent.counters.isEmpty else { return intent }
    if intent.counters.contains(where: { $0.unit == .nanoUSD }), !limits.allowsUnpriced {
      intent.plan.targets.removeAll { $0.price == nil }
      intent.plan.contextFallbacks.removeAll { $0.price == nil }
      intent.plan.contentFallbacks.removeAll { $0.price == nil }
      intent.plan.escalation.removeAll { $0.price == nil }
      guard !intent.plan.targets.isEmpty else {
        throw CallFailure(
          status: .paymentRequired, code: "price_unknown",
          message: "The price of this model is not known, so it cannot be called on a budget in money. Set its price.")
      }
    }
    let plan = intent.plan
    for target in plan.targets + plan.contextFallbacks + plan.contentFallbacks {
      let (tokens, nano) = worst(call, target)
      intent.tokens = max(intent.tokens, tokens)
      intent.nanoUSD = max(intent.nanoUSD, nano)
    }
    // Two at the same time, and answers that do not pass, are paid for as well.
    if plan.hedgeMilliseconds != nil, plan.targets.count > 1 {
      intent.tokens *= 2
      intent.nanoUSD *= 2
    }
    if call.check != nil {
      for target in plan.escalation {
        let (tokens, nano) = worst(call, target)
        intent.tokens += tokens
        intent.nanoUSD += nano
      }
    }
    return intent
  }

  /// The most that a target can use for a call.
  private func worst(_ call: Prepared, _ target: ModelTarget) -> (tokens: Int64, nanoUSD: Int64) {
    let answers = max(1, min(128, call.asked.document.root["n"]?.int ?? 1))
    let output = answers * (call.asked.outputTokens ?? target.outputTokensMax ?? limits.outputTokens)
    let prompt = call.asked.promptTokens
    return (prompt + output, target.price?.nanoUSDMax(prompt: prompt, output: output) ?? 0)
  }
}
