public import AgentTools
internal import Contracts
internal import JSON
internal import Policy
public import PolicyDecisions

/// The decisions about tool calls: what the settings and the step say, and then what the policies of the installation
/// say. Of two the stricter one counts: deny, ask, allow.
public struct EngineToolPolicy: ToolPolicy {
  private static let path = ["cadre", "tools", "decision"]

  private static let pause = Duration.milliseconds(500)

  private let settings: RiskPolicy
  private let engine: any PolicyDeciding
  private let tenants: (any TenantPolicies)?
  private let triesMax: Int
  private let sleep: @Sendable (Duration) async -> Void

  /// Makes a policy. `tenants` knows what tenants have set; without it they have set nothing. While nobody can decide,
  /// the question is put up to `triesMax` times, with half a second in between by `sleep`: a server that restarts costs
  /// a step no attempt. After that the answer is one that is postponed.
  public init(
    settings: RiskPolicy, engine: any PolicyDeciding, tenants: (any TenantPolicies)? = nil, triesMax: Int = 20,
    sleep: @escaping @Sendable (Duration) async -> Void
  ) {
    self.settings = settings
    self.engine = engine
    self.tenants = tenants
    self.triesMax = triesMax
    self.sleep = sleep
  }

  /// As `ToolPolicy` says.
  public func decide(_ call: ToolPolicyInput, _ context: ToolContext) async -> PolicyDecision {
    let declared = settings.decide(call)
    guard declared.effect != .deny else { return declared }
    if let tenants, await !tenants.areKnown(for: context) {
      return PolicyDecision(
        .deny, rule: PolicyDecision.unknownRule,
        reason: "it is not known what the tenant has set for its policies; later the call may be made")
    }
    let answer = await answer(
      to: PolicyQuery(
        path: EngineToolPolicy.path, input: EngineToolPolicy.input(call, context), tenant: context.tenant.description,
        requestedBy: "agent-core"))
    switch answer.effect {
    case .allow: return declared
    case .ask where declared.effect == .ask: return declared
    case .ask: return decision(.ask, answer, "a policy asks for an approval of calls of \(call.definition.name)")
    case .deny: return decision(.deny, answer, "a policy does not allow calls of \(call.definition.name)")
    }
  }

  private func answer(to query: PolicyQuery) async -> PolicyAnswer {
    var answer = await engine.decide(query)
    var tries = 1
    while answer.isUndecided, tries < triesMax, !Task.isCancelled {
      await sleep(EngineToolPolicy.pause)
      answer = await engine.decide(query)
      tries += 1
    }
    return answer
  }

  private func decision(
    _ effect: PolicyDecision.Effect, _ answer: PolicyAnswer, _ standard: String
  ) -> PolicyDecision {
    PolicyDecision(
      effect, rule: "policy:" + (answer.rule ?? answer.fault?.rawValue ?? "tools"),
      reason: answer.reasons.isEmpty ? standard : answer.reasons.joined(separator: "; "))
  }

  /// What the policies see.
  static func input(_ call: ToolPolicyInput, _ context: ToolContext) -> RegoValue {
    let definition = call.definition
    let source =
      switch definition.source {
      case .builtIn: "builtin"
      case .user: "user"
      case .mcp: "mcp"
      }
    var subject: [(RegoValue, RegoValue)] = [
      (.string("kind"), .string("step")), (.string("tenant"), .string(context.tenant.description)),
      (.string("id"), .string(context.principal ?? "")),
    ]
    if let project = context.project { subject.append((.string("project"), .string(project))) }
    var action: [(RegoValue, RegoValue)] = [
      (.string("tool"), .string(definition.name)), (.string("source"), .string(source)),
      (.string("risk"), .string(definition.risk.rawValue)),
      (.string("is_idempotent"), .bool(definition.isIdempotent)),
      (.string("arguments"), RegoValue(call.arguments.root)), (.string("labels"), .object(RegoObject())),
    ]
    if case .mcp(let server) = definition.source { action.append((.string("server"), .string(server))) }
    return .object(
      RegoObject([
        (.string("subject"), .object(RegoObject(subject))), (.string("action"), .object(RegoObject(action))),
      ]))
  }
}
