internal import HTTPWire
internal import JSON
internal import Pricing

/// Writes an answer as the events of a response (the Responses API). Each item is done before the next is added.
struct ResponseWriter: Sendable {
  private let context: AnswerContext
  private var id: String?
  private var sequence: Int64 = 0
  private var item: ResponseItem?
  private var done: [[UInt8]] = []

  init(_ context: AnswerContext) { self.context = context }

  mutating func write(_ event: AnswerEvent, to bytes: inout [UInt8]) {
    switch event {
    case .begin(let id): begin(id, to: &bytes)
    case .open(let part): open(ResponseItem(part, Int64(done.count), context), to: &bytes)
    case .fragment(let text): fragment(text, to: &bytes)
    case .signature(let signature): item?.signature = signature
    case .close: close(to: &bytes)
    }
  }

  static func id(_ id: String, _ context: AnswerContext) -> String {
    context.id("resp_", from: id)
  }

  private mutating func begin(_ id: String, to bytes: inout [UInt8]) {
    guard self.id == nil else { return }
    self.id = ResponseWriter.id(id, context)
    for type in ["response.created", "response.in_progress"] { emit(response: type, .open, usage: nil, to: &bytes) }
  }

  private mutating func open(_ item: ResponseItem, to bytes: inout [UInt8]) {
    self.item = item
    let output = Int64(done.count)
    emit("response.output_item.added", to: &bytes) { writer in
      writer.member("output_index", output)
      writer.key("item")
      item.write(isDone: false, &writer)
    }
    switch item.part {
    case .text, .refusal: part("response.content_part.added", item, to: &bytes) { item.writeContent("", &$0) }
    case .thinking: part("response.reasoning_summary_part.added", item, to: &bytes) { item.writeSummary("", &$0) }
    case .redacted, .call: return
    }
  }

  private mutating func fragment(_ text: String, to bytes: inout [UInt8]) {
    guard var item else { return }
    self.item = nil
    item.text += text
    defer { self.item = item }
    let type: String
    switch item.part {
    case .text: type = "response.output_text.delta"
    case .refusal: type = "response.refusal.delta"
    case .thinking: type = "response.reasoning_summary_text.delta"
    case .call:
      // The text of a custom tool is known when its arguments are whole.
      if item.isCustom { return }
      type = "response.function_call_arguments.delta"
    case .redacted: return
    }
    place(type, item, to: &bytes) { writer in
      writer.member("delta", text)
      if item.part == .text { writer.member("logprobs", raw: "[]".utf8) }
    }
  }

  private mutating func close(to bytes: inout [UInt8]) {
    guard let item else { return }
    switch item.part {
    case .text:
      place("response.output_text.done", item, to: &bytes) { writer in
        writer.member("text", item.text)
        writer.member("logprobs", raw: "[]".utf8)
      }
      part("response.content_part.done", item, to: &bytes) { item.writeContent(item.text, &$0) }
    case .refusal:
      place("response.refusal.done", item, to: &bytes) { $0.member("refusal", item.text) }
      part("response.content_part.done", item, to: &bytes) { item.writeContent(item.text, &$0) }
    case .thinking:
      place("response.reasoning_summary_text.done", item, to: &bytes) { $0.member("text", item.text) }
      part("response.reasoning_summary_part.done", item, to: &bytes) { item.writeSummary(item.text, &$0) }
    case .call: closeCall(item, to: &bytes)
    case .redacted: break
    }
    var writer = JSONWriter()
    item.write(isDone: true, &writer)
    let output = Int64(done.count)
    let json = writer.bytes
    emit("response.output_item.done", to: &bytes) { event in
      event.member("output_index", output)
      event.member("item", raw: json)
    }
    done.append(json)
    self.item = nil
  }

  private mutating func closeCall(_ item: ResponseItem, to bytes: inout [UInt8]) {
    guard item.isCustom else {
      return place("response.function_call_arguments.done", item, to: &bytes) { writer in
        writer.member("name", item.name)
        writer.member("arguments", item.text)
      }
    }
    let input = item.input
    place("response.custom_tool_call_input.delta", item, to: &bytes) { $0.member("delta", input) }
    place("response.custom_tool_call_input.done", item, to: &bytes) { $0.member("input", input) }
  }

  /// An event about the only part of an item.
  private mutating func part(
    _ type: String, _ item: ResponseItem, to bytes: inout [UInt8], _ body: (inout JSONWriter) -> Void
  ) {
    place(type, item, to: &bytes) { writer in
      writer.key("part")
      body(&writer)
    }
  }

