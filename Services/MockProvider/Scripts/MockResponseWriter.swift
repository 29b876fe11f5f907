internal import JSON

/// Answers as `response` of OpenAI's Responses interface, whole and as its numbered events.
struct MockResponseWriter {
  let answer: MockAnswer

  func whole() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: answer.text.utf8.count + 1024)
    writer.beginObject()
    body(isDone: true, &writer)
    writer.endObject()
    return writer.bytes
  }

  private func body(isDone: Bool, _ writer: inout JSONWriter) {
    writer.member("id", "resp_\(answer.id)")
    writer.member("object", "response")
    writer.member("created_at", answer.created)
    writer.member("model", answer.model)
    writer.member("status", !isDone ? "in_progress" : answer.isCut ? "incomplete" : "completed")
    if isDone, answer.isCut {
      writer.key("incomplete_details")
      writer.beginObject()
      writer.member("reason", "max_output_tokens")
      writer.endObject()
    }
    writer.member("parallel_tool_calls", true)
    writer.member("tool_choice", "auto")
    writer.member("tools", raw: "[]".utf8)
    writer.key("output")
    writer.beginArray()
    if isDone {
      if answer.toolCalls.isEmpty { item(isDone: true, &writer) }
      for index in answer.toolCalls.indices { call(index, isDone: true, &writer) }
    }
    writer.endArray()
    guard isDone, answer.reportsUsage else { return }
    writer.key("usage")
    writer.beginObject()
    writer.member("input_tokens", answer.reportsWrongUsage ? -5 : answer.inputTokens)
    writer.key("input_tokens_details")
    writer.beginObject()
    writer.member("cached_tokens", answer.cacheReadTokens)
    writer.endObject()
    writer.member("output_tokens", answer.reportsWrongUsage ? -1 : answer.outputTokens)
    writer.key("output_tokens_details")
    writer.beginObject()
    writer.member("reasoning_tokens", Int64(0))
    writer.endObject()
    writer.member("total_tokens", answer.inputTokens + answer.outputTokens)
    writer.endObject()
  }

  private func item(isDone: Bool, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("id", "msg_\(answer.id)")
    writer.member("type", "message")
    writer.member("role", "assistant")
    writer.member("status", isDone ? "completed" : "in_progress")
    writer.key("content")
    writer.beginArray()
    if isDone { part(answer.text, &writer) }
    writer.endArray()
    writer.endObject()
  }

  private func part(_ text: String, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("type", "output_text")
    writer.member("text", text)
    writer.member("annotations", raw: "[]".utf8)
    writer.endObject()
  }

  private func call(_ index: Int, isDone: Bool, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("id", "fc_\(answer.id)\(index)")
    writer.member("type", "function_call")
    writer.member("status", isDone ? "completed" : "in_progress")
    writer.member("call_id", answer.callID(index))
    writer.member("name", answer.toolCalls[index].name)
    writer.member("arguments", isDone ? answer.toolCalls[index].arguments : "")
    writer.endObject()
  }

  // MARK: Stream

  func stream() -> MockEvents {
    var events = MockEvents()
    var number: Int64 = 0
    func event(_ name: String, _ build: (inout JSONWriter) -> Void) -> [UInt8] {
      defer { number += 1 }
      return MockEvents.event(name) { writer in
        writer.member("sequence_number", number)
        build(&writer)
      }
    }
    for name in ["response.created", "response.in_progress"] {
      events.opening.append(event(name) { response(&$0, isDone: false) })
    }
    for index in answer.toolCalls.indices {
      for isDone in [false, true] {
        if isDone {
          events.opening.append(
            event("response.function_call_arguments.delta") { writer in
              place(index, "fc_\(answer.id)\(index)", &writer)
              writer.member("delta", answer.toolCalls[index].arguments)
            })
          events.opening.append(
            event("response.function_call_arguments.done") { writer in
              place(index, "fc_\(answer.id)\(index)", &writer)
              writer.member("name", answer.toolCalls[index].name)
              writer.member("arguments", answer.toolCalls[index].arguments)
            })
        }
        events.opening.append(
          event("response.output_item.\(isDone ? "done" : "added")") { writer in
            writer.member("output_index", Int64(index))
            writer.key("item")
            call(index, isDone: isDone, &writer)
          })
      }
    }
    if answer.toolCalls.isEmpty {
      events.opening.append(
        event("response.output_item.added") { writer in
          writer.member("output_index", Int64(0))
          writer.key("item")
          item(isDone: false, &writer)
        })
      events.opening.append(
        event("response.content_part.added") { writer in
          place(0, "msg_\(answer.id)", &writer)
          writer.member("content_index", Int64(0))
          writer.key("part")
          part("", &writer)
        })
      for piece in answer.pieces {
        events.pieces.append(
          event("response.output_text.delta") { writer in
            place(0, "msg_\(answer.id)", &writer)
            writer.member("content_index", Int64(0))
            writer.member("delta", piece)
            writer.member("logprobs", raw: "[]".utf8)
          })
      }
      events.closing.append(
        event("response.output_text.done") { writer in
          place(0, "msg_\(answer.id)", &writer)
          writer.member("content_index", Int64(0))
          writer.member("text", answer.text)
          writer.member("logprobs", raw: "[]".utf8)
        })
      events.closing.append(
        event("response.content_part.done") { writer in
          place(0, "msg_\(answer.id)", &writer)
          writer.member("content_index", Int64(0))
          writer.key("part")
          part(answer.text, &writer)
        })
      events.closing.append(
        event("response.output_item.done") { writer in
          writer.member("output_index", Int64(0))
          writer.key("item")
          item(isDone: true, &writer)
        })
    }
    let end = answer.isCut ? "response.incomplete" : "response.completed"
    events.closing.append(event(end) { response(&$0, isDone: true) })
    return events
  }

  private func response(_ writer: inout JSONWriter, isDone: Bool) {
    writer.key("response")
    writer.beginObject()
    body(isDone: isDone, &writer)
    writer.endObject()
  }

  private func place(_ index: Int, _ id: String, _ writer: inout JSONWriter) {
    writer.member("output_index", Int64(index))
    writer.member("item_id", id)
  }
}
