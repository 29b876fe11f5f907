public import HTTPWire
internal import JSON
public import Pricing

/// Reads along a provider's stream: what it has used, why it ended, and whether it ended properly.
public struct StreamWatcher: Sendable {
  private let wire: Dialect
  private var words = UsageWords()
  private var longWrites: Int64 = 0
  private var sawUsage = false
  private var chatUsage: TokenUsage?
  /// Whether the end was announced; a stream that ends without is cut.
  public private(set) var isComplete = false
  /// Why the answer ended, in the provider's words.
  public private(set) var finishReason: String?
  /// Bytes of words, thoughts and arguments so far, to estimate what was used when nobody says.
  public private(set) var contentBytes = 0

  /// Watches a stream in the dialect of a provider.
  public init(_ wire: Dialect) { self.wire = wire }

  /// What the provider has said that was used; nil when it has not.
  public var usage: TokenUsage? {
    guard wire == .messages else { return chatUsage }
    guard sawUsage else { return nil }
    return TokenUsage(
      input: max(0, words.prompt - words.read - words.written), cacheRead: words.read,
      cacheWrite: max(0, words.written - longWrites), cacheWriteLong: longWrites, output: words.output)
  }

  /// What an event means.
  public struct Sight: Sendable, Hashable {
    /// Words, thoughts or parts of a call.
    public var hasContent = false
    /// Nothing but the usage, which only those want who asked for it.
    public var isUsageOnly = false
  }

  /// Looks at an event. Throws `StreamFault` for an error and for what is no event of the dialect.
  public mutating func watch(_ event: ServerSentEvent) throws(StreamFault) -> Sight {
    var sight = Sight()
    if event.data.elementsEqual("[DONE]".utf8) {
      isComplete = true
      return sight
    }
    let root = try ChatStreamFromMessages.parse(event)
    let before = contentBytes
    switch wire {
    case .chat, .embeddings: sight.isUsageOnly = watchChat(root)
    case .messages: watchMessages(root)
    case .responses: try watchResponses(root)
    }
    sight.hasContent = contentBytes > before
    return sight
  }

  private mutating func count(_ view: JSONView?) {
    if let bytes = view?.stringBytesMax { contentBytes += bytes }
  }

  private mutating func watchChat(_ root: JSONView) -> Bool {
    if let choice = root["choices"]?[0] {
      let delta = choice["delta"]
      for name in ["content", "reasoning_content", "refusal"] { count(delta?[name]) }
      for call in delta?.present("tool_calls")?.elements.map({ $0 }) ?? [] {
        count(call["function"]?["name"])
        count(call["function"]?["arguments"])
      }
      if let reason = choice.present("finish_reason")?.string {
        finishReason = reason
        isComplete = true
      }
    }
    guard root["usage"]?.kind == .object else { return false }
    chatUsage = TokenUsage(chat: root["usage"]) ?? chatUsage
    return root["choices"]?.count == 0
  }

  private mutating func watchMessages(_ root: JSONView) {
    switch root["type"]?.string {
    case "message_start": take(root["message"]?["usage"])
    case "content_block_start":
      if root["content_block"]?["type"]?.string == "tool_use" { count(root["content_block"]?["name"]) }
    case "content_block_delta":
      for name in ["text", "thinking", "partial_json"] { count(root["delta"]?[name]) }
    case "message_delta":
      finishReason = root["delta"]?["stop_reason"]?.string ?? finishReason
      take(root["usage"])
    case "message_stop": isComplete = true
    default: break
    }
  }

  private mutating func take(_ usage: JSONView?) {
    guard let usage, usage.kind == .object, TokenUsage(messages: usage) != nil || usage["input_tokens"] == nil,
      (usage["output_tokens"]?.int ?? 0) >= 0
    else { return }
    if usage["input_tokens"]?.int != nil { sawUsage = true }
    words.take(message: usage)
    longWrites = usage["cache_creation"]?["ephemeral_1h_input_tokens"]?.int ?? longWrites
  }

  private mutating func watchResponses(_ root: JSONView) throws(StreamFault) {
    switch root["type"]?.string {
    case "response.output_text.delta", "response.function_call_arguments.delta", "response.refusal.delta",
      "response.reasoning_summary_text.delta":
      count(root["delta"])
    case "response.completed", "response.incomplete":
      isComplete = true
      finishReason = root["response"]?["incomplete_details"]?["reason"]?.string ?? "stop"
      chatUsage = TokenUsage(responses: root["response"]?["usage"])
    case "response.failed":
      let error = root["response"]?["error"]
      throw StreamFault(
        code: error?["code"]?.string ?? "provider_error",
        message: String((error?["message"]?.string ?? "no message").prefix(500)))
    case "error":
      throw StreamFault(
        code: root["code"]?.string ?? "provider_error", message: String((root["message"]?.string ?? "").prefix(500)))
    default: break
    }
  }
}