  /// An event about the open item.
  private mutating func place(
    _ type: String, _ item: ResponseItem, to bytes: inout [UInt8], _ body: (inout JSONWriter) -> Void
  ) {
    let output = Int64(done.count)
    emit(type, to: &bytes) { writer in
      writer.member("item_id", item.id)
      writer.member("output_index", output)
      switch item.part {
      case .text, .refusal: writer.member("content_index", Int64(0))
      case .thinking: writer.member("summary_index", Int64(0))
      case .redacted, .call: break
      }
      body(&writer)
    }
  }

  private mutating func emit(_ type: String, to bytes: inout [UInt8], _ body: (inout JSONWriter) -> Void) {
    let number = sequence
    sequence += 1
    StreamEvents.append(type, named: true, to: &bytes) { writer in
      writer.member("sequence_number", number)
      body(&writer)
    }
  }

  private mutating func emit(
    response type: String, _ state: ResponseState, usage: TokenUsage?, to bytes: inout [UInt8]
  ) {
    let id = id ?? ResponseWriter.id("", context)
    let output = state == .open ? [] : done
    emit(type, to: &bytes) { [context] writer in
      writer.key("response")
      state.write(id, output, usage, context, &writer)
    }
  }

  /// Ends the stream.
  mutating func finish(_ finish: AnswerFinish, _ usage: TokenUsage, to bytes: inout [UInt8]) {
    begin("", to: &bytes)
    let type = finish.incompleteReason == nil ? "response.completed" : "response.incomplete"
    emit(response: type, .ended(finish), usage: usage, to: &bytes)
  }

  /// Breaks the stream off.
  mutating func fail(status: Int, code: String, message: String, to bytes: inout [UInt8]) {
    begin("", to: &bytes)
    ResponseFailure.append(status: status, code: code, message: message, sequence: sequence, to: &bytes) {
      [id, done, context] writer in
      ResponseState.failed(code: code, message: message).write(id ?? "", done, nil, context, &writer)
    }
    sequence += 2
  }
}

/// How far a response has come.
enum ResponseState: Sendable, Hashable {
  case open
  case ended(AnswerFinish)
  case failed(code: String, message: String)

  /// A response as JSON.
  func write(
    _ id: String, _ output: [[UInt8]], _ usage: TokenUsage?, _ context: AnswerContext, _ writer: inout JSONWriter
  ) {
    var status = "in_progress"
    var reason: String?
    if case .ended(let finish) = self {
      reason = finish.incompleteReason
      status = reason == nil ? "completed" : "incomplete"
    }
    writer.beginObject()
    writer.member("id", id)
    writer.member("object", "response")
    writer.member("created_at", context.created)
    if case .failed(let code, let message) = self {
      writer.member("status", "failed")
      writer.key("error")
      writer.beginObject()
      writer.member("code", code)
      writer.member("message", message)
      writer.endObject()
    } else {
      writer.member("status", status)
      writer.member("error", orNull: nil)
    }
    writer.key("incomplete_details")
    if let reason {
      writer.beginObject()
      writer.member("reason", reason)
      writer.endObject()
    } else {
      writer.null()
    }
    writer.member("model", context.model)
    writer.key("output")
    writer.beginArray()
    for item in output { writer.raw(item) }
    writer.endArray()
    context.echo.write(to: &writer)
    writer.key("usage")
    if let usage { UsageFields(usage).response.write(to: &writer) } else { writer.null() }
    writer.endObject()
  }
}

/// The end of a response's stream that broke: SDKs raise at the `error` member of the first event, others wait for
/// `response.failed`.
enum ResponseFailure {
  static func append(
    status: Int, code: String, message: String, sequence: Int64, to bytes: inout [UInt8],
    _ response: (inout JSONWriter) -> Void
  ) {
    StreamEvents.append("error", named: true, to: &bytes) { writer in
      writer.member("sequence_number", sequence)
      writer.member("code", code)
      writer.member("message", message)
      writer.member("param", orNull: nil)
      writer.key("error")
      writer.beginObject()
      writer.member("type", Dialect.openAIType(status))
      writer.member("code", code)
      writer.member("message", message)
      writer.member("param", orNull: nil)
      writer.endObject()
    }
    StreamEvents.append("response.failed", named: true, to: &bytes) { writer in
      writer.member("sequence_number", sequence &+ 1)
      writer.key("response")
      response(&writer)
    }
  }
}
