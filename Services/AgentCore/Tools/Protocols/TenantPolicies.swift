/// What tenants have set for their policies, as this process knows it.
public protocol TenantPolicies: Sendable {
  /// Makes sure that what the tenant of a step has set is in force. Returns false when nobody could say what it has
  /// set; then nothing may be decided.
  func areKnown(for context: ToolContext) async -> Bool
}

extension PolicyDecision {
  /// Everything but reading is halted.
  public static let haltedRule = "policy:halted"
  /// It is not known what the tenant has set.
  public static let unknownRule = "policy:unknown"

  /// Nobody could decide.
  public static let unavailableRule = "policy:unavailable"

  /// Whether the call is refused by the state of the installation and not by what it is: later it may be made.
  public var isPostponed: Bool {
    effect == .deny
      && [PolicyDecision.haltedRule, PolicyDecision.unknownRule, PolicyDecision.unavailableRule].contains(rule)
  }
}
