internal import JSON

/// Answers as `chat.completion` and `chat.completion.chunk` of OpenAI.
struct MockChatWriter {
  let answer: MockAnswer

  private var finish: String { !answer.toolCalls.isEmpty ? "tool_calls" : answer.isCut ? "length" : "stop" }

  func whole() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: answer.text.utf8.count + 512)
    writer.beginObject()
    head("chat.completion", &writer)
    writer.key("choices")
    writer.beginArray()
    writer.beginObject()
    writer.member("index", Int64(0))
    writer.key("message")
    writer.beginObject()
    writer.member("role", "assistant")
    writer.member("content", orNull: answer.toolCalls.isEmpty ? answer.text : nil)
    if !answer.toolCalls.isEmpty { calls(indexed: false, &writer) }
    writer.endObject()
    writer.member("logprobs", orNull: nil)
    writer.member("finish_reason", finish)
    writer.endObject()
    writer.endArray()
    if answer.reportsUsage { usage(&writer) }
    writer.endObject()
    return writer.bytes
  }

  private func head(_ object: String, _ writer: inout JSONWriter) {
    writer.member("id", "chatcmpl-\(answer.id)")
    writer.member("object", object)
    writer.member("created", answer.created)
    writer.member("model", answer.model)
  }

  private func usage(_ writer: inout JSONWriter) {
    writer.key("usage")
    writer.beginObject()
    if answer.reportsWrongUsage {
      writer.member("prompt_tokens", Int64(-5))
      writer.member("completion_tokens", "many")
    } else {
      writer.member("prompt_tokens", answer.inputTokens)
      writer.member("completion_tokens", answer.outputTokens)
      writer.member("total_tokens", answer.inputTokens + answer.outputTokens)
      if answer.cacheReadTokens > 0 {
        writer.key("prompt_tokens_details")
        writer.beginObject()
        writer.member("cached_tokens", answer.cacheReadTokens)
        writer.endObject()
      }
    }
    writer.endObject()
  }

  private func calls(indexed: Bool, _ writer: inout JSONWriter) {
    writer.key("tool_calls")
    writer.beginArray()
    for (index, call) in answer.toolCalls.enumerated() {
      writer.beginObject()
      if indexed { writer.member("index", Int64(index)) }
      writer.member("id", answer.callID(index))
      writer.member("type", "function")
      writer.key("function")
      writer.beginObject()
      writer.member("name", call.name)
      writer.member("arguments", call.arguments)
      writer.endObject()
      writer.endObject()
    }
    writer.endArray()
  }

  // MARK: Stream

  func stream(withUsage: Bool) -> MockEvents {
    var events = MockEvents()
    events.opening.append(
      chunk(withUsage) { writer in
        writer.member("role", "assistant")
        writer.member("content", "")
      })
    if !answer.toolCalls.isEmpty { events.opening.append(chunk(withUsage) { calls(indexed: true, &$0) }) }
    events.pieces = answer.pieces.map { piece in chunk(withUsage) { $0.member("content", piece) } }
    events.closing.append(chunk(withUsage, finish: finish) { _ in })
    if withUsage, answer.reportsUsage {
      events.closing.append(
        MockEvents.event { writer in
          head("chat.completion.chunk", &writer)
          writer.key("choices")
          writer.beginArray()
          writer.endArray()
          usage(&writer)
        })
    }
    events.closing.append(Array("data: [DONE]\n\n".utf8))
    return events
  }

  private func chunk(_ withUsage: Bool, finish: String? = nil, _ delta: (inout JSONWriter) -> Void) -> [UInt8] {
    MockEvents.event { writer in
      head("chat.completion.chunk", &writer)
      writer.key("choices")
      writer.beginArray()
      writer.beginObject()
      writer.member("index", Int64(0))
      writer.key("delta")
      writer.beginObject()
      delta(&writer)
      writer.endObject()
      writer.member("finish_reason", orNull: finish)
      writer.endObject()
      writer.endArray()
      if withUsage { writer.member("usage", orNull: nil) }
    }
  }
}
