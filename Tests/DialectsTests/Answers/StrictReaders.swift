import Dialects
import HTTPWire
import JSON
import Testing

/// What a client has understood of an answer.
struct Understood: Equatable {
  struct Call: Equatable {
    var id = ""
    var name = ""
    var arguments = ""
    var namespace: String?
    var isCustom = false
  }

  /// The kinds of parts in the order in which they came.
  var order: [String] = []
  var thoughts = ""
  var signatures: [String] = []
  var text = ""
  var refusal = ""
  var calls: [Call] = []
  var finish = ""
  var input: Int64 = -1
  var output: Int64 = -1
  /// The code of an error event.
  var error: String?

  var names: [String] { calls.map(\.name) }
  var arguments: [String] { calls.map(\.arguments) }
}

/// A stream that an official client would not take.
struct Refused: Error {
  let reason: String
}

/// Reads streams as strictly as the official clients do, and more.
enum StrictReader {
  static func read(_ bytes: [UInt8], _ dialect: Dialect) throws -> Understood {
    var parser = ServerSentEventParser()
    let events = try parser.feed(bytes)
    return switch dialect {
    case .chat, .completions, .embeddings: try chat(events)
    case .messages: try messages(events)
    case .responses: try responses(events)
    }
  }

  private static func check(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
    if !condition { throw Refused(reason: reason()) }
  }

  private static func need<Value>(_ value: Value?, _ reason: String) throws -> Value {
    guard let value else { throw Refused(reason: reason) }
    return value
  }

  // MARK: Chat completions

  private static func chat(_ events: [ServerSentEvent]) throws -> Understood {
    var seen = Understood()
    var ids: Set<String> = []
    var isOver = false
    for event in events {
      try check(!isOver, "an event after the end")
      try check(event.event == nil, "a name that chat events do not have")
      if event.data == Array("[DONE]".utf8) {
        isOver = true
        continue
      }
      let root = try JSONDocument(parsing: event.data).root
      if let error = root["error"] {
        seen.error = error["code"]?.string ?? ""
        isOver = true
        continue
      }
      ids.insert(try need(root["id"]?.string, "no id"))
      try check(root["object"]?.string == "chat.completion.chunk", "no chunk")
      try check(root["model"]?.string?.isEmpty == false, "no model")
      if let usage = root["usage"], usage.kind == .object {
        seen.input = usage["prompt_tokens"]?.int ?? -1
        seen.output = usage["completion_tokens"]?.int ?? -1
      }
      guard let choice = root["choices"]?[0] else { continue }
      try check(seen.finish.isEmpty, "a delta after the finish")
      let delta = try need(choice["delta"], "no delta")
      if let text = delta["reasoning_content"]?.string { seen.add("thoughts", text, to: \.thoughts) }
      for detail in delta["reasoning_details"]?.elements.map({ $0 }) ?? [] {
        if let proof = detail["signature"]?.string ?? detail["data"]?.string { seen.signatures.append(proof) }
      }
      if let text = delta["content"]?.string { seen.add("text", text, to: \.text) }
      if let text = delta["refusal"]?.string { seen.add("refusal", text, to: \.refusal) }
      for call in delta["tool_calls"]?.elements.map({ $0 }) ?? [] {
        let index = Int(try need(call["index"]?.int, "a call without index"))
        if index == seen.calls.count {
          let id = try need(call["id"]?.string, "a call without id")
          try check(!id.isEmpty && !seen.calls.contains { $0.id == id }, "an id that is not new")
          let name = try need(call["function"]?["name"]?.string, "a call without name")
          try check(!name.isEmpty, "an empty name")
          seen.calls.append(Understood.Call(id: id, name: name))
          seen.order.append("call")
        }
        try check(index == seen.calls.count - 1, "fragments of calls are mixed")
        seen.calls[index].arguments += call["function"]?["arguments"]?.string ?? ""
      }
      seen.finish = choice["finish_reason"]?.string ?? ""
    }
    try check(isOver, "no end")
    if seen.error == nil {
      try check(ids.count == 1, "several ids")
      for call in seen.calls { try check(!call.arguments.isEmpty, "no arguments") }
    }
    return seen
  }

  // MARK: Messages

