public import HTTPWire
internal import JSON
public import Pricing

/// Reads along a provider's stream: what it has used, why it ended, and whether it ended properly.
public struct StreamWatcher: Sendable {
  private let wire: Dialect
  private var messageUsage = MessageUsage()
  private var told: TokenUsage?
  /// `contentBytes` when the usage was told: what comes after it is not counted in it.
  private var toldAt = 0
  /// Whether the end was announced; a stream that ends without is cut.
  public private(set) var isComplete = false
  /// Why the answer ended, in the provider's words.
  public private(set) var finishReason: String?
  /// Bytes of words, thoughts and arguments so far, to estimate what was used when nobody says.
  public private(set) var contentBytes = 0

  /// Watches a stream in the dialect of a provider.
  public init(_ wire: Dialect) { self.wire = wire }

  /// What the provider has said that was used; nil when it has not. Of a stream that has not come to its end the answer
  /// is counted only as far as the provider has counted it after the last words.
  public var usage: TokenUsage? {
    guard var usage = wire == .messages ? messageUsage.usage : told else { return nil }
    if wire != .messages, contentBytes > toldAt { usage.isOutputTold = false }
    return usage
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
    if let usage = TokenUsage(chatAnswer: root) {
      told = usage
      toldAt = contentBytes
    }
    return root["usage"]?.kind == .object && root["choices"]?.count == 0
  }

  private mutating func watchMessages(_ root: JSONView) {
    switch root["type"]?.string {
    case "message_start": messageUsage.take(root["message"]?["usage"], isFinal: false)
    case "content_block_start":
      if root["content_block"]?["type"]?.string == "tool_use" { count(root["content_block"]?["name"]) }
    case "content_block_delta":
      for name in ["text", "thinking", "partial_json"] { count(root["delta"]?[name]) }
    case "message_delta":
      finishReason = root["delta"]?["stop_reason"]?.string ?? finishReason
      messageUsage.take(root["usage"], isFinal: true)
    case "message_stop": isComplete = true
    default: break
    }
  }

  private mutating func watchResponses(_ root: JSONView) throws(StreamFault) {
    switch root["type"]?.string {
    case "response.output_text.delta", "response.function_call_arguments.delta", "response.refusal.delta",
      "response.reasoning_summary_text.delta":
      count(root["delta"])
    case "response.completed", "response.incomplete":
      isComplete = true
      finishReason = root["response"]?["incomplete_details"]?["reason"]?.string ?? "stop"
      if let response = root["response"], var usage = TokenUsage(responses: response["usage"]) {
        usage.take(answer: response)
        told = usage
        toldAt = contentBytes
      }
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
