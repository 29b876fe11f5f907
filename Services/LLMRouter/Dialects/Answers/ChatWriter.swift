internal import HTTPWire
internal import JSON
internal import Pricing

/// Writes an answer as chat completion chunks.
struct ChatWriter: Sendable {
  private let context: AnswerContext
  private var id: String?
  private var part: AnswerPart?
  private var calls: Int64 = 0

  init(_ context: AnswerContext) { self.context = context }

  mutating func write(_ event: AnswerEvent, to bytes: inout [UInt8]) {
    switch event {
    case .begin(let id): begin(id, to: &bytes)
    case .open(let part):
      self.part = part
      open(part, to: &bytes)
    case .fragment(let text): fragment(text, to: &bytes)
    case .signature(let signature): details(.thinking, signature: signature, to: &bytes)
    case .close:
      if case .call = part { calls += 1 }
      part = nil
    }
  }

  static func id(_ id: String, _ context: AnswerContext) -> String {
    context.id("chatcmpl-", from: id)
  }

  private mutating func begin(_ id: String, to bytes: inout [UInt8]) {
    guard self.id == nil else { return }
    self.id = ChatWriter.id(id, context)
    chunk(to: &bytes) { writer in
      writer.member("role", "assistant")
      writer.member("content", "")
    }
  }

  private func open(_ part: AnswerPart, to bytes: inout [UInt8]) {
    switch part {
    case .call(let id, let name):
      call(to: &bytes) { writer in
        writer.member("id", id)
        writer.member("type", "function")
        writer.key("function")
        writer.beginObject()
        writer.member("name", context.tool(name).name)
        writer.member("arguments", "")
        writer.endObject()
      }
    case .redacted: details(part, signature: "", to: &bytes)
    case .text, .refusal, .thinking: return
    }
  }

  private func fragment(_ text: String, to bytes: inout [UInt8]) {
    switch part {
    case .text: chunk(to: &bytes) { $0.member("content", text) }
    case .refusal: chunk(to: &bytes) { $0.member("refusal", text) }
    case .thinking: chunk(to: &bytes) { $0.member("reasoning_content", text) }
    case .call:
      call(to: &bytes) { writer in
        writer.key("function")
        writer.beginObject()
        writer.member("arguments", text)
        writer.endObject()
      }
    case .redacted, nil: return
    }
  }

  private func call(to bytes: inout [UInt8], _ body: (inout JSONWriter) -> Void) {
    chunk(to: &bytes) { writer in
      writer.key("tool_calls")
      writer.beginArray()
      writer.beginObject()
      writer.member("index", calls)
      body(&writer)
      writer.endObject()
      writer.endArray()
    }
  }

  /// What a later request has to send back with the thoughts, as OpenRouter has it.
  private func details(_ part: AnswerPart, signature: String, to bytes: inout [UInt8]) {
    chunk(to: &bytes) { writer in
      writer.key("reasoning_details")
      writer.beginArray()
      ChatWriter.detail(part, "", signature: signature, &writer)
      writer.endArray()
    }
  }

  static func detail(_ part: AnswerPart, _ text: String, signature: String, _ writer: inout JSONWriter) {
    writer.beginObject()
    if case .redacted(let data) = part {
      writer.member("type", "reasoning.encrypted")
      writer.member("data", data)
    } else {
      writer.member("type", "reasoning.text")
      if !text.isEmpty { writer.member("text", text) }
      writer.member("signature", signature)
    }
    writer.member("format", "anthropic-claude-v1")
    writer.endObject()
  }

  private func chunk(to bytes: inout [UInt8], finish: String? = nil, _ delta: (inout JSONWriter) -> Void) {
    append(to: &bytes) { writer in
      writer.key("choices")
      writer.beginArray()
      writer.beginObject()
      writer.member("index", Int64(0))
      writer.key("delta")
      writer.beginObject()
      delta(&writer)
      writer.endObject()
      writer.member("logprobs", orNull: nil)
      writer.member("finish_reason", orNull: finish)
      writer.endObject()
      writer.endArray()
      if context.wantsUsage { writer.member("usage", orNull: nil) }
    }
  }

  private func append(to bytes: inout [UInt8], _ body: (inout JSONWriter) -> Void) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", id ?? ChatWriter.id("", context))
    writer.member("object", "chat.completion.chunk")
    writer.member("created", context.created)
    writer.member("model", context.model)
    body(&writer)
    writer.endObject()
    ServerSentEvent(data: writer.bytes).append(to: &bytes)
  }

  /// Ends the stream.
  mutating func finish(_ finish: AnswerFinish, _ usage: TokenUsage, to bytes: inout [UInt8]) {
    begin("", to: &bytes)
    chunk(to: &bytes, finish: finish.chat) { _ in }
    if context.wantsUsage {
      append(to: &bytes) { writer in
        writer.key("choices")
        writer.beginArray()
        writer.endArray()
        writer.key("usage")
        UsageFields(usage).chat.write(to: &writer)
      }
    }
    bytes += Array("data: [DONE]\n\n".utf8)
  }
}
