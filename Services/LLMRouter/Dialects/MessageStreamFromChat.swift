public import HTTPWire
internal import JSON

/// Chat completion chunks as a message stream (Anthropic). Blocks there never overlap: the fragments of a second tool
/// call that come while the first is open are kept until it is closed.
public struct MessageStreamFromChat: AnswerStream {
  private struct Tool: Sendable {
    var id: String
    var name: String
    var arguments = ""
  }

  private enum Open: Sendable, Hashable {
    case none
    case text
    case tool(Int64)
  }

  private let model: String
  private let promptEstimate: Int64
  private var hasStarted = false
  private var open = Open.none
  private var blocks: Int64 = 0
  /// Tool calls that are not written yet, by their index, in order of arrival.
  private var waiting: [(index: Int64, tool: Tool)] = []
  private var usage: UsageWords?
  private var reason: String?

  /// At the begin of a stream. `promptEstimate` stands in the first event, where the true number is not known yet.
  public init(model: String, promptEstimate: Int64) {
    self.model = model
    self.promptEstimate = promptEstimate
  }

  /// Feeds one event of the source's stream and appends what it becomes.
  public mutating func take(
    _ event: ServerSentEvent, to bytes: inout [UInt8]
  ) throws(StreamFault) -> StreamNotice {
    var notice = StreamNotice()
    if event.data.elementsEqual("[DONE]".utf8) { return notice }
    let root = try MessageStreamFromChat.parse(event)
    start(root["id"]?.string, to: &bytes)
    if let words = UsageWords(chatAnswer: root) { usage = words }
    guard let choice = root["choices"]?[0] else { return notice }
    let delta = choice["delta"]
    if let text = delta?.present("content")?.string ?? delta?.present("refusal")?.string, !text.isEmpty {
      notice.hasContent = true
      write(text: text, to: &bytes)
    }
    for call in delta?.present("tool_calls")?.elements.map({ $0 }) ?? [] {
      notice.hasContent = true
      take(call, to: &bytes)
    }
    if let finish = choice.present("finish_reason")?.string {
      reason = finish
      notice.finishReason = finish
    }
    return notice
  }

  private mutating func start(_ id: String?, to bytes: inout [UInt8]) {
    guard !hasStarted else { return }
    hasStarted = true
    var first = UsageWords()
    first.prompt = promptEstimate
    let message = JSONValue.members(
      ("id", .string(Answers.messageID(id))), ("type", .string("message")), ("role", .string("assistant")),
      ("model", .string(model)), ("content", .array([])), ("stop_reason", .null), ("stop_sequence", .null),
      ("usage", first.message))
    emit("message_start", ("message", message), to: &bytes)
  }

  private mutating func write(text: String, to bytes: inout [UInt8]) {
    if open != .text {
      closeAll(to: &bytes)
      begin(.members(("type", .string("text")), ("text", .string(""))), to: &bytes)
      open = .text
    }
    emitDelta(.members(("type", .string("text_delta")), ("text", .string(text))), to: &bytes)
  }

  private mutating func take(_ call: JSONView, to bytes: inout [UInt8]) {
    let index = call["index"]?.int ?? 0
    let arguments = call["function"]?["arguments"]?.string ?? ""
    if open == .tool(index) {
      writeArguments(arguments, to: &bytes)
    } else if let spot = waiting.firstIndex(where: { $0.index == index }) {
      waiting[spot].tool.arguments += arguments
    } else {
      let tool = Tool(
        id: call["id"]?.string ?? "call_\(index)", name: call["function"]?["name"]?.string ?? "", arguments: arguments)
      if case .tool = open {
        waiting.append((index, tool))
      } else {
        close(to: &bytes)
        begin(tool, index, to: &bytes)
      }
    }
  }

  private mutating func begin(_ tool: Tool, _ index: Int64, to bytes: inout [UInt8]) {
    begin(
      .members(
        ("type", .string("tool_use")), ("id", .string(tool.id)), ("name", .string(tool.name)), ("input", .object([]))),
      to: &bytes)
    open = .tool(index)
    writeArguments(tool.arguments, to: &bytes)
  }

  private func writeArguments(_ text: String, to bytes: inout [UInt8]) {
    guard !text.isEmpty else { return }
    emitDelta(.members(("type", .string("input_json_delta")), ("partial_json", .string(text))), to: &bytes)
  }

  private func begin(_ block: JSONValue, to bytes: inout [UInt8]) {
    emit("content_block_start", ("index", .int(blocks)), ("content_block", block), to: &bytes)
  }

  private func emitDelta(_ delta: JSONValue, to bytes: inout [UInt8]) {
    emit("content_block_delta", ("index", .int(blocks)), ("delta", delta), to: &bytes)
  }

  private mutating func close(to bytes: inout [UInt8]) {
    guard open != .none else { return }
    emit("content_block_stop", ("index", .int(blocks)), to: &bytes)
    blocks += 1
    open = .none
  }

  private mutating func closeAll(to bytes: inout [UInt8]) {
    close(to: &bytes)
    for (index, tool) in waiting {
      begin(tool, index, to: &bytes)
      close(to: &bytes)
    }
    waiting = []
  }

  private func emit(_ name: String, _ members: (String, JSONValue)..., to bytes: inout [UInt8]) {
    var body = ObjectBuilder()
    body.add("type", .string(name))
    for (key, value) in members { body.add(key, value) }
    MessageStreamFromChat.append(body.value, named: name, to: &bytes)
  }

  /// Ends the stream: appends what is still owed to a well-formed end.
  public mutating func finish(to bytes: inout [UInt8]) {
    start(nil, to: &bytes)
    closeAll(to: &bytes)
    var last = usage ?? UsageWords()
    if usage == nil { last.prompt = promptEstimate }
    emit(
      "message_delta",
      (
        "delta",
        .members(("stop_reason", .string(StopReasons.message(fromChat: reason))), ("stop_sequence", .null))
      ), ("usage", last.message), to: &bytes)
    emit("message_stop", to: &bytes)
  }
}
