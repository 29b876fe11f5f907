/// What the translators need to know about the target.
public struct RequestTarget: Sendable, Hashable {
  /// The provider's name for the model.
  public var model: String
  /// Tokens of an answer when the caller names none and the dialect demands a number.
  public var outputTokensMax: Int64
  /// Tokens of an answer that the model gives at most; nil: not known.
  public var outputTokensLimit: Int64?
  /// Bounds an answer whose caller names no bound, where a budget needs one.
  public var outputTokensCap: Int64?
  /// Whether the model thinks, as far as is known.
  public var thinks: Bool
  /// Whether the thread that a request goes on with may be at another model of the same alias.
  public var mayHaveThread: Bool
  /// What the provider takes.
  public var rules: ProviderRules

  /// A target.
  public init(
    model: String, outputTokensMax: Int64 = 4096, outputTokensLimit: Int64? = nil, outputTokensCap: Int64? = nil,
    thinks: Bool = true, mayHaveThread: Bool = false, rules: ProviderRules = .openai
  ) {
    self.model = model
    self.outputTokensMax = outputTokensMax
    self.outputTokensLimit = outputTokensLimit
    self.outputTokensCap = outputTokensCap
    self.thinks = thinks
    self.mayHaveThread = mayHaveThread
    self.rules = rules
  }
}
