internal import Contracts
internal import HTTPWire
internal import Ledger
internal import Policy
package import PolicyDecisions
internal import Routing

/// Which models a caller may use, by the policies: the name that is asked for and every model that it may lead to.
package struct ModelPolicy: Sendable {
  private static let path = ["cadre", "models", "decision"]

  private let engine: any PolicyDeciding

  /// Makes a policy.
  package init(_ engine: any PolicyDeciding) { self.engine = engine }

  /// The plan without the models that the policies refuse. `costMax`: the most that the call can cost, in nano-USD.
  /// Throws when none is left: 403, or 503 when it may be allowed later.
  func permitted(
    _ plan: RoutePlan, asked: String, costMax: Int64, _ caller: CallPrincipal
  ) async throws(CallFailure) -> RoutePlan {
    let cost = ModelPolicy.bucket(costMax)
    var answers: [String: PolicyAnswer] = [:]
    let all = plan.targets + plan.contextFallbacks + plan.contentFallbacks + plan.escalation
    for target in all where answers[target.name] == nil {
      answers[target.name] = await ask(target, asked: asked, cost, caller)
    }
    guard answers.values.contains(where: { !$0.isAllowed }) else { return plan }
    func isAllowed(_ target: ModelTarget) -> Bool { answers[target.name]?.isAllowed ?? false }
    var kept = plan
    kept.targets.removeAll { !isAllowed($0) }
    kept.contextFallbacks.removeAll { !isAllowed($0) }
    kept.contentFallbacks.removeAll { !isAllowed($0) }
    kept.escalation.removeAll { !isAllowed($0) }
    guard kept.targets.isEmpty else { return kept }
    if answers.values.contains(where: { $0.fault == .halted }) { throw ModelPolicy.halted }
    if answers.values.contains(where: \.isUndecided) { throw ModelPolicy.undecided }
    let reasons = plan.targets.first.flatMap { answers[$0.name]?.reasons } ?? []
    throw CallFailure(
      status: .forbidden, code: "access_denied",
      message: reasons.isEmpty
        ? "A policy does not allow calls of the model '\(asked.prefix(100))'." : reasons.joined(separator: "; "),
      parameter: "model")
  }

  /// Later the same call is answered, so clients may try again.
  private static let halted = CallFailure(
    status: .serviceUnavailable, code: "installation_halted",
    message: "Calls of models are halted in this installation.", isRetryable: true, retryAfterSeconds: 5)

  private static let undecided = CallFailure(
    status: .serviceUnavailable, code: ProblemCode.policyUnavailable.name,
    message: "Nobody can say at the moment whether the policies allow this call.", isRetryable: true,
    retryAfterSeconds: 2)

  private func ask(
    _ target: ModelTarget, asked: String, _ cost: Int, _ caller: CallPrincipal
  ) async -> PolicyAnswer {
    func object(_ members: [(String, RegoValue?)]) -> RegoValue {
      .object(RegoObject(members.compactMap { name, value in value.map { (.string(name), $0) } }))
    }
    func text(_ value: String?) -> RegoValue? { value.map { .string($0) } }
    let labels = caller.labels
    let input = object([
      (
        "subject",
        object([
          ("id", text(labels.principal)), ("role", text(caller.role)), ("tenant", text(caller.tenant.description)),
          ("kind", text(labels.step == nil ? "caller" : "step")), ("project", text(labels.project)),
          ("group", text(labels.group)), ("agent", text(labels.agent)),
        ])
      ),
      (
        "action",
        object([
          ("model", text(target.name)), ("asked", text(asked)), ("provider", text(target.provider)),
          ("tier", text(target.tier?.rawValue)), ("max_cost_microusd", .int(cost)), ("tool", text(labels.tool)),
        ])
      ),
    ])
    return await engine.decide(
      PolicyQuery(path: ModelPolicy.path, input: input, tenant: caller.tenant.description, requestedBy: "llm-router"))
  }

  /// The cost in micro-USD, rounded up to a power of two: so that decisions are found in the cache.
  static func bucket(_ nanoUSD: Int64) -> Int {
    let nano = max(0, nanoUSD)
    let micro = nano / 1000 + (nano % 1000 > 0 ? 1 : 0)
    guard micro > 1 else { return Int(max(0, micro)) }
    let bits = Int64.bitWidth - (micro - 1).leadingZeroBitCount
    return bits >= 62 ? Int.max : 1 << bits
  }
}
