public import HTTPWire
internal import JSON

/// Collects a stream into the whole answer of the same dialect, for providers that stream when they are not asked to.
public struct WholeFromEvents: Sendable {
  private static let choicesMax = 128
  private static let blocksMax = 1024
  private static let textsMax = 16

  private let wire: Dialect
  private let unique: String
  private var head: [(String, JSONValue)] = []
  private var usage: JSONValue?
  private var isEmpty = true
  // Chat completions.
  private var choices: [Int64: Choice] = [:]
  // Messages.
  private var blocks: [Int64: Block] = [:]
  private var stop: [JSONValue.Member] = []
  // Responses.
  private var response: JSONValue?

  private struct Text {
    let name: String
    var text = ""
    var split = SplitCharacters()
  }

  private struct Choice {
    var texts: [Text] = []
    var others: [(String, JSONValue)] = []
    /// Knows which fragment belongs to which call.
    var calls: ChatAnswerReader
    var callEvents: [AnswerEvent] = []
    var finish: JSONValue = .null

    mutating func add(_ name: String, _ text: String, isRepaired: Bool) {
      var spot = texts.firstIndex { $0.name == name } ?? texts.count
      if spot == texts.count {
        guard texts.count < WholeFromEvents.textsMax else { return }
        texts.append(Text(name: name))
        spot = texts.count - 1
      }
      texts[spot].text += isRepaired || !texts[spot].split.isEmpty ? texts[spot].split.join(text) : text
    }
  }

  private struct Block {
    var opened: JSONValue
    var added: [String: String] = [:]
  }

  /// Nothing has come. Ids of calls that have none begin with `unique`.
  public init(_ wire: Dialect, unique: String = "0") {
    self.wire = wire
    self.unique = unique
  }

  /// Takes an event. Throws `StreamFault` when the provider reports an error or the data is no JSON.
  public mutating func take(_ event: ServerSentEvent) throws(StreamFault) {
    guard !ProviderJSON.isDone(event.data) else { return }
    let parsed = try ProviderJSON(event)
    let root = parsed.root
    isEmpty = false
    switch wire {
    case .chat, .completions, .embeddings: try takeChat(parsed)
    case .messages: takeMessages(root)
    case .responses: takeResponses(root)
    }
  }

  /// The whole answer; nil when nothing has come that could be one.
  public var bytes: [UInt8]? {
    guard !isEmpty else { return nil }
    switch wire {
    case .chat, .completions, .embeddings: return choices.isEmpty ? nil : chat.bytes
    case .messages: return head.isEmpty ? nil : message
    case .responses: return response?.bytes
    }
  }

  // MARK: Chat completions

  private mutating func takeChat(_ chunk: ProviderJSON) throws(StreamFault) {
    let root = chunk.root
    if head.isEmpty {
      for name in ["id", "created", "model", "system_fingerprint", "service_tier"] {
        if let value = root.present(name) { head.append((name, JSONValue(value))) }
      }
    }
    if let value = root.present("usage") { usage = JSONValue(value) }
    for view in root["choices"]?.elements.map({ $0 }) ?? [] {
      let index = view["index"]?.int ?? 0
      guard choices[index] != nil || choices.count < WholeFromEvents.choicesMax else { continue }
      var choice = choices[index] ?? Choice(calls: ChatAnswerReader(unique: unique))
      let delta = view.present("delta") ?? view["message"]
      let message = delta.map { ChatMessage($0) }
      for (key, value) in delta?.members ?? JSONView.noMembers where !value.isNull {
        let name = key.string ?? ""
        if name == "role" || name == "tool_calls" || name == "function_call" { continue }
        if let text = value.string {
          choice.add(name, text, isRepaired: chunk.isRepaired)
        } else if name == "content", let message {
          // A list of parts.
          message.visitContent { part, text in
            let name = part == .thinking ? "reasoning_content" : part == .refusal ? "refusal" : "content"
            choice.add(name, text.string ?? "", isRepaired: chunk.isRepaired)
          }
        } else if !choice.others.contains(where: { $0.0 == name }), choice.others.count < WholeFromEvents.textsMax {
          choice.others.append((name, JSONValue(value)))
        }
      }
      if let message { try choice.calls.takeCalls(message, chunk, to: &choice.callEvents) }
      // Text completions.
      if let text = view["text"]?.string { choice.add("text", text, isRepaired: chunk.isRepaired) }
      if let reason = view.present("finish_reason") { choice.finish = JSONValue(reason) }
      choices[index] = choice
    }
  }

