public import Pricing

/// How capable, and dear, a model is. The raw values are part of the API.
public enum Tier: String, Sendable, CaseIterable, Hashable, Comparable {
  /// For simple work.
  case small
  /// For most work.
  case medium
  /// For what is hard.
  case large

  private var rank: Int { self == .small ? 0 : self == .medium ? 1 : 2 }
  /// By capability.
  public static func < (left: Tier, right: Tier) -> Bool { left.rank < right.rank }
  /// The next larger one.
  public var next: Tier? { self == .small ? .medium : self == .medium ? .large : nil }
}

/// What a model can do beyond text. The raw values are part of the API.
public enum Capability: String, Sendable, CaseIterable, Hashable {
  /// Calls tools.
  case tools
  /// Reads images.
  case vision
  /// Answers by a JSON schema.
  case jsonSchema = "json_schema"
  /// Thinks before it answers.
  case reasoning
  /// Makes embeddings; a model with this makes nothing else.
  case embeddings
}

/// A model at a provider: what a call can be sent to.
public struct ModelTarget: Sendable, Hashable {
  /// The name of the provider.
  public var provider: String
  /// The name by which callers ask for it.
  public var name: String
  /// The name that the provider knows.
  public var providerModel: String
  /// Its tier, if it takes part in the choice by tier.
  public var tier: Tier?
  /// What it can do; nil: not declared, anything is tried.
  public var capabilities: Set<Capability>?
  /// Tokens of prompt and answer together; nil: not declared.
  public var contextTokens: Int64?
  /// Tokens of an answer; nil: not declared.
  public var outputTokensMax: Int64?
  /// The price; nil: unknown, which is never taken for zero.
  public var price: Price?
  /// Lower ones are tried first.
  public var priority: Int
  /// The share of calls between equals.
  public var weight: Int
  /// When it was declared, in seconds since 1970.
  public var createdAt: Int64

  /// A model at a provider.
  public init(
    provider: String, name: String, providerModel: String, tier: Tier? = nil, capabilities: Set<Capability>? = nil,
    contextTokens: Int64? = nil, outputTokensMax: Int64? = nil, price: Price? = nil, priority: Int = 0, weight: Int = 1,
    createdAt: Int64 = 0
  ) {
    self.createdAt = createdAt
    self.provider = provider
    self.name = name
    self.providerModel = providerModel
    self.tier = tier
    self.capabilities = capabilities
    self.contextTokens = contextTokens
    self.outputTokensMax = outputTokensMax
    self.price = price
    self.priority = priority
    self.weight = weight
  }

  /// What health is kept for.
  public var id: TargetID { TargetID(provider: provider, model: providerModel) }
}

/// A model at a provider, by names.
public struct TargetID: Sendable, Hashable {
  /// The provider.
  public let provider: String
  /// The provider's name for the model.
  public let model: String

  /// An id.
  public init(provider: String, model: String) {
    self.provider = provider
    self.model = model
  }
}

/// What is known of a target at the moment of a choice.
public struct TargetHealth: Sendable, Hashable {
  /// Whether its breaker lets a call through.
  public var isOpen: Bool
  /// Calls in flight.
  public var inFlight: Int
  /// Time to the first token lately, in microseconds, smoothed; 0 when nothing is known.
  public var firstTokenMicroseconds: Int64

  /// A state.
  public init(isOpen: Bool = false, inFlight: Int = 0, firstTokenMicroseconds: Int64 = 0) {
    self.isOpen = isOpen
    self.inFlight = inFlight
    self.firstTokenMicroseconds = firstTokenMicroseconds
  }
}
