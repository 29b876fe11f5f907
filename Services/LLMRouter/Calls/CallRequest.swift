package import Dialects
internal import HTTPWire
package import JSON
package import ModelCatalog
internal import Pricing
package import Routing
internal import Spending

/// A request in the dialect of its caller: only what routing and metering need is read.
package struct CallRequest: Sendable {
  package let dialect: Dialect
  package let document: JSONDocument
  package let model: String
  package let wantsStream: Bool
  let wantsUsage: Bool
  /// Tokens of the answer that the caller allows.
  let outputTokens: Int64?
  let needs: Set<Capability>
  package let promptTokens: Int64
  /// How many answers the provider generates.
  let answers: Int64
  /// The tools of the caller were left out.
  let isWithoutTools: Bool

  /// Reads a request. Throws what is wrong with it.
  package init(_ document: JSONDocument, _ dialect: Dialect) throws(CallFailure) {
    let root = document.root
    guard root.kind == .object else { throw .invalid("The body must be a JSON object.", nil) }
    self.dialect = dialect
    self.document = document
    let body = try CallRequest.content(of: root, dialect)
    if dialect == .responses, root["background"]?.bool == true {
      throw .invalid(
        "'background' is not offered here: nobody could fetch the answer, or bound its price.", "background")
    }
    model = try CallRequest.member(root, "model") { $0.string } ?? ""
    wantsStream = try CallRequest.member(root, "stream") { $0.bool } ?? false
    wantsUsage = root["stream_options"]?["include_usage"]?.bool ?? false
    var outputTokens: Int64?
    for name in CallRequest.bounds(dialect) {
      let bound = try CallRequest.member(root, name) {
        $0.int.flatMap { $0 > 0 && $0 <= TokenUsage.tokensMax ? $0 : nil }
      }
      // Which of two a server goes by is its own matter.
      if let bound { outputTokens = max(outputTokens ?? 0, bound) }
    }
    if dialect == .messages, outputTokens == nil {
      throw .invalid("'max_tokens' must be a positive number.", "max_tokens")
    }
    self.outputTokens = dialect == .embeddings ? 0 : outputTokens
    answers = try CallRequest.answers(root, dialect)
    var needs: Set<Capability> = dialect == .embeddings ? [.embeddings] : []
    if (root["tools"]?.count ?? 0) > 0 { needs.insert(.tools) }
    let format = root["response_format"]?["type"]?.string ?? root["text"]?["format"]?["type"]?.string
    if format == "json_schema" || root["output_config"]?["format"] != nil { needs.insert(.jsonSchema) }
    if dialect != .embeddings, CallRequest.holdsImage(body) { needs.insert(.vision) }
    self.needs = needs
    isWithoutTools = false
    promptTokens = TokenEstimate.prompt(root)
  }

  /// The members that bound an answer.
  static func bounds(_ dialect: Dialect) -> [String] {
    switch dialect {
    case .chat: ["max_completion_tokens", "max_tokens"]
    case .completions, .messages: ["max_tokens"]
    case .responses: ["max_output_tokens"]
    case .embeddings: []
    }
  }

  /// Most answers to one request, as OpenAI has it.
  private static let answersMax: Int64 = 128

  /// How many answers are generated: those that are sent, or those of which they are the best.
  private static func answers(_ root: JSONView, _ dialect: Dialect) throws(CallFailure) -> Int64 {
    guard dialect == .chat || dialect == .completions else { return 1 }
    var answers: Int64 = 1
    for name in ["n", "best_of"] {
      let count = try member(root, name) { $0.int.flatMap { $0 > 0 && $0 <= answersMax ? $0 : nil } }
      answers = max(answers, count ?? 1)
    }
    return answers
  }

  /// The prompt or conversation.
  private static func content(of root: JSONView, _ dialect: Dialect) throws(CallFailure) -> JSONView {
    if dialect == .completions {
      guard let prompt = root["prompt"], prompt.kind == .string || (prompt.count == 1 && prompt[0]?.kind == .string)
      else { throw .invalid("'prompt' must be one text.", "prompt") }
      return prompt
    }
    let name = dialect == .chat || dialect == .messages ? "messages" : "input"
    guard let body = root[name], body.kind == .array ? body.count > 0 : body.kind == .string && name == "input" else {
      throw .invalid(
        "'\(name)' must be a list with at least one \(name == "input" ? "item, or a text" : "message").", name)
    }
    return body
  }

  private static func member<Value>(
    _ root: JSONView, _ name: String, _ read: (JSONView) -> Value?
  ) throws(CallFailure) -> Value? {
    guard let view = root[name], !view.isNull else { return nil }
    guard let value = read(view) else { throw .invalid("'\(name)' has the wrong type or value.", name) }
    return value
  }

  /// Where pictures stand: in messages, in the results of tools, in documents.
  private static let holders = ["content", "output", "source", "image", "file"]
  private static let depthMax = 6

  /// Whether a picture, or a document that is read as one, stands in the messages.
  private static func holdsImage(_ content: JSONView, depth: Int = 0) -> Bool {
    guard depth < depthMax else { return false }
    return content.elements.contains { part in
      switch part["type"]?.string {
      case "image_url", "image", "input_image", "computer_screenshot": return true
      case "document", "file", "input_file": return isPicture(part)
      default: break
      }
      return holders.contains { name in
        guard let inner = part[name] else { return false }
        if inner.kind == .object, inner["type"]?.string == "computer_screenshot" { return true }
        return inner.kind == .array && holdsImage(inner, depth: depth + 1)
      }
    }
  }

  /// Documents of text are text; others reach the model page by page.
  private static func isPicture(_ part: JSONView) -> Bool {
    guard let source = part["source"] else { return true }
    switch source["type"]?.string {
    case "text": return false
    case "content": return source["content"].map { holdsImage($0, depth: 1) } ?? false
    default: return !(source["media_type"]?.string?.hasPrefix("text/") ?? false)
    }
  }

  private static let toolMembers: Set<String> = [
    "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "max_tool_calls",
  ]

  /// The request without its tools.
  func withoutTools() -> CallRequest {
    var writer = JSONWriter(reservingBytes: document.bytes.count)
    writer.beginObject()
    for (key, value) in document.root.members {
      let name = key.string ?? ""
      if !CallRequest.toolMembers.contains(name) { writer.member(name, raw: value.rawBytes) }
    }
    writer.endObject()
    guard let document = try? JSONDocument(parsing: writer.bytes) else { return self }
    return CallRequest(self, document)
  }

  /// The same request with a lower bound of its answer.
  init(_ other: CallRequest, _ document: JSONDocument, outputTokens: Int64) {
    dialect = other.dialect
    self.document = document
    model = other.model
    wantsStream = other.wantsStream
    wantsUsage = other.wantsUsage
    self.outputTokens = outputTokens
    needs = other.needs
    promptTokens = other.promptTokens
    answers = other.answers
    isWithoutTools = other.isWithoutTools
  }

  private init(_ other: CallRequest, _ document: JSONDocument) {
    dialect = other.dialect
    self.document = document
    model = other.model
    wantsStream = other.wantsStream
    wantsUsage = other.wantsUsage
    outputTokens = other.outputTokens
    needs = other.needs.subtracting([.tools])
    promptTokens = other.promptTokens
    answers = other.answers
    isWithoutTools = true
  }

  /// Whether the caller expects the same answer again.
  var isDeterministic: Bool { document.root["temperature"]?.double == 0 || dialect == .embeddings }

  /// What stands for the usage of a whole answer when the provider does not report it.
  func estimate(_ answer: ProviderAnswer) -> TokenUsage {
    TokenUsage(input: promptTokens, output: dialect == .embeddings ? 0 : Int64((answer.deliveredBytes + 2) / 3))
  }

  // MARK: For a target

  /// The body for a target. `outputCap` is set when the answer must be bounded and the caller names no bound. Throws
  /// what the dialect there cannot express.
  package func body(
    for target: ModelTarget, _ provider: Provider, outputCap: Int64?, mayHaveThread: Bool = false
  ) throws(CallFailure) -> (wire: Dialect, made: TranslatedRequest) {
    guard let wire = provider.kind.wire(for: dialect) else {
      throw CallFailure(RouteRefusal.lacking(target.name, needs), known: [])
    }
    let there = RequestTarget(
      model: target.providerModel, outputTokensMax: target.outputTokensMax ?? 4096,
      outputTokensLimit: target.outputTokensMax, outputTokensCap: outputTokens == nil ? outputCap : nil,
      thinks: target.capabilities?.contains(.reasoning) ?? true, mayHaveThread: mayHaveThread,
      rules: provider.kind.rules)
    do throws(DialectFault) {
      return (wire, try RequestTranslator.request(document.root, from: dialect, to: wire, there))
    } catch {
      var failure = CallFailure.invalid(error.message, error.parameter)
      failure.details = error.details
      throw failure
    }
  }
}
