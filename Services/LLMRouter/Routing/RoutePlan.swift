/// The targets of a call in the order in which they are tried, and why.
public struct RoutePlan: Sendable, Hashable {
  /// The targets, the best first.
  public var targets: [ModelTarget]
  /// Targets for a prompt that turns out too long.
  public var contextFallbacks: [ModelTarget]
  /// Targets for what a content filter refuses.
  public var contentFallbacks: [ModelTarget]
  /// Why, briefly, for headers, traces and the ledger.
  public var reason: String
  /// The tier, when it was chosen by tier.
  public var tier: Tier?
  /// The alias, when the name was one.
  public var alias: String?
  /// The time after which the second target is asked too, in milliseconds.
  public var hedgeMilliseconds: Int64?
  /// Targets for when an answer does not pass its check.
  public var escalation: [ModelTarget]
  /// What becomes of a stream that breaks in its midst.
  public var rescue: Rescue?

  /// A plan.
  public init(
    targets: [ModelTarget], contextFallbacks: [ModelTarget] = [], contentFallbacks: [ModelTarget] = [],
    reason: String, tier: Tier? = nil, alias: String? = nil, hedgeMilliseconds: Int64? = nil,
    escalation: [ModelTarget] = [], rescue: Rescue? = nil
  ) {
    self.rescue = rescue
    self.targets = targets
    self.contextFallbacks = contextFallbacks
    self.contentFallbacks = contentFallbacks
    self.reason = reason
    self.tier = tier
    self.alias = alias
    self.hedgeMilliseconds = hedgeMilliseconds
    self.escalation = escalation
  }
}
