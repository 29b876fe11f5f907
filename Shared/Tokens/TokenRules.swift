/// What is asked of the tokens of one issuer. All of it comes from the configuration, nothing from a token.
public struct TokenRules: Sendable, Equatable {
  /// The name that a token must have as `iss`, byte for byte.
  public let issuer: String
  /// The name that must be among the `aud` of a token.
  public let audience: String
  /// The algorithms that are allowed.
  public let algorithms: Set<TokenAlgorithm>
  /// By so much the clocks of issuer and gateway may differ.
  public let leewaySeconds: Int64
  /// The longest time from `iat` to `exp`; `nil` for any. With it, `iat` is required.
  public let lifetimeSecondsMax: Int64?

  /// Makes rules.
  public init(
    issuer: String, audience: String, algorithms: Set<TokenAlgorithm>, leewaySeconds: Int64 = 30,
    lifetimeSecondsMax: Int64? = nil
  ) {
    self.issuer = issuer
    self.audience = audience
    self.algorithms = algorithms
    self.leewaySeconds = leewaySeconds
    self.lifetimeSecondsMax = lifetimeSecondsMax
  }
}
