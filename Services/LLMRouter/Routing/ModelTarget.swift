public import Pricing

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
