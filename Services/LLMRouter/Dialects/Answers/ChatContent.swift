internal import JSON

/// Where the words of a chat message or delta stand: each server has its own members and shapes.
enum ChatContent {
  /// Visits the texts in the order in which they are read, thoughts first; none of them is empty.
  static func visit(_ message: JSONView, _ body: (AnswerPart, JSONView) -> Void) {
    visitThoughts(message, body)
    visitContent(message, body)
    if let refusal = message["refusal"] { _ = offer(refusal, .refusal, body) }
  }

  /// Visits the content, or what was said in its place.
  static func visitContent(_ message: JSONView, _ body: (AnswerPart, JSONView) -> Void) {
    if let content = message.present("content") {
      if !offer(content, .text, body) { visitParts(content, body) }
    } else if let spoken = message["audio"]?["transcript"] {
      _ = offer(spoken, .text, body)
    }
  }

  /// Some servers say the same thoughts under several names: the first one counts.
  private static func visitThoughts(_ message: JSONView, _ body: (AnswerPart, JSONView) -> Void) {
    for name in ["reasoning_content", "reasoning", "thinking"] {
      guard let value = message.present(name) else { continue }
      if offer(value, .thinking, body) { return }
      if value.kind == .object, let text = value["content"] ?? value["text"], offer(text, .thinking, body) { return }
    }
    for detail in message.present("reasoning_details")?.elements.map({ $0 }) ?? [] {
      if let text = detail.present("text") ?? detail.present("summary") { _ = offer(text, .thinking, body) }
    }
  }

  /// Text as a list of parts, or as one part without a list.
  private static func visitParts(_ content: JSONView, _ body: (AnswerPart, JSONView) -> Void) {
    if content.kind == .object { return visitPart(content, body) }
    for part in content.elements where !offer(part, .text, body) { visitPart(part, body) }
  }

  private static func visitPart(_ part: JSONView, _ body: (AnswerPart, JSONView) -> Void) {
    switch part["type"]?.string {
    case "thinking", "reasoning", "reasoning_text", "summary_text":
      for name in ["thinking", "reasoning", "text", "summary", "content"] {
        guard let value = part.present(name) else { continue }
        if !offer(value, .thinking, body) {
          for piece in value.elements where !offer(piece, .thinking, body) {
            if let text = piece.present("text") { _ = offer(text, .thinking, body) }
          }
        }
        return
      }
    case "refusal":
      if let text = part.present("refusal") ?? part.present("text") { _ = offer(text, .refusal, body) }
    default:
      guard let text = part.present("text") else { return }
      if !offer(text, .text, body), let value = text["value"] { _ = offer(value, .text, body) }
    }
  }

  /// Whether the value is a text.
  private static func offer(_ value: JSONView, _ part: AnswerPart, _ body: (AnswerPart, JSONView) -> Void) -> Bool {
    guard let bytes = value.stringBytesMax else { return false }
    if bytes > 0 { body(part, value) }
    return true
  }

  /// Visits the tool calls; the call of the time before there were several has the index -1.
  static func visitCalls(_ message: JSONView, _ body: (ChatCall) -> Void) {
    if let calls = message.present("tool_calls") {
      if calls.kind == .object { return body(ChatCall(calls)) }
      for call in calls.elements where call.kind == .object { body(ChatCall(call)) }
      // Servers that say both mean one call.
      if calls.count > 0 { return }
    }
    if let call = message.present("function_call"), call.kind == .object {
      var call = ChatCall(call)
      call.index = -1
      body(call)
    }
  }
}

/// A tool call, or a fragment of one.
struct ChatCall {
  /// Which call of the answer; nil when the server does not say.
  var index: Int64?
  let id: String
  let name: String
  let arguments: String
  /// The size of name and arguments.
  let bytes: Int

  init(_ call: JSONView) {
    let function = call.present("function") ?? call.present("custom") ?? call
    index = call["index"]?.int ?? call["index"]?.string.flatMap { Int64($0) }
    id = call["id"]?.string ?? call["id"]?.int.map(String.init) ?? ""
    name = function["name"]?.string ?? ""
    let value = function.present("arguments") ?? function.present("parameters")
    if let value, value.kind != .string {
      arguments = value.rawText
    } else if let value {
      arguments = value.string ?? ""
    } else if let input = function["input"]?.string {
      // A custom tool takes one text.
      var writer = JSONWriter()
      writer.beginObject()
      writer.member(NameMap.customArgument, input)
      writer.endObject()
      arguments = String(decoding: writer.bytes, as: UTF8.self)
    } else {
      arguments = ""
    }
    bytes = name.utf8.count + arguments.utf8.count
  }

  /// Whether these arguments are the beginning of some.
  var beginsObject: Bool { arguments.utf8.first { !JSONPrefix.isSpace($0) } == UInt8(ascii: "{") }
}
