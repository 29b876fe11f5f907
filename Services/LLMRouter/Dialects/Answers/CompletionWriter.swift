internal import HTTPWire
internal import JSON
internal import Pricing

/// Writes an answer as a text completion (`/v1/completions`), which has text and nothing else.
struct CompletionWriter: Sendable {
  private let context: AnswerContext
  private var id = ""
  private var isText = false

  init(_ context: AnswerContext) { self.context = context }

  mutating func write(_ event: AnswerEvent, to bytes: inout [UInt8]) {
    switch event {
    case .begin(let id): self.id = id
    case .open(let part): isText = part == .text || part == .refusal
    case .fragment(let text): if isText { chunk(text, nil, to: &bytes) }
    case .signature, .close: return
    }
  }

  /// Ends the stream.
  mutating func finish(_ finish: AnswerFinish, _ usage: TokenUsage, to bytes: inout [UInt8]) {
    chunk("", finish.completion, to: &bytes)
    if context.wantsUsage {
      append(to: &bytes) { writer in
        writer.member("choices", raw: "[]".utf8)
        writer.key("usage")
        UsageFields(usage).chat.write(to: &writer)
      }
    }
    bytes += Array("data: [DONE]\n\n".utf8)
  }

  private func chunk(_ text: String, _ finish: String?, to bytes: inout [UInt8]) {
    append(to: &bytes) { writer in
      writer.key("choices")
      CompletionWriter.choices(text, finish, &writer)
      if context.wantsUsage { writer.member("usage", orNull: nil) }
    }
  }

  private func append(to bytes: inout [UInt8], _ body: (inout JSONWriter) -> Void) {
    var writer = JSONWriter()
    writer.beginObject()
    CompletionWriter.head(id, context, &writer)
    body(&writer)
    writer.endObject()
    ServerSentEvent(data: writer.bytes).append(to: &bytes)
  }

  static func head(_ id: String, _ context: AnswerContext, _ writer: inout JSONWriter) {
    let plain = (id.isEmpty ? context.unique : id).replacing("chatcmpl-", with: "")
    writer.member("id", plain.hasPrefix("cmpl-") ? plain : "cmpl-\(plain)")
    writer.member("object", "text_completion")
    writer.member("created", context.created)
    writer.member("model", context.model)
  }

  static func choices(_ text: String, _ finish: String?, _ writer: inout JSONWriter) {
    writer.beginArray()
    writer.beginObject()
    writer.member("text", text)
    writer.member("index", Int64(0))
    writer.member("logprobs", orNull: nil)
    writer.member("finish_reason", orNull: finish)
    writer.endObject()
    writer.endArray()
  }
}

extension AnswerFinish {
  /// The reason as text completions have it, which know no calls.
  var completion: String { self == .calls ? "stop" : chat }
}
