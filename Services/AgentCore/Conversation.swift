internal import JSON

/// The messages of an agent's loop, kept as the JSON that is sent, so that nothing is converted twice.
struct Conversation: Sendable {
  private let input: AgentInput
  private var messages: [[UInt8]] = []

  init(_ input: AgentInput) {
    self.input = input
    if let system = input.system { append(role: "system", system) }
    append(role: "user", input.prompt)
  }

  private mutating func append(role: String, _ text: String) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("role", role)
    writer.member("content", text)
    writer.endObject()
    messages.append(writer.bytes)
  }

  /// Takes up the model's message as it came.
  mutating func append(assistant message: JSONView) { messages.append(Array(message.rawBytes)) }

  /// Takes up a tool's answer.
  mutating func append(toolResult text: String, of call: String) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("role", "tool")
    writer.member("tool_call_id", call)
    writer.member("content", text)
    writer.endObject()
    messages.append(writer.bytes)
  }

  /// The request for the next turn: the same conversation always gives the same bytes, which the journal relies on.
  func request() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: messages.reduce(512) { $0 + $1.count + 1 })
    writer.beginObject()
    writer.member("model", input.model)
    writer.key("messages")
    writer.beginArray()
    for message in messages { writer.raw(message) }
    writer.endArray()
    writer.member("max_tokens", ifPresent: input.outputTokensMax)
    writer.member("tools", raw: Conversation.tools)
    writer.endObject()
    return writer.bytes
  }

  private static let tools = Array(
    """
    [{"type":"function","function":{"name":"calculate","description":"Evaluates an arithmetic expression with + - * / \
    and parentheses.","parameters":{"type":"object","properties":{"expression":{"type":"string"}},"required":\
    ["expression"],"additionalProperties":false}}}]
    """.utf8)
}