  private static func messages(_ events: [ServerSentEvent]) throws -> Understood {
    var seen = Understood()
    var blocks: Int64 = 0
    var open: String?
    var isOver = false
    for (number, event) in events.enumerated() {
      try check(!isOver, "an event after the end")
      let root = try JSONDocument(parsing: event.data).root
      let type = try need(root["type"]?.string, "no type")
      try check(event.event == type, "the name is not the type")
      try check((type == "message_start") == (number == 0) || type == "error", "it does not begin with its begin")
      switch type {
      case "message_start":
        try check(root["message"]?["id"]?.string?.hasPrefix("msg_") == true, "no id")
        try check(root["message"]?["model"]?.string?.isEmpty == false, "no model")
        try check(root["message"]?["usage"]?["input_tokens"]?.int != nil, "no usage")
      case "content_block_start":
        try check(open == nil && root["index"]?.int == blocks, "blocks overlap")
        let block = try need(root["content_block"], "no block")
        let kind = try need(block["type"]?.string, "no type of block")
        open = kind
        switch kind {
        case "tool_use":
          let id = try need(block["id"]?.string, "no id of a call")
          try check(!id.isEmpty && !seen.calls.contains { $0.id == id }, "an id that is not new")
          let name = try need(block["name"]?.string, "no name")
          try check(!name.isEmpty && block["input"]?.count == 0, "no name or an input")
          seen.calls.append(Understood.Call(id: id, name: name))
          seen.order.append("call")
        case "thinking": seen.order.append("thoughts")
        case "redacted_thinking": seen.signatures.append(try need(block["data"]?.string, "no data"))
        case "text": seen.order.append("text")
        default: throw Refused(reason: "a block of type \(kind)")
        }
      case "content_block_delta":
        try check(root["index"]?.int == blocks, "a delta of another block")
        let delta = try need(root["delta"], "no delta")
        switch (delta["type"]?.string, open) {
        case ("text_delta", "text"): seen.text += try need(delta["text"]?.string, "no text")
        case ("thinking_delta", "thinking"): seen.thoughts += try need(delta["thinking"]?.string, "no text")
        case ("signature_delta", "thinking"):
          let signature = try need(delta["signature"]?.string, "no signature")
          if !signature.isEmpty { seen.signatures.append(signature) }
        case ("input_json_delta", "tool_use"):
          seen.calls[seen.calls.count - 1].arguments += try need(delta["partial_json"]?.string, "no json")
        default: throw Refused(reason: "a delta that does not fit")
        }
      case "content_block_stop":
        try check(open != nil && root["index"]?.int == blocks, "the end of another block")
        if open == "tool_use" {
          let arguments = seen.calls[seen.calls.count - 1].arguments
          guard let parsed = try? JSONDocument(parsing: arguments), parsed.root.kind == .object else {
            throw Refused(reason: "arguments that are no object: \(arguments)")
          }
        }
        open = nil
        blocks += 1
      case "message_delta":
        try check(open == nil, "a block is open")
        seen.finish = try need(root["delta"]?["stop_reason"]?.string, "no reason")
        seen.input = root["usage"]?["input_tokens"]?.int ?? -1
        seen.output = root["usage"]?["output_tokens"]?.int ?? -1
      case "message_stop":
        try check(!seen.finish.isEmpty, "no reason")
        isOver = true
      case "error":
        seen.error = root["error"]?["type"]?.string ?? ""
        isOver = true
      default: throw Refused(reason: "an event of type \(type)")
      }
    }
    try check(isOver, "no end")
    return seen
  }

  // MARK: Responses

  private static func responses(_ events: [ServerSentEvent]) throws -> Understood {
    var seen = Understood()
    var id = ""
    var items: [JSONView] = []
    var open: (id: String, type: String, text: String)?
    var isOver = false
    for (number, event) in events.enumerated() {
      try check(!isOver, "an event after the end")
      let root = try JSONDocument(parsing: event.data).root
      let type = try need(root["type"]?.string, "no type")
      try check(event.event == type, "the name is not the type")
      try check(root["sequence_number"]?.int == Int64(number), "the numbers do not go on")
      if let output = root["output_index"]?.int {
        try check(output == Int64(items.count), "an event about another item")
        if type != "response.output_item.added", let item = root["item_id"]?.string {
          try check(item == open?.id, "an event about another item")
        }
      }
      switch type {
      case "response.created", "response.in_progress":
        let response = try need(root["response"], "no response")
        if id.isEmpty { id = try need(response["id"]?.string, "no id") }
        try check(response["id"]?.string == id && response["status"]?.string == "in_progress", "not in progress")
      case "response.output_item.added":
        try check(open == nil, "items overlap")
        let item = try need(root["item"], "no item")
        open = (try need(item["id"]?.string, "no id"), try need(item["type"]?.string, "no type"), "")
        try check(!items.contains { $0["id"]?.string == open?.id }, "an id that is not new")
      case "response.output_text.delta", "response.refusal.delta", "response.reasoning_summary_text.delta",
        "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
        open?.text += try need(root["delta"]?.string, "no delta")
      case "response.output_text.done", "response.reasoning_summary_text.done":
        try check(root["text"]?.string == open?.text, "the end is not what came")
      case "response.refusal.done": try check(root["refusal"]?.string == open?.text, "the end is not what came")
      case "response.function_call_arguments.done":
        try check(root["arguments"]?.string == open?.text, "the end is not what came")
      case "response.custom_tool_call_input.done":
        try check(root["input"]?.string == open?.text, "the end is not what came")
      case "response.content_part.added", "response.content_part.done", "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done":
        try check(open != nil && root["part"] != nil, "a part of nothing")
      case "response.output_item.done":
        let item = try need(root["item"], "no item")
        try check(item["id"]?.string == open?.id && item["type"]?.string == open?.type, "another item ends")
        items.append(item)
        open = nil
      case "response.completed", "response.incomplete":
        try check(open == nil, "an item is open")
        let response = try need(root["response"], "no response")
        try check(response["id"]?.string == id, "another response")
        let output = response["output"]?.elements.map { $0.rawBytes.map { $0 } } ?? []
        try check(output == items.map { $0.rawBytes.map { $0 } }, "the output is not what came")
        try seen.take(response: response)
        isOver = true
      case "error":
        try check(root["error"]?["message"]?.string != nil, "an error that no client raises")
        seen.error = root["error"]?["code"]?.string
      case "response.failed":
        try check(root["response"]?["status"]?.string == "failed", "not failed")
        try check(id.isEmpty || root["response"]?["id"]?.string == id, "another response")
        try check(root["response"]?["error"]?["code"]?.string == seen.error, "another error")
        isOver = true
      default: throw Refused(reason: "an event of type \(type)")
      }
    }
    try check(isOver, "no end")
    return seen
  }
}

