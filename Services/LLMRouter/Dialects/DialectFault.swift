/// What a request asks for that cannot be said in the provider's dialect, or is not a request at all.
public struct DialectFault: Error, Sendable, Hashable {
  /// One sentence that says what to change.
  public let message: String
  /// The member at fault, as a path like `messages[2].content`.
  public let parameter: String

  /// A fault.
  public init(_ message: String, at parameter: String) {
    self.message = message
    self.parameter = parameter
  }
}

/// A request in another dialect.
public struct TranslatedRequest: Sendable, Hashable {
  /// The body.
  public var bytes: [UInt8]
  /// Members of the original that the dialect has no place for.
  public var dropped: [String]
  /// What has to be changed back in the answer.
  public var translation: RequestTranslation

  /// A request.
  public init(bytes: [UInt8], dropped: [String], translation: RequestTranslation = .none) {
    self.bytes = bytes
    self.dropped = dropped
    self.translation = translation
  }
}

/// What the translators need to know about the target.
public struct RequestTarget: Sendable, Hashable {
  /// The provider's name for the model.
  public var model: String
  /// Tokens of an answer when the caller names none and the dialect demands a number.
  public var outputTokensMax: Int64
  /// Whether `max_completion_tokens` is known there (OpenAI); others know `max_tokens` only.
  public var knowsCompletionTokens: Bool

  /// A target.
  public init(model: String, outputTokensMax: Int64 = 4096, knowsCompletionTokens: Bool = true) {
    self.model = model
    self.outputTokensMax = outputTokensMax
    self.knowsCompletionTokens = knowsCompletionTokens
  }
}
