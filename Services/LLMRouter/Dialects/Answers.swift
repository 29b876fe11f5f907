public import JSON

/// Whole answers in another dialect. `model` is the name that the caller knows.
public enum Answers {
  /// A chat completion as a message (Anthropic).
  public static func message(fromChat root: JSONView, model: String) -> [UInt8] {
    let choice = root["choices"]?[0]
    let said = choice?["message"]
    var content: [JSONValue] = []
    let text = said?.present("content")?.string ?? said?.present("refusal")?.string ?? ""
    if !text.isEmpty { content.append(.members(("type", .string("text")), ("text", .string(text)))) }
    for call in said?.present("tool_calls")?.elements.map({ $0 }) ?? [] {
      content.append(toolUse(call))
    }
    return JSONValue.members(
      ("id", .string(messageID(root["id"]?.string))), ("type", .string("message")), ("role", .string("assistant")),
      ("model", .string(model)), ("content", .array(content)),
      ("stop_reason", .string(StopReasons.message(fromChat: choice?["finish_reason"]?.string))),
      ("stop_sequence", .null), ("usage", (UsageWords(chat: root["usage"]) ?? UsageWords()).message)
    ).bytes
  }

  static func messageID(_ id: String?) -> String {
    let id = id ?? ""
    return id.hasPrefix("msg_") ? id : "msg_\(id.replacing("chatcmpl-", with: ""))"
  }

  private static func toolUse(_ call: JSONView) -> JSONValue {
    let text = call["function"]?["arguments"]?.string ?? ""
    // What a model wrote that is no object is kept, so that its caller can see it.
    let input =
      JSONValue.parsedObject(text.isEmpty ? "{}" : text) ?? .members(("_invalid_json", .string(text)))
    return .members(
      ("type", .string("tool_use")), ("id", .string(call["id"]?.string ?? "")),
      ("name", .string(call["function"]?["name"]?.string ?? "")), ("input", input))
  }

  /// A message (Anthropic) as a chat completion. `created` is in seconds since 1970.
  public static func chat(fromMessage root: JSONView, model: String, created: Int64) -> [UInt8] {
    var texts: [String] = []
    var thoughts: [String] = []
    var calls: [JSONValue] = []
    for block in root["content"]?.elements.map({ $0 }) ?? [] {
      switch block["type"]?.string {
      case "text": texts.append(block["text"]?.string ?? "")
      case "thinking": thoughts.append(block["thinking"]?.string ?? "")
      case "tool_use":
        calls.append(
          .members(
            ("id", .string(block["id"]?.string ?? "")), ("type", .string("function")),
            (
              "function",
              .members(
                ("name", .string(block["name"]?.string ?? "")),
                ("arguments", .string(block["input"]?.rawText ?? "{}")))
            )))
      default: continue
      }
    }
    var message = ObjectBuilder()
    message.add("role", .string("assistant"))
    message.add("content", texts.isEmpty ? .null : .string(texts.joined()))
    message.add("refusal", .null)
    if !thoughts.isEmpty { message.add("reasoning_content", .string(thoughts.joined())) }
    if !calls.isEmpty { message.add("tool_calls", .array(calls)) }
    var usage = UsageWords()
    usage.take(message: root["usage"])
    return JSONValue.members(
      ("id", .string("chatcmpl-\(root["id"]?.string ?? "")")), ("object", .string("chat.completion")),
      ("created", .int(created)), ("model", .string(model)),
      (
        "choices",
        .array([
          .members(
            ("index", .int(0)), ("message", message.value), ("logprobs", .null),
            ("finish_reason", .string(StopReasons.chat(fromMessage: root["stop_reason"]?.string))))
        ])
      ), ("usage", usage.chat)
    ).bytes
  }

  /// A chat completion as a response (the Responses API).
  public static func response(fromChat root: JSONView, model: String, created: Int64) -> [UInt8] {
    let choice = root["choices"]?[0]
    let id = root["id"]?.string ?? ""
    var output: [JSONValue] = []
    if let text = choice?["message"]?.present("content")?.string, !text.isEmpty {
      output.append(ResponseItems.message(id: "msg_\(id)", text: text, status: "completed"))
    }
    for call in choice?["message"]?.present("tool_calls")?.elements.map({ $0 }) ?? [] {
      output.append(
        ResponseItems.call(
          id: "fc_\(call["id"]?.string ?? "")", callID: call["id"]?.string ?? "",
          name: call["function"]?["name"]?.string ?? "",
          arguments: call["function"]?["arguments"]?.string ?? "", status: "completed"))
    }
    return ResponseItems.response(
      id: "resp_\(id)", model: model, created: created, output: output,
      finish: choice?["finish_reason"]?.string, usage: UsageWords(chat: root["usage"])
    ).bytes
  }
}

/// Parts of a response (the Responses API).
enum ResponseItems {
  static func textPart(_ text: String) -> JSONValue {
    .members(
      ("type", .string("output_text")), ("text", .string(text)), ("annotations", .array([])), ("logprobs", .array([])))
  }

  static func message(id: String, text: String?, status: String) -> JSONValue {
    .members(
      ("id", .string(id)), ("type", .string("message")), ("status", .string(status)), ("role", .string("assistant")),
      ("content", .array(text.map { [textPart($0)] } ?? [])))
  }

  static func call(id: String, callID: String, name: String, arguments: String, status: String) -> JSONValue {
    .members(
      ("id", .string(id)), ("type", .string("function_call")), ("status", .string(status)),
      ("call_id", .string(callID)), ("name", .string(name)), ("arguments", .string(arguments)))
  }

  /// A whole response; without `usage` it is still in progress.
  static func response(
    id: String, model: String, created: Int64, output: [JSONValue], finish: String?, usage: UsageWords?
  ) -> JSONValue {
    let cut: String? =
      finish == "length" ? "max_output_tokens" : finish == "content_filter" ? "content_filter" : nil
    let status = finish == nil ? "in_progress" : cut == nil ? "completed" : "incomplete"
    return .members(
      ("id", .string(id)), ("object", .string("response")), ("created_at", .int(created)),
      ("status", .string(status)), ("error", .null),
      ("incomplete_details", cut.map { .members(("reason", .string($0))) } ?? .null), ("instructions", .null),
      ("metadata", .object([])), ("model", .string(model)), ("output", .array(output)),
      ("parallel_tool_calls", .bool(true)), ("temperature", .null), ("tool_choice", .string("auto")),
      ("tools", .array([])), ("top_p", .null), ("usage", usage?.response ?? .null))
  }
}