  private var chat: JSONValue {
    var body = ObjectBuilder()
    for (name, value) in head { body.add(name, value) }
    body.add("object", .string(wire == .completions ? "text_completion" : "chat.completion"))
    body.add(
      "choices",
      .array(
        choices.sorted { $0.key < $1.key }.map { index, choice in
          .members(
            ("index", .int(index)),
            wire == .completions
              ? ("text", .string(choice.texts.first { $0.name == "text" }?.text ?? ""))
              : ("message", WholeFromEvents.message(choice)),
            ("finish_reason", choice.finish == .null ? .string("stop") : choice.finish))
        }))
    if let usage { body.add("usage", usage) }
    return body.value
  }

  private static func message(_ choice: Choice) -> JSONValue {
    var body = ObjectBuilder()
    body.add("role", .string("assistant"))
    if !choice.texts.contains(where: { $0.name == "content" }) { body.add("content", .null) }
    for text in choice.texts { body.add(text.name, .string(text.text)) }
    for (name, value) in choice.others where name != "content" { body.add(name, value) }
    var (reader, events) = (choice.calls, choice.callEvents)
    reader.end(to: &events)
    let calls = WholeAnswer(events, .stop).parts.compactMap { part -> JSONValue? in
      guard case .call(let id, let name) = part.kind else { return nil }
      return .members(
        ("id", .string(id)), ("type", .string("function")),
        ("function", .members(("name", .string(name)), ("arguments", .string(part.text)))))
    }
    if !calls.isEmpty { body.add("tool_calls", .array(calls)) }
    return body.value
  }

  // MARK: Messages

  private mutating func takeMessages(_ root: JSONView) {
    switch root["type"]?.string {
    case "message_start":
      for (key, value) in root["message"]?.members ?? JSONView.noMembers {
        let name = key.string ?? ""
        if name == "usage" {
          usage = JSONValue(value)
        } else if !["content", "stop_reason", "stop_sequence"].contains(name) {
          head.append((name, JSONValue(value)))
        }
      }
    case "content_block_start":
      guard let index = root["index"]?.int, let block = root["content_block"],
        blocks.count < WholeFromEvents.blocksMax
      else { return }
      blocks[index] = Block(opened: JSONValue(block))
    case "content_block_delta":
      guard let index = root["index"]?.int, let delta = root["delta"] else { return }
      for (key, value) in delta.members where key.string != "type" {
        if let text = value.string { blocks[index]?.added[key.string ?? "", default: ""] += text }
      }
    case "message_delta":
      for (key, value) in root["delta"]?.members ?? JSONView.noMembers {
        stop.removeAll { $0.key == key.string }
        stop.append(JSONValue.Member(key.string ?? "", JSONValue(value)))
      }
      if let value = root.present("usage") { usage = WholeFromEvents.merged(usage, value) }
    default: return
    }
  }

  /// Later counts win, those that are not said again stay.
  private static func merged(_ old: JSONValue?, _ new: JSONView) -> JSONValue {
    guard case .object(var members)? = old else { return JSONValue(new) }
    for (key, value) in new.members where !value.isNull {
      let name = key.string ?? ""
      if value.int == 0, members.contains(where: { $0.key == name }) { continue }
      members.removeAll { $0.key == name }
      members.append(JSONValue.Member(name, JSONValue(value)))
    }
    return .object(members)
  }

  private var message: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    for (name, value) in head {
      writer.key(name)
      value.write(to: &writer)
    }
    writer.key("content")
    writer.beginArray()
    for (_, block) in blocks.sorted(by: { $0.key < $1.key }) { WholeFromEvents.write(block, &writer) }
    writer.endArray()
    for name in ["stop_reason", "stop_sequence"] {
      writer.key(name)
      let value = stop.first { $0.key == name }?.value ?? (name == "stop_reason" ? .string("end_turn") : .null)
      value.write(to: &writer)
    }
    if let usage {
      writer.key("usage")
      usage.write(to: &writer)
    }
    writer.endObject()
    return writer.bytes
  }

  /// A block with what was added to it; numbers of a tool's input keep their digits.
  private static func write(_ block: Block, _ writer: inout JSONWriter) {
    guard case .object(let members) = block.opened else { return block.opened.write(to: &writer) }
    var added = block.added
    let input = added.removeValue(forKey: "partial_json")
    writer.beginObject()
    for member in members {
      if member.key == "input", let input {
        writer.member("input", raw: ToolInput.object(input).utf8)
      } else if let more = added.removeValue(forKey: member.key) {
        if case .string(let before) = member.value {
          writer.member(member.key, before + more)
        } else {
          writer.member(member.key, more)
        }
      } else {
        writer.key(member.key)
        member.value.write(to: &writer)
      }
    }
    for (name, text) in added.sorted(by: { $0.key < $1.key }) { writer.member(name, text) }
    writer.endObject()
  }

  // MARK: Responses

  private mutating func takeResponses(_ root: JSONView) {
    switch root["type"]?.string {
    case "response.completed", "response.incomplete", "response.failed", "response.created":
      if let value = root["response"] { response = JSONValue(value) }
    default: return
    }
  }
}
