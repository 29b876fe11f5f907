internal import Dialects
internal import HTTPWire
internal import JSON
internal import ModelCatalog
internal import Pricing
internal import Routing

/// A provider's whole answer, in the caller's dialect.
struct ProviderAnswer: Sendable {
  let bytes: [UInt8]
  /// What the provider has counted.
  let usage: TokenUsage?
  /// Bytes of text, thoughts and arguments, to estimate the usage when the provider does not report it.
  let deliveredBytes: Int
  /// Why it ended, as the provider names it.
  let finish: String?
  /// What it has come to.
  let outcome: AnswerOutcome

  /// Neither text nor calls.
  var isEmpty: Bool { outcome.isEmpty }

  /// Reads and translates an answer. Throws a `CallFailure` for garbage and for errors that come as a success.
  init(
    _ body: [UInt8], wire: Dialect, request: CallRequest, translation: RequestTranslation, model: String,
    provider: String, created: Int64
  ) throws(CallFailure) {
    let answer = try ProviderAnswer.parsed(body, wire, provider: provider)
    let root = answer.root
    usage = ProviderAnswer.usage(root, wire)
    switch wire {
    case .chat, .completions, .embeddings: finish = root["choices"]?[0]?["finish_reason"]?.string
    case .messages: finish = root["stop_reason"]?.string
    case .responses:
      finish = root["incomplete_details"]?["reason"]?.string ?? root["status"]?.string
    }
    deliveredBytes = Answers.contentBytes(root, wire)
    outcome = AnswerText.outcome(of: answer, wire)
    let isOwn = request.dialect == wire
    let context = AnswerContext(
      model: isOwn && !request.model.isEmpty ? request.model : model, created: created,
      unique: isOwn ? "" : ProviderStream.unique(), promptEstimate: request.promptTokens, names: translation.names,
      echo: !isOwn && request.dialect == .responses ? ResponseEcho(request.document.root) : .none)
    let estimate = TokenUsage(input: request.promptTokens, output: TokenEstimate.answer(bytes: Int64(deliveredBytes)))
    let accounted = TokenUsage.accounted(usage, estimate: estimate)
    guard !isOwn else {
      let repaired = UsageRepair.repaired(root, wire, accounted, isFinal: true).flatMap { ProviderJSON($0) }
      let own = Answers.own(repaired?.document.bytes ?? body, repaired ?? answer, wire, context)
      bytes = answer.isRepaired && (repaired != nil || own != body) ? answer.sendable(own) : own
      return
    }
    do throws(StreamFault) {
      bytes =
        try Answers.translated(
          answer, from: wire, to: request.dialect, accounted.usage, context)
        ?? body
    } catch {
      throw CallFailure(error, provider: provider)
    }
  }

  private static func usage(_ root: JSONView, _ wire: Dialect) -> TokenUsage? {
    switch wire {
    case .chat, .completions, .embeddings: return TokenUsage(chatAnswer: root)
    case .messages: return TokenUsage(messages: root["usage"])
    case .responses:
      var reported = TokenUsage(responses: root["usage"])
      reported?.take(answer: root)
      return reported
    }
  }

  /// Usage that a provider reports beside something that is no answer, such as an error.
  static func usage(beside body: [UInt8], _ wire: Dialect) -> TokenUsage? {
    guard let answer = ProviderJSON(body), let usage = usage(answer.root, wire), usage.total > 0 else { return nil }
    return usage
  }

  /// The parsed body of an answer. Throws a `CallFailure` for garbage and for errors that come as a success.
  static func read(_ body: [UInt8], _ wire: Dialect, provider: String) throws(CallFailure) -> JSONView {
    try parsed(body, wire, provider: provider).root
  }

  private static func parsed(
    _ body: [UInt8], _ wire: Dialect, provider: String
  ) throws(CallFailure) -> ProviderJSON {
    guard let answer = ProviderJSON(body), answer.root.kind == .object else {
      throw .garbage(provider, "is not valid JSON")
    }
    if let fault = Answers.fault(answer.root) { throw CallFailure(fault, provider: provider) }
    let holder: String =
      switch wire {
      case .chat, .completions: "choices"
      case .messages: "content"
      case .responses: "output"
      case .embeddings: "data"
      }
    guard answer.root[holder]?.kind == .array else { throw .garbage(provider, "has no '\(holder)'") }
    return answer
  }
}
