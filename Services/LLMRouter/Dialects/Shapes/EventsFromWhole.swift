public import HTTPWire
public import JSON

/// A whole answer as the events of a stream in the same dialect, for providers that do not stream when asked to.
public enum EventsFromWhole {
  /// The events of an answer in a provider's dialect.
  public static func events(_ root: JSONView, _ wire: Dialect) -> [ServerSentEvent] {
    switch wire {
    case .chat, .completions, .embeddings: chat(root)
    case .messages: messages(root)
    case .responses: responses(root)
    }
  }

  // MARK: Chat completions

  private static func chat(_ root: JSONView) -> [ServerSentEvent] {
    func chunk(_ choices: [JSONValue], usage: JSONView? = nil) -> ServerSentEvent {
      var body = ObjectBuilder()
      body.add("id", ifPresent: root["id"])
      body.add("object", .string("chat.completion.chunk"))
      body.add("created", ifPresent: root["created"])
      body.add("model", ifPresent: root["model"])
      body.add("service_tier", ifPresent: root["service_tier"])
      body.add("choices", .array(choices))
      if let usage { body.add("usage", JSONValue(usage)) }
      return ServerSentEvent(data: body.value.bytes)
    }
    func choice(_ index: Int64, _ delta: JSONValue, _ logprobs: JSONView? = nil, finish: JSONValue) -> JSONValue {
      var body = ObjectBuilder()
      body.add("index", .int(index))
      body.add("delta", delta)
      body.add("logprobs", ifPresent: logprobs)
      body.add("finish_reason", finish)
      return body.value
    }
    var events: [ServerSentEvent] = []
    for (number, view) in (root["choices"]?.elements.map { $0 } ?? []).enumerated() {
      let index = view["index"]?.int ?? Int64(number)
      events.append(chunk([choice(index, delta(view["message"]), view["logprobs"], finish: .null)]))
      let finish = view.present("finish_reason")?.string ?? "stop"
      events.append(chunk([choice(index, .object([]), finish: .string(finish))]))
    }
    if let usage = root.present("usage") { events.append(chunk([], usage: usage)) }
    events.append(ServerSentEvent(data: Array("[DONE]".utf8)))
    return events
  }

  private static func delta(_ message: JSONView?) -> JSONValue {
    var body = ObjectBuilder()
    for (key, value) in message?.members ?? JSONView.noMembers where !value.isNull {
      let name = key.string ?? ""
      guard name == "tool_calls" else {
        body.add(name, JSONValue(value))
        continue
      }
      let calls = value.elements.enumerated().map { index, call -> JSONValue in
        var numbered = ObjectBuilder()
        numbered.add("index", .int(Int64(index)))
        for (key, value) in call.members where key.string != "index" {
          numbered.add(key.string ?? "", JSONValue(value))
        }
        return numbered.value
      }
      body.add("tool_calls", .array(calls))
    }
    return body.value
  }

  // MARK: Messages

  private static func messages(_ root: JSONView) -> [ServerSentEvent] {
    func event(_ name: String, _ members: (String, JSONValue)...) -> ServerSentEvent {
      var body = ObjectBuilder()
      body.add("type", .string(name))
      for (key, value) in members { body.add(key, value) }
      return ServerSentEvent(event: name, data: body.value.bytes)
    }
    var start = ObjectBuilder()
    for (key, value) in root.members {
      switch key.string ?? "" {
      case "content": start.add("content", .array([]))
      case "stop_reason", "stop_sequence": start.add(key.string ?? "", .null)
      case let name: start.add(name, JSONValue(value))
      }
    }
    var events = [event("message_start", ("message", start.value))]
    for (number, block) in (root["content"]?.elements.map { $0 } ?? []).enumerated() {
      let index = JSONValue.int(Int64(number))
      let (opened, deltas) = parts(block)
      events.append(event("content_block_start", ("index", index), ("content_block", opened)))
      for delta in deltas { events.append(event("content_block_delta", ("index", index), ("delta", delta))) }
      events.append(event("content_block_stop", ("index", index)))
    }
    let end = JSONValue.members(
      ("stop_reason", root["stop_reason"].map { JSONValue($0) } ?? .string("end_turn")),
      ("stop_sequence", root["stop_sequence"].map { JSONValue($0) } ?? .null))
    events.append(event("message_delta", ("delta", end), ("usage", root["usage"].map { JSONValue($0) } ?? .object([]))))
    events.append(event("message_stop"))
    return events
  }

