public import HTTPWire
internal import JSON

/// What went wrong within a provider's stream.
public struct StreamFault: Error, Sendable, Hashable {
  /// The provider's code or type, if it gave one.
  public let code: String
  /// One sentence.
  public let message: String

  /// A fault.
  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }
}

/// What an event of a stream meant.
public struct StreamNotice: Sendable, Hashable {
  /// Whether the event held words, thoughts or parts of a tool call: from then on another provider cannot take over.
  public var hasContent = false
  /// The reason for the end, in the words of the provider.
  public var finishReason: String?
}

/// Turns the events of a provider's stream into those of another dialect, one by one.
public protocol AnswerStream: Sendable {
  /// Takes an event and appends what follows from it. Throws `StreamFault` when the provider reports an error or sends
  /// what is no event of its dialect.
  mutating func take(_ event: ServerSentEvent, to bytes: inout [UInt8]) throws(StreamFault) -> StreamNotice
  /// The stream is over: appends what closes it.
  mutating func finish(to bytes: inout [UInt8])
}

extension AnswerStream {
  /// The parsed data of an event.
  static func parse(_ event: ServerSentEvent) throws(StreamFault) -> JSONView {
    guard let document = try? JSONDocument(parsing: event.data), document.root.kind == .object else {
      throw StreamFault(code: "provider_garbage", message: "The provider's stream holds something that is not JSON.")
    }
    if let error = document.root["error"], !error.isNull {
      throw StreamFault(
        code: error["code"]?.string ?? error["type"]?.string ?? "provider_error",
        message: String((error["message"]?.string ?? "no message").prefix(500)))
    }
    return document.root
  }

  static func append(_ value: JSONValue, named name: String? = nil, to bytes: inout [UInt8]) {
    ServerSentEvent(event: name, data: value.bytes).append(to: &bytes)
  }
}

/// A message stream (Anthropic) as chat completion chunks.
public struct ChatStreamFromMessages: AnswerStream {
  private let model: String
  private let created: Int64
  private let wantsUsage: Bool
  private var id = ""
  private var toolIndex: [Int64: Int64] = [:]
  private var usage = UsageWords()
  private var reason: String?

  /// At the begin of a stream.
  public init(model: String, created: Int64, wantsUsage: Bool) {
    self.model = model
    self.created = created
    self.wantsUsage = wantsUsage
  }

  /// Feeds one event of the source's stream and appends what it becomes.
  public mutating func take(
    _ event: ServerSentEvent, to bytes: inout [UInt8]
  ) throws(StreamFault) -> StreamNotice {
    let root = try ChatStreamFromMessages.parse(event)
    var notice = StreamNotice()
    switch root["type"]?.string {
    case "message_start":
      id = "chatcmpl-\(root["message"]?["id"]?.string ?? "")"
      usage.take(message: root["message"]?["usage"])
      chunk(.members(("role", .string("assistant")), ("content", .string(""))), to: &bytes)
    case "content_block_start":
      guard let block = root["content_block"], block["type"]?.string == "tool_use", let index = root["index"]?.int
      else { break }
      notice.hasContent = true
      let number = Int64(toolIndex.count)
      toolIndex[index] = number
      let call = JSONValue.members(
        ("index", .int(number)), ("id", .string(block["id"]?.string ?? "")), ("type", .string("function")),
        (
          "function",
          .members(("name", .string(block["name"]?.string ?? "")), ("arguments", .string("")))
        ))
      chunk(.members(("tool_calls", .array([call]))), to: &bytes)
    case "content_block_delta": notice.hasContent = delta(root, to: &bytes)
    case "message_delta":
      reason = root["delta"]?["stop_reason"]?.string
      notice.finishReason = reason
      usage.take(message: root["usage"])
    default: break
    }
    return notice
  }

  private mutating func delta(_ root: JSONView, to bytes: inout [UInt8]) -> Bool {
    let delta = root["delta"]
    switch delta?["type"]?.string {
    case "text_delta": chunk(.members(("content", .string(delta?["text"]?.string ?? ""))), to: &bytes)
    case "thinking_delta":
      chunk(.members(("reasoning_content", .string(delta?["thinking"]?.string ?? ""))), to: &bytes)
    case "input_json_delta":
      guard let index = root["index"]?.int, let number = toolIndex[index] else { return false }
      let call = JSONValue.members(
        ("index", .int(number)),
        ("function", .members(("arguments", .string(delta?["partial_json"]?.string ?? "")))))
      chunk(.members(("tool_calls", .array([call]))), to: &bytes)
    default: return false
    }
    return true
  }

  private func chunk(_ delta: JSONValue, finish: String? = nil, to bytes: inout [UInt8]) {
    var body = ObjectBuilder()
    head(&body)
    body.add(
      "choices",
      .array([
        .members(
          ("index", .int(0)), ("delta", delta), ("logprobs", .null),
          ("finish_reason", finish.map { .string($0) } ?? .null))
      ]))
    if wantsUsage { body.add("usage", .null) }
    ChatStreamFromMessages.append(body.value, to: &bytes)
  }

  private func head(_ body: inout ObjectBuilder) {
    body.add("id", .string(id))
    body.add("object", .string("chat.completion.chunk"))
    body.add("created", .int(created))
    body.add("model", .string(model))
  }

  /// Ends the stream: appends what is still owed to a well-formed end.
  public mutating func finish(to bytes: inout [UInt8]) {
    chunk(.object([]), finish: StopReasons.chat(fromMessage: reason), to: &bytes)
    if wantsUsage {
      var body = ObjectBuilder()
      head(&body)
      body.add("choices", .array([]))
      body.add("usage", usage.chat)
      ChatStreamFromMessages.append(body.value, to: &bytes)
    }
    bytes += Array("data: [DONE]\n\n".utf8)
  }
}
