internal import AgentTools
internal import JSON

/// The messages of an agent's loop, kept as the JSON that is sent, so that nothing is converted twice.
struct Conversation: Sendable {
  private let input: AgentInput
  private var messages: [[UInt8]] = []
  private var bytes = 0
  private var hasToolCalls = false
  private var hasTools = true

  init(_ input: AgentInput) {
    self.input = input
    if let system = input.system, !system.isEmpty { append(role: "system", system) }
    append(role: "user", input.prompt)
  }

  /// Bytes of all messages.
  var size: Int { bytes }

  /// Whether the request can do without tools: none was called so far.
  var canDropTools: Bool { hasTools && !hasToolCalls }

  /// From here on no tools are offered: the model cannot use any.
  mutating func dropTools() { hasTools = false }

  private mutating func append(_ message: [UInt8]) {
    messages.append(message)
    bytes += message.count
  }

  private mutating func append(role: String, _ text: String) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("role", role)
    writer.member("content", text)
    writer.endObject()
    append(writer.bytes)
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
    writer.member("reasoning_content", ifPresent: answer.reasoning)
    writer.endObject()
    append(writer.bytes)
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
    if !answer.text.allSatisfy(\.isWhitespace) { append(role: "assistant", answer.text) }
    append(role: "user", feedback)
  }

  /// The request for the next turn: the same conversation always gives the same bytes, which the journal relies on.
  func request() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: bytes + messages.count + 512)
    writer.beginObject()
    writer.member("model", input.model)
    writer.key("messages")
    writer.beginArray()
    for message in messages { writer.raw(message) }
    writer.endArray()
    writer.member("max_tokens", ifPresent: input.outputTokensMax)
    if hasTools { writer.member("tools", raw: Toolbox.declaration) }
    writer.endObject()
    return writer.bytes
  }
}
