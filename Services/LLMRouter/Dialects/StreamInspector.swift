public import HTTPWire
internal import JSON
public import Pricing

/// Reads along a provider's stream: what it has used, why it ended, and whether it ended properly.
public struct StreamInspector: Sendable {
  private let wire: Dialect
  private var messageUsage = MessageUsage()
  private var reported: TokenUsage?
  /// `contentBytes` when the usage was reported: what comes after it is not counted in it.
  private var reportedAt = 0
  private var response = ResponseProgress()
  /// Whether the end was announced; a stream that ends without is cut.
  public private(set) var isComplete = false
  /// Why the answer ended, as the provider names it.
  public private(set) var finishReason: String?
  /// Bytes of text, thoughts and arguments so far, to estimate what was used when no usage is reported.
  public private(set) var contentBytes = 0
  /// What the answer has come to so far.
  public private(set) var outcome = AnswerOutcome()

  /// Inspects a stream in the dialect of a provider.
  public init(_ wire: Dialect) { self.wire = wire }

  /// What the provider has said that was used; nil when it has not. Of a stream that has not come to its end the answer
  /// is counted only as far as the provider has counted it after the last text.
  public var usage: TokenUsage? {
    guard var usage = wire == .messages ? messageUsage.usage : reported else { return nil }
    if wire != .messages, contentBytes > reportedAt { usage.isOutputReported = false }
    return usage
  }

  /// What an event means.
  public struct Inspection: Sendable {
    /// Text, thoughts or parts of a call.
    public var hasContent = false
    /// Nothing but the usage, which only those want who asked for it.
    public var isUsageOnly = false
    /// Nothing follows this event.
    public var isEnd = false
    /// It may have counts of tokens; others need not be looked at for them.
    public var mayHoldUsage = false
    /// The parsed event; nil when it has no JSON.
    public var parsed: ProviderJSON?
  }

  /// Inspects an event. Throws `StreamFault` for an error and for what is no event of the dialect.
  public mutating func inspect(_ event: ServerSentEvent) throws(StreamFault) -> Inspection {
    var inspection = Inspection()
    if ProviderJSON.isDone(event.data) {
      isComplete = true
      inspection.isEnd = true
      return inspection
    }
    let parsed = try ProviderJSON(event, checksErrors: wire != .chat)
    let before = contentBytes
    switch wire {
    case .chat, .completions, .embeddings: try inspectChat(parsed.root, &inspection)
    case .messages:
      let type = parsed.root["type"]?.string ?? event.event
      inspection.mayHoldUsage = type != "content_block_delta"
      inspection.isEnd = inspectMessages(parsed.root, type)
    case .responses:
      let type = parsed.root["type"]?.string
      inspection.mayHoldUsage = !(type?.hasSuffix(".delta") ?? false)
      inspection.isEnd = try inspectResponses(parsed.root, type)
    }
    inspection.hasContent = contentBytes > before
    inspection.parsed = parsed
    return inspection
  }

  private mutating func count(_ view: JSONView?, _ part: AnswerPart) {
    guard let view, let bytes = view.stringBytesMax, bytes > 0 else { return }
    contentBytes += bytes
    switch part {
    case .text, .refusal:
      if !outcome.hasText { outcome.hasText = !JSONPrefix.isBlank(view) }
    case .thinking, .redacted: outcome.hasThoughts = true
    case .call: outcome.hasCalls = true
    }
  }

  // MARK: Chat completions

  private mutating func inspectChat(_ root: JSONView, _ inspection: inout Inspection) throws(StreamFault) {
    var choices: JSONView?
    var hasUsage = false
    var mayHoldUsage = false
    var fault: StreamFault?
    for (key, value) in root.members {
      if key.isNamed("choices") {
        choices = value
      } else if key.isNamed("usage") {
        hasUsage = value.kind == .object
      } else if key.isNamed("x_groq") {
        mayHoldUsage = true
      } else if key.isNamed("error"), !value.isNull {
        fault = StreamFault(error: value)
      }
    }
    if let fault {
      take(TokenUsage(chatAnswer: root))
      throw fault
    }
    if let choices {
      do throws(StreamFault) {
        if choices.kind == .object {
          if try inspect(choice: ChatChoice(choices)) { mayHoldUsage = true }
        } else {
          for choice in choices.elements where try inspect(choice: ChatChoice(choice)) { mayHoldUsage = true }
        }
      } catch {
        take(TokenUsage(chatAnswer: root))
        throw error
      }
    }
    inspection.mayHoldUsage = hasUsage || mayHoldUsage
    if inspection.mayHoldUsage, let usage = TokenUsage(chatAnswer: root) {
      reported = usage
      reportedAt = contentBytes
    }
    inspection.isUsageOnly = hasUsage && choices?.count == 0
  }

  /// Usage reported beside an error was used, unless it is nothing.
  private mutating func take(_ usage: TokenUsage?) {
    guard let usage, usage.total > 0 else { return }
    reported = usage
    reportedAt = contentBytes
  }

  /// Inspects a choice. Returns whether it may hold usage.
  private mutating func inspect(choice: ChatChoice) throws(StreamFault) -> Bool {
    if let fault = StreamFault(in: choice) { throw fault }
    if let message = choice.message {
      inspect(message: message)
    } else {
      count(choice.text, .text)
    }
    if let reason = choice.finish {
      finishReason = reason
      outcome.finish = AnswerFinish(chat: reason)
      isComplete = true
    }
    return choice.hasUsage
  }

