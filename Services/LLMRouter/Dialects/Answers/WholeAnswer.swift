internal import JSON
internal import Pricing

/// A whole answer, whatever dialect it came in.
struct WholeAnswer: Sendable {
  /// One part with all its fragments.
  struct Part: Sendable, Hashable {
    let kind: AnswerPart
    var text = ""
    var signature = ""
  }

  private(set) var id = ""
  private(set) var parts: [Part] = []
  let finish: AnswerFinish

  init(_ events: [AnswerEvent], _ finish: AnswerFinish) {
    self.finish = finish
    for event in events {
      switch event {
      case .begin(let id): self.id = id
      case .open(let kind): parts.append(Part(kind: kind))
      case .fragment(let text): if !parts.isEmpty { parts[parts.count - 1].text += text }
      case .signature(let signature): if !parts.isEmpty { parts[parts.count - 1].signature = signature }
      case .close: continue
      }
    }
  }

  private func text(_ kinds: AnswerPart...) -> String? {
    let texts = parts.filter { kinds.contains($0.kind) }.map(\.text)
    return texts.isEmpty ? nil : texts.joined()
  }

  // MARK: Dialects

  func message(_ usage: TokenUsage, _ context: AnswerContext) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    MessageWriter.head(id, context, &writer)
    writer.key("content")
    writer.beginArray()
    for part in parts {
      var text = part.text
      if case .call = part.kind { text = ToolInput.object(text) }
      MessageWriter.block(part.kind, text, signature: part.signature, context, &writer)
    }
    writer.endArray()
    MessageWriter.reason(finish, &writer)
    writer.key("usage")
    UsageFields(usage).message.write(to: &writer)
    writer.endObject()
    return writer.bytes
  }

  func chat(_ usage: TokenUsage, _ context: AnswerContext) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", ChatWriter.id(id, context))
    writer.member("object", "chat.completion")
    writer.member("created", context.created)
    writer.member("model", context.model)
    writer.key("choices")
    writer.beginArray()
    writer.beginObject()
    writer.member("index", Int64(0))
    writer.key("message")
    chatMessage(context, &writer)
    writer.member("logprobs", orNull: nil)
    writer.member("finish_reason", finish.chat)
    writer.endObject()
    writer.endArray()
    writer.key("usage")
    UsageFields(usage).chat.write(to: &writer)
    writer.endObject()
    return writer.bytes
  }

  private func chatMessage(_ context: AnswerContext, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("role", "assistant")
    writer.member("content", orNull: text(.text))
    writer.member("refusal", orNull: text(.refusal))
    writer.member("reasoning_content", ifPresent: text(.thinking).flatMap { $0.isEmpty ? nil : $0 })
    let proofs = parts.filter { part in
      if case .redacted = part.kind { return true }
      return part.kind == .thinking && !part.signature.isEmpty
    }
    if !proofs.isEmpty {
      writer.key("reasoning_details")
      writer.beginArray()
      for part in proofs { ChatWriter.detail(part.kind, part.text, signature: part.signature, &writer) }
      writer.endArray()
    }
    var isFirst = true
    for part in parts {
      guard case .call(let id, let name) = part.kind else { continue }
      if isFirst {
        writer.key("tool_calls")
        writer.beginArray()
        isFirst = false
      }
      writer.beginObject()
      writer.member("id", id)
      writer.member("type", "function")
      writer.key("function")
      writer.beginObject()
      writer.member("name", context.tool(name).name)
      writer.member("arguments", part.text)
      writer.endObject()
      writer.endObject()
    }
    if !isFirst { writer.endArray() }
    writer.endObject()
  }

  func completion(_ usage: TokenUsage, _ context: AnswerContext) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    CompletionWriter.head(id, context, &writer)
    writer.key("choices")
    CompletionWriter.choices(text(.text, .refusal) ?? "", finish.completion, &writer)
    writer.key("usage")
    UsageFields(usage).chat.write(to: &writer)
    writer.endObject()
    return writer.bytes
  }

  func response(_ usage: TokenUsage, _ context: AnswerContext) -> [UInt8] {
    var output: [[UInt8]] = []
    for part in parts {
      var item = ResponseItem(part.kind, Int64(output.count), context)
      item.text = part.text
      item.signature = part.signature
      var writer = JSONWriter()
      item.write(isDone: true, &writer)
      output.append(writer.bytes)
    }
    var writer = JSONWriter()
    ResponseState.ended(finish).write(ResponseWriter.id(id, context), output, usage, context, &writer)
    return writer.bytes
  }
}
