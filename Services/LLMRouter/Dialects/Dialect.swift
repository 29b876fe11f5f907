internal import JSON

/// The dialects of callers. The raw values name them in metrics and the ledger.
public enum Dialect: String, Sendable, CaseIterable, Hashable {
  /// `/v1/chat/completions` of OpenAI.
  case chat
  /// `/v1/responses` of OpenAI.
  case responses
  /// `/v1/completions` of OpenAI, of the time before chats.
  case completions
  /// `/v1/embeddings` of OpenAI.
  case embeddings
  /// `/v1/messages` of Anthropic.
  case messages

  /// The body of an error in the shape that the dialect's clients understand.
  public func error(
    status: Int, code: String, message: String, parameter: String?, id: String, details: DialectFault.Details? = nil
  ) -> [UInt8] {
    guard self == .messages else {
      return JSONValue.members(
        (
          "error",
          .members(
            ("message", .string(message)), ("type", .string(Dialect.openAIType(status))),
            ("param", parameter.map { .string($0) } ?? .null), ("code", .string(code)))
        )
      ).bytes
    }
    var error = ObjectBuilder()
    error.add("type", .string(Dialect.anthropicType(status)))
    error.add("message", .string(message))
    if let details {
      var object = ObjectBuilder()
      object.add("error_code", .string(details.code))
      if !details.unsupported.isEmpty {
        object.add("unsupported", .array(details.unsupported.map { .string($0) }))
      }
      error.add("details", object.value)
    }
    return JSONValue.members(
      ("type", .string("error")), ("error", error.value), ("request_id", .string(id))
    ).bytes
  }

  /// An error in the midst of a stream: the event that this dialect's clients raise. In the Responses API events have
  /// numbers; where some were sent, `AnswerTranslation.fail` and `StreamInspector.failure` go on with them.
  public func errorEvent(status: Int, code: String, message: String, id: String) -> [UInt8] {
    var bytes: [UInt8] = []
    switch self {
    case .messages:
      bytes += Array("event: error\ndata: ".utf8)
      bytes += error(status: status, code: code, message: message, parameter: nil, id: id)
    case .responses:
      return ResponseProgress().failure(status: status, code: code, message: message)
    case .chat, .completions, .embeddings:
      bytes += Array("data: ".utf8)
      bytes += error(status: status, code: code, message: message, parameter: nil, id: id)
    }
    return bytes + [10, 10]
  }

  static func openAIType(_ status: Int) -> String {
    switch status {
    case 401: "authentication_error"
    case 403: "permission_error"
    case 402, 429: "rate_limit_error"
    case 500...: "server_error"
    default: "invalid_request_error"
    }
  }

  private static func anthropicType(_ status: Int) -> String {
    switch status {
    case 401: "authentication_error"
    case 402: "billing_error"
    case 403: "permission_error"
    case 404: "not_found_error"
    case 409: "conflict_error"
    case 413: "request_too_large"
    case 429: "rate_limit_error"
    case 504: "timeout_error"
    case 529: "overloaded_error"
    case 500...: "api_error"
    default: "invalid_request_error"
    }
  }
}
