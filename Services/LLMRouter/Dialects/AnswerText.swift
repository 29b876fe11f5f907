internal import HTTPWire
internal import JSON

/// The text of an answer, to be checked.
public struct AnswerText: Sendable, Hashable {
  /// All text, and the text of a refusal, without thoughts.
  public var text = ""
  /// What the answer has come to.
  public var outcome = AnswerOutcome()

  private var keepsText = true

  /// Whether tools are called; then there need be no text.
  public var hasCalls: Bool { outcome.hasCalls }

  /// No text.
  public init() {}

  /// Reads a whole answer in a dialect; nil when it cannot be read.
  public init?(whole bytes: [UInt8], _ dialect: Dialect) {
    guard let answer = ProviderJSON(bytes) else { return nil }
    self.init(answer, dialect)
  }

  /// What a whole answer in a dialect has come to, without its text; nothing when it has no part that is one.
  public static func outcome(of answer: ProviderJSON, _ dialect: Dialect) -> AnswerOutcome {
    AnswerText(answer, dialect, keepsText: false)?.outcome ?? AnswerOutcome()
  }

  /// Reads a whole answer in a dialect; nil when it has no part that is one.
  public init?(_ answer: ProviderJSON, _ dialect: Dialect) { self.init(answer, dialect, keepsText: true) }

  private init?(_ answer: ProviderJSON, _ dialect: Dialect, keepsText: Bool) {
    self.keepsText = keepsText
    let root = answer.root
    switch dialect {
    case .chat, .completions, .embeddings:
      guard let choice = root["choices"]?[0] else { return nil }
      take(choice: choice)
    case .messages:
      takeBlocks(root["content"])
      outcome.finish = AnswerFinish(message: root["stop_reason"]?.string, sequence: nil)
    case .responses: takeResponse(root)
    }
  }

  /// Reads a whole stream in a dialect; nil when it cannot be read.
  public init?(stream bytes: [UInt8], _ dialect: Dialect) {
    var parser = ServerSentEventParser()
    guard let events = try? parser.feed(bytes) else { return nil }
    for event in events where !ProviderJSON.isDone(event.data) {
      guard let root = ProviderJSON(event.data)?.root else { return nil }
      switch dialect {
      case .chat, .completions, .embeddings: if let choice = root["choices"]?[0] { take(choice: choice) }
      case .messages: takeEvent(root)
      case .responses:
        let type = root["type"]?.string
        if type == "response.completed" || type == "response.incomplete", let response = root["response"] {
          takeResponse(response)
        }
      }
    }
  }

  private mutating func add(_ view: JSONView?) {
    guard let view, view.kind == .string else { return }
    if keepsText { text += view.string ?? "" }
    if !outcome.hasText { outcome.hasText = !JSONPrefix.isBlank(view) }
  }

  private mutating func take(choice: JSONView) {
    if let message = choice.present("message") ?? choice.present("delta") {
      let parts = ChatMessage(message)
      parts.visit { part, view in
        if part == .thinking { outcome.hasThoughts = true } else { add(view) }
      }
      parts.visitCalls { _ in outcome.hasCalls = true }
    } else {
      add(choice["text"])
    }
    outcome.finish = AnswerFinish(chat: choice["finish_reason"]?.string) ?? outcome.finish
  }

  private mutating func takeBlocks(_ blocks: JSONView?) {
    add(blocks)
    for block in blocks?.elements.map({ $0 }) ?? [] {
      switch block["type"]?.string {
      case "text": add(block["text"])
      case "tool_use": outcome.hasCalls = true
      case "thinking", "redacted_thinking": outcome.hasThoughts = true
      default: continue
      }
    }
  }

  private mutating func takeEvent(_ event: JSONView) {
    switch event["type"]?.string {
    case "content_block_start":
      switch event["content_block"]?["type"]?.string {
      case "tool_use": outcome.hasCalls = true
      case "thinking", "redacted_thinking": outcome.hasThoughts = true
      case "text": add(event["content_block"]?["text"])
      default: return
      }
    case "content_block_delta": add(event["delta"]?["text"])
    case "message_delta":
      outcome.finish =
        AnswerFinish(message: event["delta"]?["stop_reason"]?.string, sequence: nil) ?? outcome.finish
    default: return
    }
  }

  /// Items of a response that its caller has to act on.
  static let callTypes: Set<String> = [
    "function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call",
    "tool_search_call", "mcp_approval_request",
  ]

  private mutating func takeResponse(_ response: JSONView) {
    for item in response["output"]?.elements.map({ $0 }) ?? [] {
      let type = item["type"]?.string ?? "message"
      if AnswerText.callTypes.contains(type) { outcome.hasCalls = true }
      if type == "reasoning" { outcome.hasThoughts = true }
      guard type == "message" else { continue }
      for part in item["content"]?.elements.map({ $0 }) ?? [] { add(part["text"] ?? part["refusal"]) }
    }
    switch response["status"]?.string {
    case "incomplete":
      outcome.finish = AnswerFinish(chat: response["incomplete_details"]?["reason"]?.string) ?? .length
    default: outcome.finish = .stop
    }
  }
}