extension Understood {
  mutating func add(_ kind: String, _ more: String, to member: WritableKeyPath<Understood, String>) {
    guard !more.isEmpty else { return }
    if order.last != kind { order.append(kind) }
    self[keyPath: member] += more
  }

  /// A whole response.
  mutating func take(response: JSONView) throws {
    finish = response["incomplete_details"]?["reason"]?.string ?? response["status"]?.string ?? ""
    input = response["usage"]?["input_tokens"]?.int ?? -1
    output = response["usage"]?["output_tokens"]?.int ?? -1
    for item in response["output"]?.elements.map({ $0 }) ?? [] {
      switch item["type"]?.string {
      case "message":
        for part in item["content"]?.elements.map({ $0 }) ?? [] {
          if let words = part["refusal"]?.string { add("refusal", words, to: \.refusal) }
          if let words = part["text"]?.string { add("text", words, to: \.text) }
        }
      case "reasoning":
        for part in item["summary"]?.elements.map({ $0 }) ?? [] {
          add("thoughts", part["text"]?.string ?? "", to: \.thoughts)
        }
        if let proof = item["encrypted_content"]?.string {
          signatures.append(ReasoningSignature.signature(proof) ?? proof)
        }
      case "function_call", "custom_tool_call":
        let isCustom = item["type"]?.string == "custom_tool_call"
        order.append("call")
        calls.append(
          Call(
            id: item["call_id"]?.string ?? "", name: item["name"]?.string ?? "",
            arguments: item[isCustom ? "input" : "arguments"]?.string ?? "", namespace: item["namespace"]?.string,
            isCustom: isCustom))
      default: throw Refused(reason: "an item of another type")
      }
    }
    if Set(calls.map(\.id)).count != calls.count { throw Refused(reason: "ids of calls are not unique") }
  }

  /// A whole answer.
  init(whole bytes: [UInt8], _ dialect: Dialect) throws {
    let root = try JSONDocument(parsing: bytes).root
    switch dialect {
    case .responses: try take(response: root)
    case .messages:
      finish = root["stop_reason"]?.string ?? ""
      input = root["usage"]?["input_tokens"]?.int ?? -1
      output = root["usage"]?["output_tokens"]?.int ?? -1
      for block in root["content"]?.elements.map({ $0 }) ?? [] {
        switch block["type"]?.string {
        case "text": add("text", block["text"]?.string ?? "", to: \.text)
        case "thinking":
          add("thoughts", block["thinking"]?.string ?? "", to: \.thoughts)
          if let proof = block["signature"]?.string, !proof.isEmpty { signatures.append(proof) }
        case "redacted_thinking": signatures.append(block["data"]?.string ?? "")
        default:
          order.append("call")
          calls.append(
            Call(
              id: block["id"]?.string ?? "", name: block["name"]?.string ?? "",
              arguments: block["input"].map { String(decoding: $0.rawBytes, as: UTF8.self) } ?? ""))
        }
      }
    case .chat, .completions, .embeddings:
      let message = root["choices"]?[0]?["message"]
      finish = root["choices"]?[0]?["finish_reason"]?.string ?? ""
      input = root["usage"]?["prompt_tokens"]?.int ?? -1
      output = root["usage"]?["completion_tokens"]?.int ?? -1
      add("thoughts", message?["reasoning_content"]?.string ?? "", to: \.thoughts)
      add("text", message?["content"]?.string ?? "", to: \.text)
      add("refusal", message?["refusal"]?.string ?? "", to: \.refusal)
      for detail in message?["reasoning_details"]?.elements.map({ $0 }) ?? [] {
        if let proof = detail["signature"]?.string ?? detail["data"]?.string { signatures.append(proof) }
      }
      for call in message?["tool_calls"]?.elements.map({ $0 }) ?? [] {
        order.append("call")
        calls.append(
          Call(
            id: call["id"]?.string ?? "", name: call["function"]?["name"]?.string ?? "",
            arguments: call["function"]?["arguments"]?.string ?? ""))
      }
    }
  }
}
