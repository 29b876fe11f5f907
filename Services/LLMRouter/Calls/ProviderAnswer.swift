internal import Dialects
internal import HTTPWire
internal import JSON
internal import Pricing
internal import Routing

/// A provider's whole answer, in the caller's dialect.
struct ProviderAnswer: Sendable {
  let bytes: [UInt8]
  let usage: TokenUsage?
  let finish: String?

  /// Reads and translates an answer. Throws a `CallFailure` for garbage and for errors that come as a success.
  init(
    _ body: [UInt8], wire: Dialect, request: CallRequest, translation: RequestTranslation, model: String,
    provider: String, created: Int64
  )
    throws(CallFailure)
  {
    guard let root = try? JSONDocument(parsing: body).root, root.kind == .object else {
      throw CallFailure(
        status: .badGateway, code: "provider_garbage",
        message: "The answer of the provider \"\(provider)\" is not valid JSON.", isRetryable: true,
        failureClass: .provider)
    }
    if let error = root["error"], !error.isNull {
      throw CallFailure(
        StreamFault(
          code: error["code"]?.string ?? error["type"]?.string ?? "provider_error",
          message: String((error["message"]?.string ?? "no message").prefix(500))), provider: provider)
    }
    let holder: String =
      switch wire {
      case .chat: "choices"
      case .messages: "content"
      case .responses: "output"
      case .embeddings: "data"
      }
    guard root[holder]?.kind == .array else {
      throw CallFailure(
        status: .badGateway, code: "provider_garbage",
        message: "The answer of the provider \"\(provider)\" has no '\(holder)'.", isRetryable: true,
        failureClass: .provider)
    }
    switch wire {
    case .chat, .embeddings:
      usage = TokenUsage(chat: root["usage"])
      finish = root["choices"]?[0]?["finish_reason"]?.string
    case .messages:
      usage = TokenUsage(messages: root["usage"])
      finish = root["stop_reason"]?.string
    case .responses:
      usage = TokenUsage(responses: root["usage"])
      finish = root["status"]?.string
    }
    switch (request.dialect, wire) {
    case (.messages, .chat): bytes = Answers.message(fromChat: root, model: model)
    case (.chat, .messages): bytes = Answers.chat(fromMessage: root, model: model, created: created)
    case (.responses, .chat): bytes = Answers.response(fromChat: root, model: model, created: created)
    case (.responses, .messages):
      let chat = Answers.chat(fromMessage: root, model: model, created: created)
      bytes =
        (try? JSONDocument(parsing: chat)).map {
          Answers.response(fromChat: $0.root, model: model, created: created)
        } ?? chat
    default: bytes = body
    }
  }
}
