/// How the order of equals is chosen. The raw values are part of the API.
public enum Strategy: String, Sendable, CaseIterable, Hashable {
  /// By priority, then by weight.
  case priority
  /// At random, by weight.
  case weighted
  /// The cheapest for this call first; those without a price last.
  case cheapest
  /// The one with the shortest time to the first token lately first.
  case fastest
  /// The one with the fewest calls in flight for its weight first.
  case leastBusy = "least_busy"
}

/// What becomes of a stream that breaks after its caller has seen some of it. The raw values are part of the API.
public enum Rescue: String, Sendable, CaseIterable, Hashable {
  /// The next model goes on with the text so far.
  case `continue`
  /// Nothing is shown before all of it is there, so the next model begins anew.
  case buffer
}

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

/// How hard a caller says that its work is. The raw values are part of the API.
public enum Complexity: String, Sendable, CaseIterable, Hashable {
  /// Looking up, formatting, classifying.
  case low
  /// Most work.
  case medium
  /// Planning, proving, long code.
  case high

  var tier: Tier { self == .low ? .small : self == .medium ? .medium : .large }
}

/// What is asked for.
public struct RouteQuery: Sendable, Hashable {
  /// A model, an alias, `tier:small`, `auto`, or nothing for the standard model.
  public var model: String
  /// For `auto`: what the caller says.
  public var complexity: Complexity?
  /// What the request makes use of.
  public var needs: Set<Capability>
  /// Estimated tokens of the prompt.
  public var promptTokens: Int64
  /// Tokens of the answer that are asked for at most; nil: not said.
  public var outputTokens: Int64?
  /// Names that the caller's key may use; nil: all.
  public var allowed: Set<String>?
  /// Asked for instead of the configured strategy.
  public var strategy: Strategy?

  /// A query.
  public init(
    model: String, complexity: Complexity? = nil, needs: Set<Capability> = [], promptTokens: Int64 = 0,
    outputTokens: Int64? = nil, allowed: Set<String>? = nil, strategy: Strategy? = nil
  ) {
    self.model = model
    self.complexity = complexity
    self.needs = needs
    self.promptTokens = promptTokens
    self.outputTokens = outputTokens
    self.allowed = allowed
    self.strategy = strategy
  }
}

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

/// Why there is no target.
public enum RouteRefusal: Error, Sendable, Hashable {
  /// Nothing has this name.
  case unknownModel(String)
  /// The key may not use it.
  case notAllowed(String)
  /// Nothing of what the name stands for can do what is needed.
  case lacking(String, Set<Capability>)
  /// The prompt is longer than all of what the name stands for can take: estimated tokens and the largest limit.
  case contextTooLong(Int64, Int64)
  /// Tier or complexity is unknown.
  case badTier(String)
}