  /// Nearly every delta has texts as members, which are counted as they stand.
  private mutating func inspect(message: JSONView) {
    let before = (contentBytes, outcome)
    var hasThoughts = false
    for (key, value) in message.members {
      guard let bytes = value.stringBytesMax else {
        if value.isNull { continue }
        (contentBytes, outcome) = before
        return inspect(parts: ChatMessage(message))
      }
      guard bytes > 0 else { continue }
      if key.isNamed("content") || key.isNamed("refusal") {
        count(value, .text)
      } else if key.isNamed("reasoning_content") || key.isNamed("reasoning") || key.isNamed("thinking") {
        // The same thoughts under two names count once.
        if !hasThoughts { count(value, .thinking) }
        hasThoughts = true
      }
    }
  }

  private mutating func inspect(parts message: ChatMessage) {
    message.visit { count($1, $0) }
    message.visitCalls { call in
      contentBytes += call.bytes
      if call.bytes > 0 { outcome.hasCalls = true }
    }
  }

  // MARK: Messages

  private mutating func inspectMessages(_ root: JSONView, _ type: String?) -> Bool {
    switch type {
    case "message_start": messageUsage.take(root["message"]?["usage"], isFinal: false)
    case "content_block_start": inspect(block: root["content_block"])
    case "content_block_delta":
      let delta = root["delta"]
      count(delta?["text"], .text)
      count(delta?["thinking"], .thinking)
      count(delta?["partial_json"], .call(id: "", name: ""))
    case "message_delta":
      let delta = root["delta"]
      if let reason = delta?["stop_reason"]?.string, !reason.isEmpty {
        finishReason = reason
        outcome.finish = AnswerFinish(message: reason, sequence: nil)
      }
      messageUsage.take(root["usage"], isFinal: true)
    case "message_stop":
      isComplete = true
      return true
    default: break
    }
    return false
  }

  private mutating func inspect(block: JSONView?) {
    switch block?["type"]?.string {
    case "tool_use":
      outcome.hasCalls = true
      count(block?["name"], .call(id: "", name: ""))
      if let input = block?["input"], input.count > 0 { contentBytes += input.rawBytes.count }
    case "text": count(block?["text"], .text)
    case "thinking": count(block?["thinking"], .thinking)
    case "redacted_thinking": outcome.hasThoughts = true
    default: return
    }
  }

  // MARK: Responses

  private mutating func inspectResponses(_ root: JSONView, _ type: String?) throws(StreamFault) -> Bool {
    switch type {
    // Their callers get another event with the same number.
    case "response.failed", "response.cancelled":
      take(TokenUsage(responses: root["response"]?["usage"]))
      throw StreamFault(error: root["response"]?["error"])
    case "error": throw StreamFault(error: root)
    default: response.take(root)
    }
    switch type {
    case "response.output_text.delta", "response.refusal.delta": count(root["delta"], .text)
    case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta",
      "response.mcp_call_arguments.delta", "response.code_interpreter_call_code.delta":
      count(root["delta"], .call(id: "", name: ""))
    case "response.reasoning_summary_text.delta", "response.reasoning_text.delta": count(root["delta"], .thinking)
    case "response.output_item.added":
      guard let item = root["item"], AnswerText.callTypes.contains(item["type"]?.string ?? "") else { break }
      outcome.hasCalls = true
      count(item["name"], .call(id: "", name: ""))
    case "response.completed", "response.incomplete":
      isComplete = true
      let reason = root["response"]?["incomplete_details"]?["reason"]?.string
      finishReason = reason ?? "stop"
      outcome.finish = AnswerFinish(chat: finishReason)
      if let response = root["response"], var usage = TokenUsage(responses: response["usage"]) {
        usage.take(answer: response)
        reported = usage
        reportedAt = contentBytes
      }
      return true
    default: break
    }
    return false
  }

  /// The events that end a stream of the Responses API that its caller gets as it comes, and that broke: their numbers
  /// go on.
  public func failure(status: Int, code: String, message: String) -> [UInt8] {
    response.failure(status: status, code: code, message: message)
  }
}

extension JSONPrefix {
  /// Whether a text is empty or white space only.
  static func isBlank(_ view: JSONView) -> Bool { view.withString { $0.allSatisfy(isSpace) } ?? true }
}

/// How far a stream of the Responses API has come.
struct ResponseProgress: Sendable {
  private var sequence: Int64 = -1
  private var id = ""
  private var model = ""
  private var created: Int64 = 0

  mutating func take(_ root: JSONView) {
    if let number = root["sequence_number"]?.int, number >= 0 { sequence = number }
    guard id.isEmpty, let response = root["response"] else { return }
    id = response["id"]?.string ?? ""
    model = response["model"]?.string ?? ""
    created = response["created_at"]?.int ?? 0
  }

  func failure(status: Int, code: String, message: String) -> [UInt8] {
    var bytes: [UInt8] = []
    let context = AnswerContext(model: model, created: created, unique: "failed")
    ResponseFailure.append(
      status: status, code: code, message: message, sequence: sequence == .max ? .max : sequence + 1, to: &bytes
    ) { writer in
      ResponseState.failed(code: code, message: message).write(
        id.isEmpty ? "resp_failed" : id, [], nil, context, &writer)
    }
    return bytes
  }
}
