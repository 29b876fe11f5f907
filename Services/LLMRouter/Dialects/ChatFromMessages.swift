public import JSON

/// A request of the Messages API (Anthropic) as a chat completion request (OpenAI).
public enum ChatFromMessages {
  private static let known: Set<String> = [
    "model", "messages", "system", "max_tokens", "stop_sequences", "temperature", "top_p", "stream", "tools",
    "tool_choice", "metadata", "output_config", "output_format",
  ]

  /// Translates. Throws `DialectFault`.
  public static func request(_ root: JSONView, _ target: RequestTarget) throws(DialectFault) -> TranslatedRequest {
    var body = ObjectBuilder()
    body.add("model", .string(target.model))
    var messages: [JSONValue] = []
    if let system = root.present("system") {
      let text = try plainText(system, "system")
      if !text.isEmpty { messages.append(.members(("role", .string("system")), ("content", .string(text)))) }
    }
    guard let turns = root["messages"], turns.kind == .array, turns.count > 0 else {
      throw DialectFault("'messages' must be a list with at least one message.", at: "messages")
    }
    for (index, turn) in turns.elements.enumerated() {
      let path = "messages[\(index)]"
      switch turn["role"]?.string {
      case "user": messages += try userTurn(turn["content"], path)
      case "assistant": messages.append(try assistantTurn(turn["content"], path))
      case "system":
        messages.append(
          .members(("role", .string("system")), ("content", .string(try plainText(turn["content"], path)))))
      default: throw DialectFault("The role must be \"user\" or \"assistant\".", at: "\(path).role")
      }
    }
    body.add("messages", .array(messages))
    if let limit = root.present("max_tokens") {
      body.add(target.knowsCompletionTokens ? "max_completion_tokens" : "max_tokens", JSONValue(limit))
    }
    body.add("stop", ifPresent: root["stop_sequences"])
    body.add("temperature", ifPresent: root["temperature"])
    body.add("top_p", ifPresent: root["top_p"])
    if root["stream"]?.bool == true {
      body.add("stream", .bool(true))
      body.add("stream_options", .members(("include_usage", .bool(true))))
    }
    try tools(root, &body)
    body.add("user", ifPresent: root["metadata"]?["user_id"])
    if let format = root.present("output_format") ?? root["output_config"]?.present("format"),
      let schema = format.present("schema")
    {
      body.add(
        "response_format",
        .members(
          ("type", .string("json_schema")),
          (
            "json_schema",
            .members(("name", .string("answer")), ("schema", JSONValue(schema)), ("strict", .bool(true)))
          )))
    }
    let dropped = root.members.compactMap { $0.key.string }.filter { !known.contains($0) }
    return TranslatedRequest(bytes: body.value.bytes, dropped: dropped)
  }

  // MARK: Turns

  /// Text given as a string or as text blocks.
  private static func plainText(_ content: JSONView?, _ path: String) throws(DialectFault) -> String {
    guard let content else { throw DialectFault("Content is missing.", at: path) }
    if let text = content.string { return text }
    var parts: [String] = []
    for (index, block) in content.elements.enumerated() {
      guard block["type"]?.string == "text", let text = block["text"]?.string else {
        throw DialectFault("Only text blocks are possible here.", at: "\(path)[\(index)]")
      }
      parts.append(text)
    }
    return parts.joined(separator: "\n")
  }

  /// Tool results become messages of their own and come first, as the protocol wants them right behind the calls.
  private static func userTurn(_ content: JSONView?, _ path: String) throws(DialectFault) -> [JSONValue] {
    guard let content else { throw DialectFault("Content is missing.", at: "\(path).content") }
    if content.kind == .string {
      return [.members(("role", .string("user")), ("content", JSONValue(content)))]
    }
    var results: [JSONValue] = []
    var parts: [JSONValue] = []
    for (index, block) in content.elements.enumerated() {
      let spot = "\(path).content[\(index)]"
      if block["type"]?.string == "tool_result" {
        guard let id = block["tool_use_id"]?.string else {
          throw DialectFault("A tool result needs 'tool_use_id'.", at: spot)
        }
        let (text, media) = try toolResult(block["content"], spot)
        let said = block["is_error"]?.bool == true ? "Error: \(text)" : text
        results.append(
          .members(("role", .string("tool")), ("tool_call_id", .string(id)), ("content", .string(said))))
        // Chat completions take no images in tool messages: they follow as the user's.
        parts += media
      } else {
        parts.append(try part(block, spot))
      }
    }
    if !parts.isEmpty { results.append(.members(("role", .string("user")), ("content", .array(parts)))) }
    return results
  }

