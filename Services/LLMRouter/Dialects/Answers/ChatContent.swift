internal import JSON

/// A choice of a chat completion or of a chunk, looked at in one pass: this is done for every token.
struct ChatChoice {
  private(set) var index: Int64 = 0
  /// The message, or what is added to it.
  private(set) var message: JSONView?
  /// The text of a text completion.
  private(set) var text: JSONView?
  private(set) var finish: String?
  /// The stop sequence that came, where a server names it.
  private(set) var stop: String?
  private(set) var error: JSONView?
  private(set) var hasUsage = false

  init(_ choice: JSONView) {
    var whole: JSONView?
    for (key, value) in choice.members where !value.isNull {
      if key.isNamed("index") {
        index = value.int ?? 0
      } else if key.isNamed("delta") {
        message = value
      } else if key.isNamed("finish_reason") {
        finish = value.string.flatMap { $0.isEmpty ? nil : $0 }
      } else if key.isNamed("message") {
        whole = value
      } else if key.isNamed("text") {
        text = value
      } else if key.isNamed("stop_reason") {
        stop = value.string.flatMap { $0.isEmpty ? nil : $0 }
      } else if key.isNamed("error") {
        error = value
      } else if key.isNamed("usage") {
        hasUsage = true
      }
    }
    if message == nil { message = whole }
    if message != nil { text = nil }
  }
}

/// A chat message or delta: each server has its own members and shapes for the same content.
struct ChatMessage {
  private var content: JSONView?
  private var refusal: JSONView?
  /// Thoughts, by the order in which their names count.
  private var thoughts: (JSONView?, JSONView?, JSONView?) = (nil, nil, nil)
  private var audio: JSONView?
  private(set) var details: JSONView?
  private var calls: JSONView?
  private var oldCall: JSONView?

  init(_ message: JSONView) {
    for (key, value) in message.members where !value.isNull {
      if key.isNamed("content") {
        content = value
      } else if key.isNamed("role") {
        continue
      } else if key.isNamed("tool_calls") {
        calls = value
      } else if key.isNamed("reasoning_content") {
        thoughts.0 = value
      } else if key.isNamed("reasoning") {
        thoughts.1 = value
      } else if key.isNamed("thinking") {
        thoughts.2 = value
      } else if key.isNamed("reasoning_details") {
        details = value
      } else if key.isNamed("refusal") {
        refusal = value
      } else if key.isNamed("function_call") {
        oldCall = value
      } else if key.isNamed("audio") {
        audio = value
      }
    }
  }

  /// Visits the texts in the order in which they are read, thoughts first; none of them is empty.
  func visit(_ body: (AnswerPart, JSONView) -> Void) {
    visitThoughts(body)
    visitContent(body)
    if let refusal { _ = ChatContent.offer(refusal, .refusal, body) }
  }

  /// Visits the content, or what was said in its place.
  func visitContent(_ body: (AnswerPart, JSONView) -> Void) {
    if let content {
      if !ChatContent.offer(content, .text, body) { ChatContent.visitParts(content, body) }
    } else if let spoken = audio?["transcript"] {
      _ = ChatContent.offer(spoken, .text, body)
    }
  }

  /// Some servers say the same thoughts under several names: the first one counts.
  private func visitThoughts(_ body: (AnswerPart, JSONView) -> Void) {
    if let value = thoughts.0, ChatContent.offerThought(value, body) { return }
    if let value = thoughts.1, ChatContent.offerThought(value, body) { return }
    if let value = thoughts.2, ChatContent.offerThought(value, body) { return }
    guard let details else { return }
    for detail in details.elements {
      if let text = detail.present("text") ?? detail.present("summary") {
        _ = ChatContent.offer(text, .thinking, body)
      }
    }
  }

  /// Visits the tool calls; the call of the time before there were several has the index -1.
  func visitCalls(_ body: (ChatCall) -> Void) {
    if let calls {
      if calls.kind == .object { return body(ChatCall(calls)) }
      for call in calls.elements where call.kind == .object { body(ChatCall(call)) }
      // Servers that say both mean one call.
      if calls.count > 0 { return }
    }
    if let oldCall, oldCall.kind == .object {
      var call = ChatCall(oldCall)
      call.index = -1
      body(call)
    }
  }
}

/// The shapes in which servers put texts.
enum ChatContent {
  /// Text as a list of parts, or as one part without a list.
  static func visitParts(_ content: JSONView, _ body: (AnswerPart, JSONView) -> Void) {
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
  static func offer(_ value: JSONView, _ part: AnswerPart, _ body: (AnswerPart, JSONView) -> Void) -> Bool {
    guard let bytes = value.stringBytesMax else { return false }
    if bytes > 0 { body(part, value) }
    return true
  }

  /// Whether the value is a thought.
  static func offerThought(_ value: JSONView, _ body: (AnswerPart, JSONView) -> Void) -> Bool {
    if offer(value, .thinking, body) { return true }
    guard value.kind == .object, let text = value["content"] ?? value["text"] else { return false }
    return offer(text, .thinking, body)
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
