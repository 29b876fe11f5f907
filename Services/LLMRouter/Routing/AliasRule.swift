/// An alias: a name that stands for models, in an order and with ways out.
public struct AliasRule: Sendable, Hashable {
  /// The models, by name.
  public var models: [String]
  /// How their order is chosen.
  public var strategy: Strategy
  /// Models that are tried when none of `models` answers.
  public var fallbacks: [String]
  /// Models for prompts that are too long for the others.
  public var contextFallbacks: [String]
  /// Models for prompts or answers that a provider's content filter refused.
  public var contentFallbacks: [String]
  /// The time after which a second model is asked too when the first has not begun to answer, in milliseconds; nil:
  /// never.
  public var hedgeMilliseconds: Int64?
  /// Models that are asked one after the other when an answer does not pass the alias's check.
  public var escalation: [String]
  /// What becomes of a stream that breaks in its midst; nil: it ends with an error.
  public var rescue: Rescue?

  /// An alias.
  public init(
    models: [String], strategy: Strategy = .priority, fallbacks: [String] = [], contextFallbacks: [String] = [],
    contentFallbacks: [String] = [], hedgeMilliseconds: Int64? = nil, escalation: [String] = [],
    rescue: Rescue? = nil
  ) {
    self.rescue = rescue
    self.models = models
    self.strategy = strategy
    self.fallbacks = fallbacks
    self.contextFallbacks = contextFallbacks
    self.contentFallbacks = contentFallbacks
    self.hedgeMilliseconds = hedgeMilliseconds
    self.escalation = escalation
  }
}