  private static func toolResult(
    _ content: JSONView?, _ path: String
  ) throws(DialectFault) -> (String, [JSONValue]) {
    guard let content, !content.isNull else { return ("", []) }
    if let text = content.string { return (text, []) }
    var texts: [String] = []
    var media: [JSONValue] = []
    for (index, block) in content.elements.enumerated() {
      if block["type"]?.string == "text", let text = block["text"]?.string {
        texts.append(text)
      } else {
        media.append(try part(block, "\(path).content[\(index)]"))
      }
    }
    if texts.isEmpty, !media.isEmpty { texts = ["The result follows."] }
    return (texts.joined(separator: "\n"), media)
  }

  private static func part(_ block: JSONView, _ path: String) throws(DialectFault) -> JSONValue {
    switch block["type"]?.string {
    case "text":
      return .members(("type", .string("text")), ("text", .string(block["text"]?.string ?? "")))
    case "image":
      let url = try mediaURL(block["source"], path)
      return .members(("type", .string("image_url")), ("image_url", .members(("url", .string(url)))))
    case "document":
      if block["source"]?["type"]?.string == "text" {
        return .members(("type", .string("text")), ("text", .string(block["source"]?["data"]?.string ?? "")))
      }
      let url = try mediaURL(block["source"], path)
      return .members(
        ("type", .string("file")),
        (
          "file",
          .members(
            ("filename", .string(block["title"]?.string ?? "document.pdf")), ("file_data", .string(url)))
        ))
    default:
      throw DialectFault(
        "A block of type \"\(block["type"]?.string ?? "")\" cannot be sent to this model.", at: "\(path).type")
    }
  }

  private static func mediaURL(_ source: JSONView?, _ path: String) throws(DialectFault) -> String {
    switch source?["type"]?.string {
    case "base64":
      return DataURL(
        mediaType: source?["media_type"]?.string ?? "application/octet-stream", base64: source?["data"]?.string ?? ""
      ).text
    case "url": return source?["url"]?.string ?? ""
    default: throw DialectFault("The source must be \"base64\" or \"url\".", at: "\(path).source.type")
    }
  }

  /// Thinking is left out: its signature is good for the provider that made it only.
  private static func assistantTurn(_ content: JSONView?, _ path: String) throws(DialectFault) -> JSONValue {
    guard let content else { throw DialectFault("Content is missing.", at: "\(path).content") }
    if content.kind == .string {
      return .members(("role", .string("assistant")), ("content", JSONValue(content)))
    }
    var texts: [String] = []
    var calls: [JSONValue] = []
    for (index, block) in content.elements.enumerated() {
      switch block["type"]?.string {
      case "text": texts.append(block["text"]?.string ?? "")
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
      case "thinking", "redacted_thinking": continue
      default:
        throw DialectFault(
          "A block of type \"\(block["type"]?.string ?? "")\" cannot be sent to this model.",
          at: "\(path).content[\(index)].type")
      }
    }
    var turn = ObjectBuilder()
    turn.add("role", .string("assistant"))
    turn.add("content", texts.isEmpty && !calls.isEmpty ? .null : .string(texts.joined(separator: "\n")))
    if !calls.isEmpty { turn.add("tool_calls", .array(calls)) }
    return turn.value
  }

  // MARK: Tools

  private static func tools(_ root: JSONView, _ body: inout ObjectBuilder) throws(DialectFault) {
    if let tools = root.present("tools"), tools.count > 0 {
      var list: [JSONValue] = []
      for (index, tool) in tools.elements.enumerated() {
        if let type = tool.present("type")?.string, type != "custom" {
          throw DialectFault("The tool \"\(type)\" runs at its provider only.", at: "tools[\(index)].type")
        }
        var function = ObjectBuilder()
        function.add("name", .string(tool["name"]?.string ?? ""))
        function.add("description", ifPresent: tool["description"])
        function.add("parameters", ifPresent: tool["input_schema"])
        function.add("strict", ifPresent: tool["strict"])
        list.append(.members(("type", .string("function")), ("function", function.value)))
      }
      body.add("tools", .array(list))
    }
    guard let choice = root.present("tool_choice") else { return }
    switch choice["type"]?.string {
    case "auto": body.add("tool_choice", .string("auto"))
    case "any": body.add("tool_choice", .string("required"))
    case "none": body.add("tool_choice", .string("none"))
    case "tool":
      body.add(
        "tool_choice",
        .members(
          ("type", .string("function")), ("function", .members(("name", .string(choice["name"]?.string ?? ""))))))
    default: throw DialectFault("The choice must be auto, any, tool or none.", at: "tool_choice.type")
    }
    if choice["disable_parallel_tool_use"]?.bool == true { body.add("parallel_tool_calls", .bool(false)) }
  }
}
