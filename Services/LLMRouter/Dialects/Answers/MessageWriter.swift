internal import HTTPWire
internal import JSON
internal import Pricing

/// Writes an answer as a stream of messages (Anthropic).
struct MessageWriter: Sendable {
  private let context: AnswerContext
  private var hasBegun = false
  private var part: AnswerPart?
  private var index: Int64 = 0
  private var input = ToolInput()
  private var isSigned = false

  init(_ context: AnswerContext) { self.context = context }

  mutating func write(_ event: AnswerEvent, to bytes: inout [UInt8]) {
    switch event {
    case .begin(let id): begin(id, to: &bytes)
    case .open(let part):
      self.part = part
      input = ToolInput()
      isSigned = false
      open(part, to: &bytes)
    case .fragment(let text): fragment(text, to: &bytes)
    case .signature(let signature):
      isSigned = true
      delta("signature_delta", "signature", signature, to: &bytes)
    case .close: close(to: &bytes)
    }
  }

  private mutating func begin(_ id: String, to bytes: inout [UInt8]) {
    guard !hasBegun else { return }
    hasBegun = true
    emit("message_start", to: &bytes) { writer in
      writer.key("message")
      writer.beginObject()
      MessageWriter.head(id, context, &writer)
      writer.member("content", raw: "[]".utf8)
      writer.member("stop_reason", orNull: nil)
      writer.member("stop_sequence", orNull: nil)
      writer.key("usage")
      UsageFields(TokenUsage(input: context.promptEstimate)).message.write(to: &writer)
      writer.endObject()
    }
  }

  /// The members that a message and the first event of its stream begin with.
  static func head(_ id: String, _ context: AnswerContext, _ writer: inout JSONWriter) {
    writer.member("id", context.id("msg_", from: id))
    writer.member("type", "message")
    writer.member("role", "assistant")
    writer.member("model", context.model)
  }

  private func open(_ part: AnswerPart, to bytes: inout [UInt8]) {
    emit("content_block_start", to: &bytes) { writer in
      writer.member("index", index)
      writer.key("content_block")
      MessageWriter.block(part, "", signature: "", context, &writer)
    }
  }

  /// A content block. `text` of a call is JSON.
  static func block(
    _ part: AnswerPart, _ text: String, signature: String, _ context: AnswerContext, _ writer: inout JSONWriter
  ) {
    writer.beginObject()
    switch part {
    case .text, .refusal:
      writer.member("type", "text")
      writer.member("text", text)
    case .thinking:
      writer.member("type", "thinking")
      writer.member("thinking", text)
      writer.member("signature", signature)
    case .redacted(let data):
      writer.member("type", "redacted_thinking")
      writer.member("data", data)
    case .call(let id, let name):
      writer.member("type", "tool_use")
      writer.member("id", id)
      writer.member("name", context.tool(name).name)
      writer.member("input", raw: text.isEmpty ? "{}".utf8 : text.utf8)
    }
    writer.endObject()
  }

  private mutating func fragment(_ text: String, to bytes: inout [UInt8]) {
    switch part {
    case .thinking: delta("thinking_delta", "thinking", text, to: &bytes)
    case .call:
      let passed = input.take(text)
      if !passed.isEmpty { delta("input_json_delta", "partial_json", passed, to: &bytes) }
    case .text, .refusal: delta("text_delta", "text", text, to: &bytes)
    case .redacted, nil: return
    }
  }

  private mutating func close(to bytes: inout [UInt8]) {
    if case .call = part {
      let rest = input.finish()
      if !rest.isEmpty { delta("input_json_delta", "partial_json", rest, to: &bytes) }
    }
    if part == .thinking, !isSigned { delta("signature_delta", "signature", "", to: &bytes) }
    emit("content_block_stop", to: &bytes) { $0.member("index", index) }
    index += 1
    part = nil
  }

  private func delta(_ type: String, _ member: String, _ text: String, to bytes: inout [UInt8]) {
    emit("content_block_delta", to: &bytes) { writer in
      writer.member("index", index)
      writer.key("delta")
      writer.beginObject()
      writer.member("type", type)
      writer.member(member, text)
      writer.endObject()
    }
  }

  private func emit(_ type: String, to bytes: inout [UInt8], _ body: (inout JSONWriter) -> Void) {
    StreamEvents.append(type, named: true, to: &bytes, body)
  }

  /// Ends the stream.
  mutating func finish(_ finish: AnswerFinish, _ usage: TokenUsage, to bytes: inout [UInt8]) {
    begin("", to: &bytes)
    emit("message_delta", to: &bytes) { writer in
      writer.key("delta")
      writer.beginObject()
      MessageWriter.reason(finish, &writer)
      writer.endObject()
      writer.key("usage")
      UsageFields(usage).message.write(to: &writer)
    }
    emit("message_stop", to: &bytes) { _ in }
  }

  static func reason(_ finish: AnswerFinish, _ writer: inout JSONWriter) {
    writer.member("stop_reason", finish.message)
    if case .stopSequence(let sequence) = finish {
      writer.member("stop_sequence", orNull: sequence)
    } else {
      writer.member("stop_sequence", orNull: nil)
    }
  }
}

/// Events of a stream in wire form.
enum StreamEvents {
  /// Appends an event whose data has the type as its first member.
  static func append(
    _ type: String, named isNamed: Bool, to bytes: inout [UInt8], _ body: (inout JSONWriter) -> Void
  ) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("type", type)
    body(&writer)
    writer.endObject()
    ServerSentEvent(event: isNamed ? type : nil, data: writer.bytes).append(to: &bytes)
  }
}
