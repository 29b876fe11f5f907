internal import JSON

/// An item of a response's output (the Responses API): one part of an answer.
struct ResponseItem: Sendable {
  let id: String
  let part: AnswerPart
  private let tool: ToolIdentity
  var text = ""
  var signature = ""

  /// Item number `number` of the response of a call.
  init(_ part: AnswerPart, _ number: Int64, _ context: AnswerContext) {
    self.part = part
    var tool = ToolIdentity(name: "")
    let kind: String
    switch part {
    case .text, .refusal: kind = "msg"
    case .thinking, .redacted: kind = "rs"
    case .call(_, let name):
      tool = context.tool(name)
      kind = tool.form == .custom ? "ctc" : "fc"
    }
    self.tool = tool
    id = "\(kind)_\(context.unique)_\(number)"
  }

  /// Whether it is a call of a custom tool, which takes one text.
  var isCustom: Bool { tool.form == .custom }

  var name: String { tool.name }

  /// The text of a custom tool, out of the arguments of the function that stood for it.
  var input: String {
    guard let document = ProviderJSON(Array(text.utf8)) else { return text }
    return document.root[NameMap.customArgument]?.string ?? text
  }

  /// The item as JSON; before its end it has no content yet.
  func write(isDone: Bool, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("id", id)
    let status = isDone ? "completed" : "in_progress"
    switch part {
    case .text, .refusal:
      writer.member("type", "message")
      writer.member("status", status)
      writer.member("role", "assistant")
      writer.key("content")
      writer.beginArray()
      if isDone { writeContent(text, &writer) }
      writer.endArray()
    case .thinking:
      writer.member("type", "reasoning")
      writer.key("summary")
      writer.beginArray()
      if isDone, !text.isEmpty { writeSummary(text, &writer) }
      writer.endArray()
      writeProof(isDone && !signature.isEmpty ? ReasoningSignature.signed(signature) : "", &writer)
    case .redacted(let data):
      writer.member("type", "reasoning")
      writer.member("summary", raw: "[]".utf8)
      writeProof(ReasoningSignature.redacted(data), &writer)
    case .call(let callID, _):
      writer.member("type", isCustom ? "custom_tool_call" : "function_call")
      writer.member("status", status)
      writer.member("call_id", callID)
      writer.member("name", tool.name)
      if let namespace = tool.namespace { writer.member("namespace", namespace) }
      if isCustom {
        writer.member("input", isDone ? input : "")
      } else {
        writer.member("arguments", isDone ? text : "")
      }
    }
    writer.endObject()
  }

  private func writeProof(_ proof: String, _ writer: inout JSONWriter) {
    if !proof.isEmpty { writer.member("encrypted_content", proof) }
  }

  /// The only content part of a message.
  func writeContent(_ text: String, _ writer: inout JSONWriter) {
    writer.beginObject()
    if part == .refusal {
      writer.member("type", "refusal")
      writer.member("refusal", text)
    } else {
      writer.member("type", "output_text")
      writer.member("text", text)
      writer.member("annotations", raw: "[]".utf8)
      writer.member("logprobs", raw: "[]".utf8)
    }
    writer.endObject()
  }

  /// The only summary part of thoughts.
  func writeSummary(_ text: String, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("type", "summary_text")
    writer.member("text", text)
    writer.endObject()
  }
}
