public import Contracts

/// The static policy: an allow-list of risks, risks that need a person's approval, and the step's own list.
public struct RiskPolicy: ToolPolicy {
  /// Risks of tools that may be called at all.
  public let allowed: Set<ToolRisk>
  /// Risks of tools whose every call needs an approval.
  public let approval: Set<ToolRisk>

  /// Makes a policy.
  public init(allowed: Set<ToolRisk> = Set(ToolRisk.allCases), approval: Set<ToolRisk> = []) {
    self.allowed = allowed
    self.approval = approval
  }

  /// The decision, which needs nothing but the definition and the step's list.
  public func decide(_ call: ToolPolicyInput, _ context: ToolContext) async -> PolicyDecision { decide(call) }

  /// The same, pure.
  public func decide(_ call: ToolPolicyInput) -> PolicyDecision {
    let definition = call.definition
    let risk = definition.risk
    guard allowed.contains(risk) else {
      return PolicyDecision(
        .deny, rule: "tools.allowed_risks",
        reason: "tools of the risk \"\(risk.rawValue)\" are not allowed on this installation")
    }
    if call.approve.contains(risk.rawValue) || call.approve.contains("tool:\(definition.name)")
      || call.approve.contains(definition.name)
    {
      return PolicyDecision(
        .ask, rule: "step.approve", reason: "the step asks for an approval of calls of \(definition.name)")
    }
    if approval.contains(risk) {
      return PolicyDecision(
        .ask, rule: "tools.approval_risks",
        reason: "tools of the risk \"\(risk.rawValue)\" need an approval on this installation")
    }
    return PolicyDecision(.allow, rule: "tools.allowed_risks", reason: "the risk \"\(risk.rawValue)\" is allowed")
  }
}
