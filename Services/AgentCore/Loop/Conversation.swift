internal import JSON

/// The messages of an agent's loop, kept as the JSON that is sent, so that nothing is converted twice. They stand in
/// groups: what comes first, and one group for each turn, so that a call is never parted from its result.
struct Conversation: Sendable {
  /// What a request asks for beside the messages.
  struct Options: Sendable {
    /// The declaration of the tools; `nil` offers none.
    var tools: [UInt8]?
    /// Whether the model must not call them.
    var forbidsCalls = false
    /// JSON Schema of the answer; `nil` asks for none.
    var schema: [UInt8]?
    /// The bound of the answer.
    var outputTokensMax: Int64?
  }

  private let model: String
  /// Whether the journal was begun by a version that gave only `reasoning_content` back.
  private let isLegacy: Bool
  private var head: [[UInt8]] = []
  private var turns: [[[UInt8]]] = []
  private(set) var hasToolCalls = false
  /// Whether the first turn is a summary of earlier ones.
  private(set) var beginsWithSummary = false

  init(_ input: AgentInput, instruction: String?, isLegacy: Bool) {
    model = input.model
    self.isLegacy = isLegacy
    let system = [input.system ?? "", instruction ?? ""].filter { !$0.isEmpty }.joined(separator: "\n\n")
    if !system.isEmpty { head.append(Conversation.message(role: "system", system)) }
    head.append(Conversation.message(role: "user", input.prompt))
  }

  private static func message(role: String, _ text: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("role", role)
    writer.member("content", text)
    writer.endObject()
    return writer.bytes
  }

  // MARK: Turns

  /// How many turns stand behind what comes first.
  var turnCount: Int { turns.count }

  /// Bytes of each turn.
  var turnBytes: [Int] { turns.map { $0.reduce(0) { $0 + $1.count } } }

  private mutating func append(_ message: [UInt8]) {
    if turns.isEmpty { turns.append([]) }
    turns[turns.count - 1].append(message)
  }

  /// Takes up a model's message with its tool calls: what belongs into a history and nothing else, because providers
  /// refuse members that they do not know.
  mutating func append(_ answer: ModelAnswer, calls: [ToolCall]) {
    hasToolCalls = true
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("role", "assistant")
    writer.member("content", orNull: answer.text.isEmpty ? nil : answer.text)
    writer.key("tool_calls")
    writer.beginArray()
    for call in calls {
      writer.beginObject()
      writer.member("id", call.id)
      writer.member("type", "function")
      writer.key("function")
      writer.beginObject()
      writer.member("name", call.name)
      writer.member("arguments", call.arguments)
      writer.endObject()
      if let extra = call.extraContent { writer.member("extra_content", raw: extra) }
      writer.endObject()
    }
    writer.endArray()
    carry(answer, to: &writer)
    writer.endObject()
    turns.append([writer.bytes])
  }

  private func carry(_ answer: ModelAnswer, to writer: inout JSONWriter) {
    guard !isLegacy else { return writer.member("reasoning_content", ifPresent: answer.reasoning) }
    for (name, value) in answer.carried { writer.member(name, raw: value) }
  }

  /// Takes up a tool's answer.
  mutating func append(toolResult text: String, of call: ToolCall) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("role", "tool")
    writer.member("tool_call_id", call.id)
    writer.member("content", text)
    writer.endObject()
    append(writer.bytes)
  }

  /// Takes up an answer that could not be used, and what is said to the model about it.
  mutating func append(unusable answer: ModelAnswer, feedback: String) {
    var messages: [[UInt8]] = []
    if !answer.text.allSatisfy(\.isWhitespace) {
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("role", "assistant")
      writer.member("content", answer.text)
      if !isLegacy { carry(answer, to: &writer) }
      writer.endObject()
      messages.append(writer.bytes)
    }
    messages.append(Conversation.message(role: "user", feedback))
    turns.append(messages)
  }

  /// Takes up what the loop itself says to the model.
  mutating func append(word text: String) { append(Conversation.message(role: "user", text)) }

  /// Puts a summary in the place of the first `count` turns.
  mutating func replace(turns count: Int, by summary: String) {
    beginsWithSummary = true
    turns.replaceSubrange(0..<min(count, turns.count), with: [[Conversation.message(role: "user", summary)]])
  }

  // MARK: Requests

  /// The request for the next turn: the same conversation always gives the same bytes, which the journal relies on.
  func request(_ options: Options) -> [UInt8] { request(head + turns.joined(), options) }

  /// The request for a summary of the first `count` turns. It begins with the same bytes as the request for a turn, so
  /// that the provider's cache helps.
  func request(summaryOf count: Int, asking words: String, _ options: Options) -> [UInt8] {
    request(head + turns.prefix(count).joined() + [Conversation.message(role: "user", words)], options)
  }

  private func request(_ messages: [[UInt8]], _ options: Options) -> [UInt8] {
    var writer = JSONWriter(
      reservingBytes: messages.reduce(512) { $0 + $1.count + 1 } + (options.tools?.count ?? 0)
        + (options.schema?.count ?? 0))
    writer.beginObject()
    writer.member("model", model)
    writer.key("messages")
    writer.beginArray()
    for message in messages { writer.raw(message) }
    writer.endArray()
    writer.member("max_tokens", ifPresent: options.outputTokensMax)
    if let tools = options.tools {
      writer.member("tools", raw: tools)
      if options.forbidsCalls { writer.member("tool_choice", "none") }
    }
    if let schema = options.schema {
      writer.key("response_format")
      writer.beginObject()
      writer.member("type", "json_schema")
      writer.key("json_schema")
      writer.beginObject()
      writer.member("name", "answer")
      writer.member("schema", raw: schema)
      writer.endObject()
      writer.endObject()
    }
    writer.endObject()
    return writer.bytes
  }
}
