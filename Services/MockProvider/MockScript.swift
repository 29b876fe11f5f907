internal import JSON
internal import Settings

/// What the mock provider answers to which prompt.
struct MockScript: Sendable, Equatable {
  /// A tool call that the model asks for.
  struct ToolCall: Sendable, Equatable {
    let name: String
    let arguments: String
  }

  /// The reply is given when the last message holds this text; an empty text matches always.
  let match: String
  /// The text of the answer; `{prompt}` stands for the last message.
  let reply: String
  /// Asked for instead of a text, once: when a tool has answered, the text follows.
  let toolCall: ToolCall?
  /// Time before the first byte.
  let latency: Duration
  /// Time between two pieces of a stream.
  let pieceDelay: Duration
  /// An error instead of an answer; 0 for none.
  let status: Int

  static let type = SettingType<MockScript>.map { reader in
    let call = reader.optional("tool_call", toolCallType)
    return MockScript(
      match: reader.value("match", .string(), default: ""),
      reply: reader.value("reply", .string(), default: "{prompt}"),
      toolCall: call, latency: reader.value("latency_ms", .milliseconds(in: 0...600_000), default: .zero),
      pieceDelay: reader.value("piece_delay_ms", .milliseconds(in: 0...60_000), default: .zero),
      status: reader.value("status", .int(in: 0...599), default: 0))
  }

  private static let toolCallType = SettingType<ToolCall>.map { reader in
    ToolCall(name: reader.value("name", .string()), arguments: reader.value("arguments", .string(), default: "{}"))
  }

  /// Used when no script matches.
  static func standard(latency: Duration) -> MockScript {
    MockScript(
      match: "", reply: "This is the mock provider. You asked: {prompt}", toolCall: nil, latency: latency,
      pieceDelay: .zero, status: 0)
  }
}
