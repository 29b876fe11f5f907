internal import Budgets
internal import Contracts
internal import Dialects
internal import HTTPWire
internal import JSON
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Routing
internal import Spending
internal import SystemSources

extension CallService {
  /// The maximum cost of a call: its plan, and what that may use at most.
  ///
  /// `@unchecked Sendable`: used by the task of one call only.
  final class CostBound: @unchecked Sendable {
    var plan: RoutePlan
    var counters: [BudgetCounter] = []
    /// The most that it can use.
    var tokens: Int64 = 0
    var nanoUSD: Int64 = 0
    var reservation: Reservation?
    /// The bound of the answer, when a budget has lowered it.
    var loweredTo: Int64?

    init(_ plan: RoutePlan) { self.plan = plan }
  }

  /// Finds the counters that the call has to fit into, and what it may use at most. On money budgets models without a
  /// price are left out of the plan.
  @inline(never)
  func costBound(_ call: PreparedCall) throws(CallFailure) -> CostBound {
    let cost = CostBound(call.plan)
    let subjects = call.subjects
    var budgets = call.snapshot.budgets[subjects.tenant] ?? []
    if let own = call.caller.ownBudget { budgets.append(own) }
    if !budgets.isEmpty {
      let now = WallClock.now().unixMicroseconds / 1_000_000
      cost.counters = budgets.flatMap { $0.counters(for: subjects, at: now) }
    }
    if !cost.counters.isEmpty {
      if let reason = UnboundedContent.of(call.request.document.root, call.request.dialect) {
        throw CallFailure(
          status: .badRequest, code: "unbounded_request",
          message:
            "\(reason.sentence) What this costs cannot be bounded beforehand, so it is not possible on a budget.",
          parameter: reason.parameter)
      }
      if cost.counters.contains(where: { $0.unit == .nanoUSD }), !limits.allowsUnpriced {
        try CallService.keepPriced(&cost.plan)
      }
    }
    bound(cost, call, answer: call.request.outputTokens)
    return cost
  }

  private static func keepPriced(_ plan: inout RoutePlan) throws(CallFailure) {
    plan.targets.removeAll { $0.price == nil }
    plan.contextFallbacks.removeAll { $0.price == nil }
    plan.contentFallbacks.removeAll { $0.price == nil }
    plan.escalation.removeAll { $0.price == nil }
    guard plan.targets.isEmpty else { return }
    throw CallFailure(
      status: .paymentRequired, code: "price_unknown",
      message: "The price of this model is not known, so it cannot be called on a budget in money. Set its price.")
  }

  /// The most that the call can use with a bound of its answer; nil: that of the model.
  private func bound(_ cost: CostBound, _ call: PreparedCall, answer: Int64?) {
    let plan = cost.plan
    (cost.tokens, cost.nanoUSD) = (0, 0)
    let root = call.request.document.root
    // An image by name or a document in the request is no text; a provider counts its pages.
    let prompt =
      cost.counters.isEmpty
      ? call.request.promptTokens : call.request.promptTokens.addingClamped(TokenEstimate.documents(root))
    let answers = call.request.answers
    func worst(_ target: ModelTarget) -> (tokens: Int64, nanoUSD: Int64) {
      let output = answers.multipliedClamped(by: answer ?? target.outputTokensMax ?? limits.outputTokens)
      let kind = call.snapshot.providers[target.provider]?.kind.rawValue ?? ""
      let factor = max(100, ServiceTier(root["service_tier"]?.string).factor(kind: kind).percent)
      let nano = target.price?.nanoUSDMax(prompt: prompt, output: output) ?? 0
      return (prompt.addingClamped(output), Int64(clamping: (Int128(nano) * Int128(factor) + 99) / 100))
    }
    for target in plan.targets + plan.contextFallbacks + plan.contentFallbacks {
      let (tokens, nano) = worst(target)
      cost.tokens = max(cost.tokens, tokens)
      cost.nanoUSD = max(cost.nanoUSD, nano)
    }
    // Two at the same time, and answers that do not pass, are paid for as well.
    if plan.hedgeMilliseconds != nil, plan.targets.count > 1 {
      cost.tokens = cost.tokens.multipliedClamped(by: 2)
      cost.nanoUSD = cost.nanoUSD.multipliedClamped(by: 2)
    }
    if call.check != nil {
      for target in plan.escalation {
        let (tokens, nano) = worst(target)
        cost.tokens = cost.tokens.addingClamped(tokens)
        cost.nanoUSD = cost.nanoUSD.addingClamped(nano)
      }
    }
  }

  // MARK: Reserving

  /// Lowered bounds that are tried: other calls may take what was left meanwhile.
  private static let loweringsMax = 4

  /// Reserves what the call can use at most. Where that is not left, the bound of the answer is lowered to what is,
  /// down to the shortest answer that is worth a call. Throws the refusal as a `CallFailure`.
  func reserve(_ cost: CostBound, _ call: PreparedCall) async throws {
    guard !cost.counters.isEmpty else { return }
    var lowerings = 0
    while true {
      do {
        cost.reservation = try await budgets.reserve(
          call.account.id.uuid, cost.counters, tokens: cost.tokens, nanoUSD: cost.nanoUSD)
        return
      } catch let error as SpendingError {
        guard case .budgetExhausted(let shortage) = error else { throw CallFailure(error) }
        lowerings += 1
        guard lowerings <= CallService.loweringsMax, lower(cost, call, shortage) else {
          throw refusal(error)
        }
      }
    }
  }

  private func refusal(_ error: SpendingError) -> CallFailure {
    if case .budgetExhausted(let shortage) = error { budgets.countRefusal(shortage) }
    return CallFailure(error)
  }

  /// Lowers the bound of the answer until the call fits into what is left. Returns false when none does.
  private func lower(_ cost: CostBound, _ call: PreparedCall, _ shortage: BudgetShortage) -> Bool {
    guard call.request.dialect != .embeddings else { return false }
    let left = shortage.counter.limit.subtractingClamped(shortage.spent)
    let current =
      cost.loweredTo ?? call.request.outputTokens
      ?? (cost.plan.targets.map { $0.outputTokensMax ?? limits.outputTokens }.max() ?? limits.outputTokens)
    func fits(_ answer: Int64) -> Bool {
      bound(cost, call, answer: answer)
      return (shortage.counter.unit == .tokens ? cost.tokens : cost.nanoUSD) <= left
    }
    var (low, high) = (call.request.answerTokensMin, current - 1)
    guard low <= high, fits(low) else { return false }
    // The largest that fits.
    while low < high {
      let middle = low + (high - low + 1) / 2
      if fits(middle) { low = middle } else { high = middle - 1 }
    }
    bound(cost, call, answer: low)
    cost.loweredTo = low
    return true
  }

  /// Reserves anew what attempts that failed are charged, so that another one fits in. Throws the refusal.
  func coverCharges(_ call: PreparedCall) async throws {
    guard let charged = call.account.uncovered() else { return }
    do {
      guard
        let more = try await budgets.reserve(
          UUID.version7(), charged.counters.counters, tokens: charged.tokens, nanoUSD: charged.nanoUSD)
      else { return }
      if !call.account.cover(more) { budgets.settle(more, tokens: 0, nanoUSD: 0) }
    } catch let error as SpendingError {
      throw refusal(error)
    }
  }
}
