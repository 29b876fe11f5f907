internal import Budgets
internal import Contracts
internal import Dialects
internal import HTTPWire
internal import JSON
internal import Pricing
internal import Primitives
internal import Routing
internal import SystemSources

extension CallService {
  /// What a call is going to do: its plan, and what that may use at most.
  ///
  /// `@unchecked Sendable`: used by the task of one call only.
  final class Intent: @unchecked Sendable {
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
  func intent(_ call: Prepared) throws(CallFailure) -> Intent {
    let intent = Intent(call.plan)
    let subjects = call.subjects
    var budgets = call.snapshot.budgets[subjects.tenant] ?? []
    if let own = call.caller.ownBudget { budgets.append(own) }
    if !budgets.isEmpty {
      let now = WallClock.now().unixMicroseconds / 1_000_000
      intent.counters = budgets.flatMap { $0.counters(for: subjects, at: now) }
    }
    if !intent.counters.isEmpty {
      if let reason = Boundlessness.of(call.asked.document.root, call.asked.dialect) {
        throw CallFailure(
          status: .badRequest, code: "unbounded_request",
          message:
            "\(reason.sentence) What this costs cannot be bounded beforehand, so it is not possible on a budget.",
          parameter: reason.parameter)
      }
      if intent.counters.contains(where: { $0.unit == .nanoUSD }), !limits.allowsUnpriced {
        try CallService.keepPriced(&intent.plan)
      }
    }
    bound(intent, call, answer: call.asked.outputTokens)
    return intent
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
  private func bound(_ intent: Intent, _ call: Prepared, answer: Int64?) {
    let plan = intent.plan
    (intent.tokens, intent.nanoUSD) = (0, 0)
    let root = call.asked.document.root
    // An image by name or a document in the request is no text; a provider counts its pages.
    let prompt =
      intent.counters.isEmpty
      ? call.asked.promptTokens : call.asked.promptTokens.addingClamped(TokenEstimate.documents(root))
    let answers = call.asked.answers
    func worst(_ target: ModelTarget) -> (tokens: Int64, nanoUSD: Int64) {
      let output = answers.multipliedClamped(by: answer ?? target.outputTokensMax ?? limits.outputTokens)
      let kind = call.snapshot.providers[target.provider]?.kind.rawValue ?? ""
      let factor = max(100, ServiceTier(root["service_tier"]?.string).factor(kind: kind).percent)
      let nano = target.price?.nanoUSDMax(prompt: prompt, output: output) ?? 0
      return (prompt.addingClamped(output), Int64(clamping: (Int128(nano) * Int128(factor) + 99) / 100))
    }
    for target in plan.targets + plan.contextFallbacks + plan.contentFallbacks {
      let (tokens, nano) = worst(target)
      intent.tokens = max(intent.tokens, tokens)
      intent.nanoUSD = max(intent.nanoUSD, nano)
    }
    // Two at the same time, and answers that do not pass, are paid for as well.
    if plan.hedgeMilliseconds != nil, plan.targets.count > 1 {
      intent.tokens = intent.tokens.multipliedClamped(by: 2)
      intent.nanoUSD = intent.nanoUSD.multipliedClamped(by: 2)
    }
    if call.check != nil {
      for target in plan.escalation {
        let (tokens, nano) = worst(target)
        intent.tokens = intent.tokens.addingClamped(tokens)
        intent.nanoUSD = intent.nanoUSD.addingClamped(nano)
      }
    }
  }

  // MARK: Reserving

  /// Lowered bounds that are tried: other calls may take what was left meanwhile.
  private static let loweringsMax = 4

  /// Reserves what the call can use at most. Where that is not left, the bound of the answer is lowered to what is,
  /// down to the shortest answer that is worth a call. Throws the refusal as a `CallFailure`.
  func reserve(_ intent: Intent, _ call: Prepared) async throws {
    guard !intent.counters.isEmpty else { return }
    var lowerings = 0
    while true {
      do {
        intent.reservation = try await budgets.reserve(
          call.record.id.uuid, intent.counters, tokens: intent.tokens, nanoUSD: intent.nanoUSD)
        return
      } catch let shortage as BudgetShortage {
        lowerings += 1
        guard lowerings <= CallService.loweringsMax, lower(intent, call, shortage) else {
          throw budgets.refusal(shortage)
        }
      }
    }
  }

  /// Lowers the bound of the answer until the call fits into what is left. Returns false when none does.
  private func lower(_ intent: Intent, _ call: Prepared, _ shortage: BudgetShortage) -> Bool {
    guard call.asked.dialect != .embeddings else { return false }
    let left = shortage.counter.limit.subtractingClamped(shortage.spent)
    let current =
      intent.loweredTo ?? call.asked.outputTokens
      ?? (intent.plan.targets.map { $0.outputTokensMax ?? limits.outputTokens }.max() ?? limits.outputTokens)
    func fits(_ answer: Int64) -> Bool {
      bound(intent, call, answer: answer)
      return (shortage.counter.unit == .tokens ? intent.tokens : intent.nanoUSD) <= left
    }
    var (low, high) = (call.asked.answerTokensMin, current - 1)
    guard low <= high, fits(low) else { return false }
    // The largest that fits.
    while low < high {
      let middle = low + (high - low + 1) / 2
      if fits(middle) { low = middle } else { high = middle - 1 }
    }
    bound(intent, call, answer: low)
    intent.loweredTo = low
    return true
  }

  /// Reserves anew what attempts that failed are charged, so that another one fits in. Throws the refusal.
  func coverCharges(_ call: Prepared) async throws {
    guard let charged = call.record.uncovered() else { return }
    do {
      guard
        let more = try await budgets.reserve(
          UUID.version7(), charged.counters.counters, tokens: charged.tokens, nanoUSD: charged.nanoUSD)
      else { return }
      if !call.record.cover(more) { budgets.settle(more, tokens: 0, nanoUSD: 0) }
    } catch let shortage as BudgetShortage {
      throw budgets.refusal(shortage)
    }
  }
}
