package import JSON

/// The dialects that the mock speaks.
package enum MockDialect: String, Sendable, CaseIterable {
  case chat
  case messages
  case responses
  case embeddings

  var path: String {
    switch self {
    case .chat: "/v1/chat/completions"
    case .messages: "/v1/messages"
    case .responses: "/v1/responses"
    case .embeddings: "/v1/embeddings"
    }
  }
}

/// The parts of a request that matter here.
package struct MockRequest: Sendable {
  /// Texts of one request for embeddings, as OpenAI bounds them.
  private static let inputsMax = 2048
  /// Numbers of one answer with embeddings.
  private static let numbersMax: Int64 = 1 << 20

  package let dialect: MockDialect
  package let model: String
  /// The system prompt.
  package let system: String
  /// The last message of the user.
  package let lastText: String
  /// What the tools have answered since then, the last of them.
  package let toolResult: String?
  /// How often tools have answered since then.
  package let toolTurns: Int
  /// The whole request.
  package let root: JSONView
  package let hasTools: Bool
  package let wantsStream: Bool
  package let wantsUsage: Bool
  package let inputTokens: Int64
  package let outputTokensMax: Int64?
  /// What is to be embedded.
  package let inputs: [String]
  package let dimensions: Int
  package let wantsBase64: Bool

  /// Nil when nothing can be answered.
  package init?(_ root: JSONView, _ dialect: MockDialect) {
    guard let model = root["model"]?.string else { return nil }
    self.dialect = dialect
    self.model = model
    self.root = root
    var system = MockRequest.text(root["system"]) + (root["instructions"]?.string ?? "")
    var bytes = system.utf8.count
    var count = 0
    var last = ""
    var toolResult: String?
    var toolTurns = 0
    var isResult = false
    let body = root[dialect == .chat || dialect == .messages ? "messages" : "input"]
    if dialect == .embeddings {
      let texts = body?.string.map { [$0] } ?? body?.elements.map { $0.string ?? "" } ?? []
      guard (1...MockRequest.inputsMax).contains(texts.count) else { return nil }
      inputs = texts
      bytes += texts.reduce(0) { $0 + $1.utf8.count }
      last = texts.last ?? ""
    } else {
      inputs = []
      if let text = body?.string, dialect == .responses {
        last = text
        bytes += text.utf8.count
        count = 1
      } else {
        guard let body, body.kind == .array, body.count > 0 else { return nil }
        for message in body.elements {
          let type = message["type"]?.string
          if type == "function_call_output" || type == "function_call" {
            if type == "function_call_output" {
              toolResult = MockRequest.text(message["output"])
              if !isResult { toolTurns += 1 }
            }
            isResult = type == "function_call_output"
            count += 1
            continue
          }
          guard let role = message["role"]?.string else { return nil }
          let content = message["content"]
          let text = MockRequest.text(content)
          bytes += text.utf8.count
          count += 1
          let result = content?.elements.first { $0["type"]?.string == "tool_result" }
          if role == "tool" || result != nil {
            toolResult = result.map { MockRequest.text($0["content"]) } ?? text
            if !isResult { toolTurns += 1 }
          } else if role == "user" {
            last = text
            toolResult = nil
            toolTurns = 0
          } else if role == "system" || role == "developer" {
            system += text
          }
          isResult = role == "tool" || result != nil
        }
      }
    }
    self.system = system
    lastText = last
    self.toolResult = toolResult
    self.toolTurns = toolTurns
    hasTools = (root["tools"]?.count ?? 0) > 0
    wantsStream = root["stream"]?.bool ?? false
    wantsUsage = root["stream_options"]?["include_usage"]?.bool ?? false
    outputTokensMax =
      root["max_completion_tokens"]?.int ?? root["max_tokens"]?.int ?? root["max_output_tokens"]?.int
    let dimensionsMax = min(4096, MockRequest.numbersMax / Int64(max(1, inputs.count)))
    dimensions = Int(max(1, min(dimensionsMax, root["dimensions"]?.int ?? 8)))
    wantsBase64 = root["encoding_format"]?.string == "base64"
    // Four bytes a token and four tokens a message: near enough for a mock, and always the same.
    inputTokens = Int64(bytes / 4 + max(1, count) * 4)
  }

  private static func text(_ content: JSONView?) -> String {
    guard let content else { return "" }
    if let text = content.string { return text }
    return content.elements.compactMap { $0["text"]?.string }.joined(separator: "\n")
  }
}
