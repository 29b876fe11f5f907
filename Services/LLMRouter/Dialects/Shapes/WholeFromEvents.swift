public import HTTPWire
internal import JSON

/// Collects a stream into the whole answer of the same dialect, for providers that stream when they are not asked to.
public struct WholeFromEvents: Sendable {
  private static let choicesMax = 128
  private static let callsMax = 1024

  private let wire: Dialect
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

  private struct Choice {
    var texts: [(name: String, text: String)] = []
    var others: [(String, JSONValue)] = []
    var calls: [Call] = []
    var finish: JSONValue = .null
  }

  private struct Call {
    var index: Int64
    var id = ""
    var name = ""
    var arguments = ""
  }

  private struct Block {
    var opened: JSONValue
    var added: [String: String] = [:]
  }

  /// Nothing has come.
  public init(_ wire: Dialect) { self.wire = wire }

  /// Takes an event. Throws `StreamFault` when the provider reports an error or the data is no JSON.
  public mutating func take(_ event: ServerSentEvent) throws(StreamFault) {
    guard !event.data.elementsEqual("[DONE]".utf8) else { return }
    let root = try ProviderJSON(event).root
    isEmpty = false
    switch wire {
    case .chat, .completions, .embeddings: takeChat(root)
    case .messages: takeMessages(root)
    case .responses: takeResponses(root)
    }
  }

  /// The whole answer; nil when nothing has come that could be one.
  public var bytes: [UInt8]? {
    guard !isEmpty else { return nil }
    switch wire {
    case .chat, .completions, .embeddings: return choices.isEmpty ? nil : chat.bytes
    case .messages: return head.isEmpty ? nil : message.bytes
    case .responses: return response?.bytes
    }
  }

  // MARK: Chat completions

  private mutating func takeChat(_ root: JSONView) {
    if head.isEmpty {
      for name in ["id", "created", "model", "system_fingerprint", "service_tier"] {
        if let value = root.present(name) { head.append((name, JSONValue(value))) }
      }
    }
    if let value = root.present("usage") { usage = JSONValue(value) }
    for view in root["choices"]?.elements.map({ $0 }) ?? [] {
      let index = view["index"]?.int ?? 0
      guard choices[index] != nil || choices.count < WholeFromEvents.choicesMax else { continue }
      var choice = choices[index] ?? Choice()
      for (key, value) in (view.present("delta") ?? view["message"])?.members ?? JSONView.noMembers where !value.isNull
      {
        let name = key.string ?? ""
        if name == "tool_calls" {
          for call in value.elements { WholeFromEvents.take(call, &choice.calls) }
        } else if name == "role" {
          continue
        } else if let text = value.string {
          if let spot = choice.texts.firstIndex(where: { $0.name == name }) {
            choice.texts[spot].text += text
          } else if choice.texts.count < 16 {
            choice.texts.append((name, text))
          }
        } else if !choice.others.contains(where: { $0.0 == name }), choice.others.count < 16 {
          choice.others.append((name, JSONValue(value)))
        }
      }
      if let reason = view.present("finish_reason") { choice.finish = JSONValue(reason) }
      choices[index] = choice
    }
  }

  private static func take(_ view: JSONView, _ calls: inout [Call]) {
    let index = view["index"]?.int ?? Int64(max(0, calls.count - 1))
    let id = view["id"]?.string ?? ""
    let spot = calls.lastIndex { $0.index == index && (id.isEmpty || $0.id.isEmpty || $0.id == id) }
    if spot == nil {
      guard calls.count < callsMax else { return }
      calls.append(Call(index: index))
    }
    let at = spot ?? calls.count - 1
    if calls[at].id.isEmpty { calls[at].id = id }
    if calls[at].name.isEmpty { calls[at].name = view["function"]?["name"]?.string ?? "" }
    calls[at].arguments += view["function"]?["arguments"]?.string ?? ""
  }

  private var chat: JSONValue {
    var body = ObjectBuilder()
    for (name, value) in head { body.add(name, value) }
    body.add("object", .string("chat.completion"))
    body.add(
      "choices",
      .array(
        choices.sorted { $0.key < $1.key }.map { index, choice in
          .members(
            ("index", .int(index)), ("message", WholeFromEvents.message(choice)),
            ("finish_reason", choice.finish == .null ? .string("stop") : choice.finish))
        }))
    if let usage { body.add("usage", usage) }
    return body.value
  }

  private static func message(_ choice: Choice) -> JSONValue {
    var body = ObjectBuilder()
    body.add("role", .string("assistant"))
    if !choice.texts.contains(where: { $0.name == "content" }) { body.add("content", .null) }
    for (name, text) in choice.texts { body.add(name, .string(text)) }
    for (name, value) in choice.others where name != "content" { body.add(name, value) }
    if !choice.calls.isEmpty {
      body.add(
        "tool_calls",
        .array(
          choice.calls.map { call in
            .members(
              ("id", .string(call.id)), ("type", .string("function")),
              ("function", .members(("name", .string(call.name)), ("arguments", .string(call.arguments)))))
          }))
    }
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
        blocks.count < WholeFromEvents.callsMax
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

  private var message: JSONValue {
    var body = ObjectBuilder()
    for (name, value) in head { body.add(name, value) }
    body.add("content", .array(blocks.sorted { $0.key < $1.key }.map { WholeFromEvents.closed($0.value) }))
    for name in ["stop_reason", "stop_sequence"] {
      body.add(name, stop.first { $0.key == name }?.value ?? (name == "stop_reason" ? .string("end_turn") : .null))
    }
    if let usage { body.add("usage", usage) }
    return body.value
  }

  private static func closed(_ block: Block) -> JSONValue {
    guard case .object(var members) = block.opened else { return block.opened }
    for (name, text) in block.added {
      let value: JSONValue =
        name == "partial_json" ? JSONValue.parsedObject(text.isEmpty ? "{}" : text) ?? .object([]) : .string(text)
      let key = name == "partial_json" ? "input" : name
      if let spot = members.firstIndex(where: { $0.key == key }) {
        if case .string(let before) = members[spot].value, case .string(let after) = value {
          members[spot].value = .string(before + after)
        } else {
          members[spot].value = value
        }
      } else {
        members.append(JSONValue.Member(key, value))
      }
    }
    return .object(members)
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
