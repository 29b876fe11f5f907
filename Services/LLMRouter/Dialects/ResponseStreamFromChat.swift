public import HTTPWire
internal import JSON

/// Chat completion chunks as the events of a response (the Responses API).
public struct ResponseStreamFromChat: AnswerStream {
  private struct Item: Sendable {
    let id: String
    let output: Int64
    var callID = ""
    var name = ""
    var text = ""
  }

  private let model: String
  private let created: Int64
  private var id = ""
  private var sequence: Int64 = 0
  private var message: Item?
  private var calls: [(index: Int64, item: Item)] = []
  private var outputs: Int64 = 0
  private var usage: UsageWords?
  private var reason: String?

  /// At the begin of a stream.
  public init(model: String, created: Int64) {
    self.model = model
    self.created = created
  }

  /// Feeds one event of the source's stream and appends what it becomes.
  public mutating func take(
    _ event: ServerSentEvent, to bytes: inout [UInt8]
  ) throws(StreamFault) -> StreamNotice {
    var notice = StreamNotice()
    if event.data.elementsEqual("[DONE]".utf8) { return notice }
    let root = try ResponseStreamFromChat.parse(event)
    start(root["id"]?.string, to: &bytes)
    if let words = UsageWords(chatAnswer: root) { usage = words }
    guard let choice = root["choices"]?[0] else { return notice }
    if let text = choice["delta"]?.present("content")?.string, !text.isEmpty {
      notice.hasContent = true
      write(text, to: &bytes)
    }
    for call in choice["delta"]?.present("tool_calls")?.elements.map({ $0 }) ?? [] {
      notice.hasContent = true
      take(call, to: &bytes)
    }
    if let finish = choice.present("finish_reason")?.string {
      reason = finish
      notice.finishReason = finish
    }
    return notice
  }

  private mutating func start(_ answer: String?, to bytes: inout [UInt8]) {
    guard id.isEmpty else { return }
    id = "resp_\(answer ?? "")"
    let response = ResponseItems.response(
      id: id, model: model, created: created, output: [], finish: nil, usage: nil)
    emit("response.created", [("response", response)], to: &bytes)
    emit("response.in_progress", [("response", response)], to: &bytes)
  }

  private mutating func write(_ text: String, to bytes: inout [UInt8]) {
    if message == nil {
      let item = Item(id: "msg_\(id.dropFirst(5))", output: outputs)
      outputs += 1
      message = item
      emit(
        "response.output_item.added",
        [
          ("output_index", .int(item.output)),
          ("item", ResponseItems.message(id: item.id, text: nil, status: "in_progress")),
        ], to: &bytes)
      emit("response.content_part.added", part(item) + [("part", ResponseItems.textPart(""))], to: &bytes)
    }
    guard let item = message else { return }
    message?.text += text
    emit(
      "response.output_text.delta", part(item) + [("delta", .string(text)), ("logprobs", .array([]))], to: &bytes)
  }

  private func part(_ item: Item) -> [(String, JSONValue)] {
    [("item_id", .string(item.id)), ("output_index", .int(item.output)), ("content_index", .int(0))]
  }

  private mutating func take(_ call: JSONView, to bytes: inout [UInt8]) {
    let index = call["index"]?.int ?? 0
    let arguments = call["function"]?["arguments"]?.string ?? ""
    var spot = calls.firstIndex { $0.index == index } ?? calls.count
    if spot == calls.count {
      let callID = call["id"]?.string ?? "call_\(index)"
      var item = Item(id: "fc_\(callID)", output: outputs)
      item.callID = callID
      item.name = call["function"]?["name"]?.string ?? ""
      outputs += 1
      calls.append((index, item))
      spot = calls.count - 1
      emit(
        "response.output_item.added",
        [
          ("output_index", .int(item.output)),
          (
            "item",
            ResponseItems.call(
              id: item.id, callID: callID, name: item.name, arguments: "", status: "in_progress")
          ),
        ], to: &bytes)
    }
    guard !arguments.isEmpty else { return }
    calls[spot].item.text += arguments
    let item = calls[spot].item
    emit(
      "response.function_call_arguments.delta",
      [("item_id", .string(item.id)), ("output_index", .int(item.output)), ("delta", .string(arguments))], to: &bytes)
  }

  private mutating func emit(_ type: String, _ members: [(String, JSONValue)], to bytes: inout [UInt8]) {
    var body = ObjectBuilder()
    body.add("type", .string(type))
    body.add("sequence_number", .int(sequence))
    sequence += 1
    for (key, value) in members { body.add(key, value) }
    ResponseStreamFromChat.append(body.value, named: type, to: &bytes)
  }

  /// Ends the stream: appends what is still owed to a well-formed end.
  public mutating func finish(to bytes: inout [UInt8]) {
    start(nil, to: &bytes)
    var done: [(Int64, JSONValue)] = []
    if let item = message {
      emit(
        "response.output_text.done", part(item) + [("text", .string(item.text)), ("logprobs", .array([]))], to: &bytes)
      emit("response.content_part.done", part(item) + [("part", ResponseItems.textPart(item.text))], to: &bytes)
      done.append((item.output, ResponseItems.message(id: item.id, text: item.text, status: "completed")))
    }
    for (_, item) in calls {
      emit(
        "response.function_call_arguments.done",
        [
          ("item_id", .string(item.id)), ("output_index", .int(item.output)), ("name", .string(item.name)),
          ("arguments", .string(item.text)),
        ], to: &bytes)
      done.append(
        (
          item.output,
          ResponseItems.call(
            id: item.id, callID: item.callID, name: item.name, arguments: item.text, status: "completed")
        ))
    }
    done.sort { $0.0 < $1.0 }
    for (output, item) in done {
      emit("response.output_item.done", [("output_index", .int(output)), ("item", item)], to: &bytes)
    }
    let finish = reason ?? "stop"
    let response = ResponseItems.response(
      id: id, model: model, created: created, output: done.map(\.1), finish: finish, usage: usage ?? UsageWords())
    let isCut = finish == "length" || finish == "content_filter"
    emit(isCut ? "response.incomplete" : "response.completed", [("response", response)], to: &bytes)
  }
}
