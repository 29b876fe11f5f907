public import JSON

/// A request of the Responses API (OpenAI) as a chat completion request, for models that are not at OpenAI.
public enum ChatFromResponses {
  private static let known: Set<String> = [
    "model", "input", "instructions", "max_output_tokens", "temperature", "top_p", "stream", "tools", "tool_choice",
    "parallel_tool_calls", "text", "reasoning", "user", "store", "metadata", "include", "truncation",
  ]

  /// Translates. Throws `DialectFault`.
  public static func request(_ root: JSONView, _ target: RequestTarget) throws(DialectFault) -> TranslatedRequest {
    for name in ["previous_response_id", "conversation", "background"] {
      if let value = root.present(name), value.bool != false {
        throw DialectFault(
          "This model keeps no state between calls; send the whole conversation in 'input'.", at: name)
      }
    }
    var messages: [JSONValue] = []
    if let text = root.present("instructions")?.string {
      messages.append(.members(("role", .string("system")), ("content", .string(text))))
    }
    guard let input = root.present("input") else { throw DialectFault("'input' is missing.", at: "input") }
    if input.kind == .string {
      messages.append(.members(("role", .string("user")), ("content", JSONValue(input))))
    } else {
      messages += try turns(input)
    }
    guard !messages.isEmpty else { throw DialectFault("'input' must not be empty.", at: "input") }
    var body = ObjectBuilder()
    body.add("model", .string(target.model))
    body.add("messages", .array(messages))
    body.add(
      target.knowsCompletionTokens ? "max_completion_tokens" : "max_tokens", ifPresent: root["max_output_tokens"])
    body.add("temperature", ifPresent: root["temperature"])
    body.add("top_p", ifPresent: root["top_p"])
    body.add("user", ifPresent: root["user"])
    body.add("reasoning_effort", ifPresent: root["reasoning"]?["effort"])
    if root["stream"]?.bool == true {
      body.add("stream", .bool(true))
      body.add("stream_options", .members(("include_usage", .bool(true))))
    }
    try tools(root, &body)
    format(root["text"]?.present("format"), &body)
    let dropped = root.members.compactMap { $0.key.string }.filter { !known.contains($0) }
    return TranslatedRequest(bytes: body.value.bytes, dropped: dropped)
  }

  private static func turns(_ input: JSONView) throws(DialectFault) -> [JSONValue] {
    var messages: [JSONValue] = []
    var calls: [JSONValue] = []
    func flush() {
      guard !calls.isEmpty else { return }
      messages.append(
        .members(("role", .string("assistant")), ("content", .null), ("tool_calls", .array(calls))))
      calls = []
    }
    for (index, item) in input.elements.enumerated() {
      let path = "input[\(index)]"
      switch item["type"]?.string ?? "message" {
      case "message":
        flush()
        guard let role = item["role"]?.string else { throw DialectFault("A message needs a role.", at: path) }
        messages.append(
          .members(("role", .string(role == "developer" ? "system" : role)), ("content", try content(item, path))))
      case "function_call":
        calls.append(
          .members(
            ("id", .string(item["call_id"]?.string ?? "")), ("type", .string("function")),
            (
              "function",
              .members(
                ("name", .string(item["name"]?.string ?? "")),
                ("arguments", .string(item["arguments"]?.string ?? "{}")))
            )))
      case "function_call_output":
        flush()
        let output = item["output"]
        messages.append(
          .members(
            ("role", .string("tool")), ("tool_call_id", .string(item["call_id"]?.string ?? "")),
            ("content", .string(output?.string ?? output?.rawText ?? ""))))
      case "reasoning": continue
      default:
        throw DialectFault(
          "An item of type \"\(item["type"]?.string ?? "")\" cannot be sent to this model.", at: "\(path).type")
      }
    }
    flush()
    return messages
  }

  private static func content(_ item: JSONView, _ path: String) throws(DialectFault) -> JSONValue {
    guard let content = item.present("content") else { throw DialectFault("Content is missing.", at: path) }
    if content.kind == .string { return JSONValue(content) }
    var parts: [JSONValue] = []
    for (index, part) in content.elements.enumerated() {
      switch part["type"]?.string {
      case "input_text", "output_text", "text":
        parts.append(.members(("type", .string("text")), ("text", .string(part["text"]?.string ?? ""))))
      case "refusal":
        parts.append(.members(("type", .string("text")), ("text", .string(part["refusal"]?.string ?? ""))))
      case "input_image":
        var image = ObjectBuilder()
        image.add("url", ifPresent: part["image_url"])
        image.add("detail", ifPresent: part["detail"])
        parts.append(.members(("type", .string("image_url")), ("image_url", image.value)))
      case "input_file":
        var file = ObjectBuilder()
        file.add("filename", ifPresent: part["filename"])
        file.add("file_data", ifPresent: part["file_data"])
        parts.append(.members(("type", .string("file")), ("file", file.value)))
      default:
        throw DialectFault(
          "A part of type \"\(part["type"]?.string ?? "")\" cannot be sent to this model.",
          at: "\(path).content[\(index)].type")
      }
    }
    return .array(parts)
  }

  private static func tools(_ root: JSONView, _ body: inout ObjectBuilder) throws(DialectFault) {
    if let tools = root.present("tools"), tools.count > 0 {
      var list: [JSONValue] = []
      for (index, tool) in tools.elements.enumerated() {
        guard tool["type"]?.string == "function" else {
          throw DialectFault(
            "The tool \"\(tool["type"]?.string ?? "")\" runs at its provider only.", at: "tools[\(index)].type")
        }
        var function = ObjectBuilder()
        for name in ["name", "description", "parameters", "strict"] { function.add(name, ifPresent: tool[name]) }
        list.append(.members(("type", .string("function")), ("function", function.value)))
      }
      body.add("tools", .array(list))
      body.add("parallel_tool_calls", ifPresent: root["parallel_tool_calls"])
    }
    guard let choice = root.present("tool_choice") else { return }
    if choice.kind == .string {
      body.add("tool_choice", JSONValue(choice))
    } else if let name = choice["name"]?.string {
      body.add(
        "tool_choice", .members(("type", .string("function")), ("function", .members(("name", .string(name))))))
    } else {
      throw DialectFault("The choice must be auto, none, required or a function.", at: "tool_choice")
    }
  }

  private static func format(_ format: JSONView?, _ body: inout ObjectBuilder) {
    switch format?["type"]?.string {
    case "json_schema":
      var schema = ObjectBuilder()
      for name in ["name", "description", "schema", "strict"] { schema.add(name, ifPresent: format?[name]) }
      body.add(
        "response_format", .members(("type", .string("json_schema")), ("json_schema", schema.value)))
    case "json_object": body.add("response_format", .members(("type", .string("json_object"))))
    default: break
    }
  }
}
