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
