/// What a failed attempt says about where to go on. The raw values are labels of metrics.
public enum FailureClass: String, Sendable, CaseIterable, Hashable {
  /// The request is at fault: nobody will take it.
  case caller
  /// The provider does not accept the key.
  case key
  /// The account has no money or quota left.
  case money
  /// Too many calls with this key.
  case rate
  /// The provider has too much to do, whoever calls.
  case overload
  /// The provider is broken.
  case provider
  /// The provider's answer cannot be read.
  case garbage
  /// The connection failed or broke.
  case transport
  /// The provider took too long; it may be at work still.
  case timeout
  /// The prompt is too long for the model.
  case context
  /// A content filter refused.
  case content
  /// The model takes no tools.
  case tools
  /// The provider does not know the model.
  case model

  /// Classifies a refusal by its status and by what its body says.
  public init(status: Int, _ body: ErrorBody) { self = FailureRules.classify(status: status, body) }

  /// Classifies an error of which a code or type and a sentence are known.
  public init(status: Int, code: String, message: String) {
    self = FailureRules.classify(status: status, ErrorBody(code: code, message: message))
  }

  /// Whether another target may do better.
  public var allowsFallback: Bool { self != .caller }
  /// Whether the same target may do better after a pause. A time-out is no reason to ask it again, because it may be at
  /// work still; nor is an answer that cannot be read, because it was paid for.
  public var allowsRetry: Bool {
    switch self {
    case .rate, .overload, .provider, .transport: true
    case .caller, .key, .money, .garbage, .timeout, .context, .content, .tools, .model: false
    }
  }
  /// Whether it counts against the health of the target and key.
  public var isFault: Bool {
    switch self {
    case .caller, .context, .content, .tools: false
    case .key, .money, .rate, .overload, .provider, .garbage, .transport, .timeout, .model: true
    }
  }
}
