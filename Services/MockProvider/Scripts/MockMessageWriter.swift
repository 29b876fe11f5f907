internal import JSON

/// Answers as `message` of Anthropic, whole and as its named events.
struct MockMessageWriter {
  let answer: MockAnswer

  private var stopReason: String { !answer.toolCalls.isEmpty ? "tool_use" : answer.isCut ? "max_tokens" : "end_turn" }

  func whole() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: answer.text.utf8.count + 512)
    writer.beginObject()
    head(&writer)
    writer.key("content")
    writer.beginArray()
    if answer.toolCalls.isEmpty {
      writer.beginObject()
      writer.member("type", "text")
      writer.member("text", answer.text)
      writer.endObject()
    }
    for (index, call) in answer.toolCalls.enumerated() {
      writer.beginObject()
      block(call, index, &writer)
      writer.member("input", raw: call.arguments.utf8)
      writer.endObject()
    }
    writer.endArray()
    writer.member("stop_reason", stopReason)
    writer.member("stop_sequence", orNull: nil)
    if answer.reportsUsage { usage(output: answer.outputTokens, &writer) }
    writer.endObject()
    return writer.bytes
  }

  private func head(_ writer: inout JSONWriter) {
    writer.member("id", "msg_\(answer.id)")
    writer.member("type", "message")
    writer.member("role", "assistant")
    writer.member("model", answer.model)
  }

  private func block(_ call: MockScript.ToolCall, _ index: Int, _ writer: inout JSONWriter) {
    writer.member("type", "tool_use")
    writer.member("id", "toolu_\(answer.callID(index).dropFirst(5))")
    writer.member("name", call.name)
  }

  /// The input does not count what was read from the cache or written to it.
  private func usage(output: Int64, _ writer: inout JSONWriter) {
    writer.key("usage")
    writer.beginObject()
    if answer.reportsWrongUsage {
      writer.member("input_tokens", Int64(-5))
      writer.member("output_tokens", "many")
    } else {
      writer.member("input_tokens", answer.inputTokens - answer.cacheReadTokens - answer.cacheWriteTokens)
      writer.member("cache_read_input_tokens", answer.cacheReadTokens)
      writer.member("cache_creation_input_tokens", answer.cacheWriteTokens)
      writer.member("output_tokens", output)
    }
    writer.endObject()
  }

  // MARK: Stream

  func stream() -> MockEvents {
    var events = MockEvents()
    events.opening.append(
      MockEvents.event("message_start") { writer in
        writer.key("message")
        writer.beginObject()
        head(&writer)
        writer.key("content")
        writer.beginArray()
        writer.endArray()
        writer.member("stop_reason", orNull: nil)
        writer.member("stop_sequence", orNull: nil)
        if answer.reportsUsage { usage(output: 1, &writer) }
        writer.endObject()
      })
    events.opening.append(MockEvents.event("ping") { _ in })
    for (index, call) in answer.toolCalls.enumerated() {
      events.opening.append(
        MockEvents.event("content_block_start") { writer in
          writer.member("index", Int64(index))
          writer.key("content_block")
          writer.beginObject()
          block(call, index, &writer)
          writer.key("input")
          writer.beginObject()
          writer.endObject()
          writer.endObject()
        })
      events.opening.append(delta(index, "input_json_delta", "partial_json", call.arguments))
      events.opening.append(stop(index))
    }
    if answer.toolCalls.isEmpty {
      events.opening.append(
        MockEvents.event("content_block_start") { writer in
          writer.member("index", Int64(0))
          writer.key("content_block")
          writer.beginObject()
          writer.member("type", "text")
          writer.member("text", "")
          writer.endObject()
        })
      events.pieces = answer.pieces.map { delta(0, "text_delta", "text", $0) }
      events.closing.append(stop(0))
    }
    events.closing.append(
      MockEvents.event("message_delta") { writer in
        writer.key("delta")
        writer.beginObject()
        writer.member("stop_reason", stopReason)
        writer.member("stop_sequence", orNull: nil)
        writer.endObject()
        if answer.reportsUsage { usage(output: answer.outputTokens, &writer) }
      })
    events.closing.append(MockEvents.event("message_stop") { _ in })
    return events
  }

  private func delta(_ index: Int, _ type: String, _ member: String, _ text: String) -> [UInt8] {
    MockEvents.event("content_block_delta") { writer in
      writer.member("index", Int64(index))
      writer.key("delta")
      writer.beginObject()
      writer.member("type", type)
      writer.member(member, text)
      writer.endObject()
    }
  }

  private func stop(_ index: Int) -> [UInt8] {
    MockEvents.event("content_block_stop") { $0.member("index", Int64(index)) }
  }
}