  /// A block as its empty begin and what follows.
  private static func parts(_ block: JSONView) -> (JSONValue, [JSONValue]) {
    func opened(_ name: String, _ empty: JSONValue) -> JSONValue {
      var body = ObjectBuilder()
      for (key, value) in block.members {
        let key = key.string ?? ""
        if key == "signature", name == "thinking" { continue }
        body.add(key, key == name ? empty : JSONValue(value))
      }
      return body.value
    }
    func text(_ name: String) -> JSONValue { .string(block[name]?.string ?? "") }
    switch block["type"]?.string {
    case "text":
      return (opened("text", .string("")), [.members(("type", .string("text_delta")), ("text", text("text")))])
    case "thinking":
      var deltas = [JSONValue.members(("type", .string("thinking_delta")), ("thinking", text("thinking")))]
      if block.present("signature") != nil {
        deltas.append(.members(("type", .string("signature_delta")), ("signature", text("signature"))))
      }
      return (opened("thinking", .string("")), deltas)
    case "tool_use", "server_tool_use":
      let input = block["input"]?.rawText ?? "{}"
      return (
        opened("input", .object([])),
        [.members(("type", .string("input_json_delta")), ("partial_json", .string(input)))]
      )
    default: return (JSONValue(block), [])
    }
  }

  // MARK: Responses

  private static func responses(_ root: JSONView) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    func add(_ name: String, _ members: (String, JSONValue)...) {
      var body = ObjectBuilder()
      body.add("type", .string(name))
      body.add("sequence_number", .int(Int64(events.count)))
      for (key, value) in members { body.add(key, value) }
      events.append(ServerSentEvent(event: name, data: body.value.bytes))
    }
    var begun = ObjectBuilder()
    for (key, value) in root.members {
      switch key.string ?? "" {
      case "status": begun.add("status", .string("in_progress"))
      case "output": begun.add("output", .array([]))
      case "usage": begun.add("usage", .null)
      case let name: begun.add(name, JSONValue(value))
      }
    }
    add("response.created", ("response", begun.value))
    for (number, item) in (root["output"]?.elements.map { $0 } ?? []).enumerated() {
      let index = JSONValue.int(Int64(number))
      let id = JSONValue.string(item["id"]?.string ?? "")
      let kind = item["type"]?.string
      var empty = ObjectBuilder()
      for (key, value) in item.members {
        switch (key.string ?? "", kind) {
        case ("content", "message"): empty.add("content", .array([]))
        case ("arguments", "function_call"): empty.add("arguments", .string(""))
        case (let name, _): empty.add(name, JSONValue(value))
        }
      }
      add("response.output_item.added", ("output_index", index), ("item", empty.value))
      if kind == "message" {
        for (place, part) in (item["content"]?.elements.map { $0 } ?? []).enumerated() {
          let content = JSONValue.int(Int64(place))
          let isText = part["type"]?.string == "output_text"
          let text = JSONValue.string(part[isText ? "text" : "refusal"]?.string ?? "")
          let name = isText ? "response.output_text" : "response.refusal"
          add(
            "response.content_part.added", ("item_id", id), ("output_index", index), ("content_index", content),
            ("part", emptied(part, isText ? "text" : "refusal")))
          add(
            "\(name).delta", ("item_id", id), ("output_index", index), ("content_index", content), ("delta", text))
          add(
            "\(name).done", ("item_id", id), ("output_index", index), ("content_index", content),
            (isText ? "text" : "refusal", text))
          add(
            "response.content_part.done", ("item_id", id), ("output_index", index), ("content_index", content),
            ("part", JSONValue(part)))
        }
      } else if kind == "function_call" {
        let arguments = JSONValue.string(item["arguments"]?.string ?? "")
        add("response.function_call_arguments.delta", ("item_id", id), ("output_index", index), ("delta", arguments))
        add("response.function_call_arguments.done", ("item_id", id), ("output_index", index), ("arguments", arguments))
      }
      add("response.output_item.done", ("output_index", index), ("item", JSONValue(item)))
    }
    let status = root["status"]?.string ?? "completed"
    let name = status == "failed" || status == "incomplete" ? status : "completed"
    add("response.\(name)", ("response", JSONValue(root)))
    return events
  }

  private static func emptied(_ part: JSONView, _ member: String) -> JSONValue {
    var body = ObjectBuilder()
    for (key, value) in part.members {
      body.add(key.string ?? "", key.string == member ? .string("") : JSONValue(value))
    }
    return body.value
  }
}
