internal import JSON
package import Settings

/// What goes wrong on purpose. The raw values are part of the configuration.
package enum MockFault: String, Sendable, CaseIterable {
  /// Nothing.
  case none
  /// The request is taken and never answered.
  case hang
  /// A stream begins and stalls in the middle.
  case stall
  /// The connection ends in the middle of the answer.
  case cut
  /// A success whose body is not what was promised: HTML, or an event that is no JSON.
  case garbage
  /// A success whose body is an error.
  case errorBody = "error_body"
  /// A stream that begins well and then sends an error event.
  case errorEvent = "error_event"
  /// An answer whose counts are nonsense.
  case wrongUsage = "wrong_usage"
  /// An answer without counts.
  case noUsage = "no_usage"
}

/// What the mock provider answers to which prompt.
package struct MockScript: Sendable, Equatable {
  /// A tool call that the model asks for.
  package struct ToolCall: Sendable, Equatable {
    package let name: String
    package let arguments: String

    /// A call.
    package init(name: String, arguments: String) {
      self.name = name
      self.arguments = arguments
    }
  }

  /// What an agent says in one turn of a conversation.
  package struct Turn: Sendable, Equatable {
    package let reply: String
    package let toolCalls: [ToolCall]

    /// A turn.
    package init(reply: String, toolCalls: [ToolCall] = []) {
      self.reply = reply
      self.toolCalls = toolCalls
    }
  }

  /// The reply is given when the last message of the user holds this text; an empty text matches always.
  package var match = ""
  /// The reply is given when the last result of a tool holds this text.
  package var matchToolResult = ""
  /// The reply is given when the system prompt holds this text.
  package var matchSystem = ""
  /// Only requests for this model; empty: all.
  package var model = ""
  /// Only the first so many requests that match; 0: all.
  package var times = 0
  /// The text of the answer; `{prompt}` stands for the last message of the user, `{tool_result}` for the last result of
  /// a tool. Both may stand in arguments of tool calls, too.
  package var reply = "{prompt}"
  /// Asked for instead of a text, once: when tools have answered, the text follows.
  package var toolCalls: [ToolCall] = []
  /// What is said turn by turn: the first before any tool has answered, the next when tools have answered once, and so
  /// on; the last one stays. They take the place of the reply and the tool calls.
  package var turns: [Turn] = []
  /// Whether tools are asked for although some have answered.
  package var asksAgain = false
  package var pace = MockPace()
  /// An error instead of an answer; 0 for none.
  package var status = 0
  /// The code and the message of that error.
  package var errorCode = "scripted_error"
  package var errorMessage = ""
  /// What the error asks its caller to wait.
  package var retryAfterSeconds = 1
  package var fault = MockFault.none
  /// Tokens of the prompt that count as read from, or written to, the provider's own cache.
  package var cacheReadTokens: Int64 = 0
  package var cacheWriteTokens: Int64 = 0

  /// An echo of the last message.
  package init() {}

  /// Scripts in a configuration.
  package static let type = SettingType<MockScript>.map { reader in
    var script = MockScript()
    script.match = reader.value("match", .string(), default: "")
    script.model = reader.value("model", .string(bytesMaximum: 200), default: "")
    script.matchToolResult = reader.value("match_tool_result", .string(), default: "")
    script.matchSystem = reader.value("match_system", .string(), default: "")
    script.turns = reader.value("turns", .list(of: turnType), default: [])
    script.times = reader.value("times", .int(in: 0...1_000_000), default: 0)
    script.reply = reader.value("reply", .string(bytesMaximum: 262_144), default: "{prompt}")
    script.toolCalls = reader.value("tool_calls", .list(of: toolCallType), default: [])
    if let call = reader.optional("tool_call", toolCallType) { script.toolCalls.insert(call, at: 0) }
    script.pace = MockPace(
      latency: reader.value("latency_ms", .milliseconds(in: 0...600_000), default: .zero),
      spread: reader.value("latency_spread", .number(in: 0...3), default: 0),
      pieceDelay: reader.value("piece_delay_ms", .milliseconds(in: 0...60_000), default: .zero),
      tokensPerSecond: reader.value("tokens_per_second", .number(in: 0...1_000_000), default: 0),
      rateSpread: reader.value("rate_spread", .number(in: 0...3), default: 0))
    script.status = reader.value("status", .int(in: 0...599), default: 0)
    script.errorCode = reader.value("error_code", .string(bytesMaximum: 100), default: "scripted_error")
    script.errorMessage = reader.value("error_message", .string(), default: "")
    script.retryAfterSeconds = reader.value("retry_after_seconds", .int(in: 0...86_400), default: 1)
    script.fault = reader.value("fault", .word(MockFault.self), default: .none)
    script.cacheReadTokens = Int64(reader.value("cache_read_tokens", .int(in: 0...10_000_000), default: 0))
    script.cacheWriteTokens = Int64(reader.value("cache_write_tokens", .int(in: 0...10_000_000), default: 0))
    return script
  }

  private static let turnType = SettingType<Turn>.map { reader in
    Turn(
      reply: reader.value("reply", .string(bytesMaximum: 262_144), default: ""),
      toolCalls: reader.value("tool_calls", .list(of: toolCallType), default: []))
  }

  private static let toolCallType = SettingType<ToolCall>.map { reader in
    ToolCall(name: reader.value("name", .string()), arguments: reader.value("arguments", .string(), default: "{}"))
  }

  /// The script as it is in the turn that a request begins.
  func turn(of request: MockRequest) -> MockScript {
    guard !turns.isEmpty else { return self }
    let turn = turns[min(request.toolTurns, turns.count - 1)]
    var script = self
    script.reply = turn.reply
    script.toolCalls = turn.toolCalls
    script.asksAgain = true
    return script
  }

  /// Used when no script matches.
  package static func standard(latency: Duration) -> MockScript {
    var script = MockScript()
    script.reply = "This is the mock provider. You asked: {prompt}"
    script.pace.latency = latency
    return script
  }
}
