public import JSON

/// A chat completion request (OpenAI) as a request of the Messages API (Anthropic).
public enum MessagesFromChat {
  private static let known: Set<String> = [
    "model", "messages", "max_tokens", "max_completion_tokens", "stop", "temperature", "top_p", "stream",
    "stream_options", "tools", "tool_choice", "parallel_tool_calls", "user", "response_format", "n",
  ]

  /// Translates. Throws `DialectFault`.
  public static func request(_ root: JSONView, _ target: RequestTarget) throws(DialectFault) -> TranslatedRequest {
    if let count = root.present("n")?.int, count != 1 {
      throw DialectFault("This model gives one answer at a time; ask with n = 1.", at: "n")
    }
    var body = ObjectBuilder()
    body.add("model", .string(target.model))
    let limit = root.present("max_completion_tokens") ?? root.present("max_tokens")
    body.add("max_tokens", limit.map { JSONValue($0) } ?? .int(target.outputTokensMax))
    guard let messages = root["messages"], messages.kind == .array, messages.count > 0 else {
      throw DialectFault("'messages' must be a list with at least one message.", at: "messages")
    }
    var system: [JSONValue] = []
    var turns = TurnMerger()
    for (index, message) in messages.elements.enumerated() {
      let path = "messages[\(index)]"
      switch message["role"]?.string {
      case "system", "developer": system += try blocks(message["content"], path)
      case "user": turns.add("user", try blocks(message["content"], path))
      case "assistant": turns.add("assistant", try assistantBlocks(message, path))
      case "tool": turns.add("user", [try toolResult(message, path)])
      default:
        throw DialectFault("The role must be system, developer, user, assistant or tool.", at: "\(path).role")
      }
    }
    if !system.isEmpty { body.add("system", .array(system)) }
    body.add("messages", .array(turns.turns))
    if let stop = root.present("stop") {
      body.add("stop_sequences", stop.kind == .array ? JSONValue(stop) : .array([JSONValue(stop)]))
    }
    if let temperature = root.present("temperature")?.double { body.add("temperature", .double(min(temperature, 1))) }
    body.add("top_p", ifPresent: root["top_p"])
    if root["stream"]?.bool == true { body.add("stream", .bool(true)) }
    try tools(root, &body)
    if let user = root.present("user") { body.add("metadata", .members(("user_id", JSONValue(user)))) }
    if let schema = root["response_format"]?["json_schema"]?.present("schema") {
      body.add(
        "output_config",
        .members(("format", .members(("type", .string("json_schema")), ("schema", JSONValue(schema))))))
    }
    let dropped = root.members.compactMap { $0.key.string }.filter { !known.contains($0) }
    return TranslatedRequest(bytes: body.value.bytes, dropped: dropped)
  }

  // MARK: Content

  private static func blocks(_ content: JSONView?, _ path: String) throws(DialectFault) -> [JSONValue] {
    guard let content, !content.isNull else { throw DialectFault("Content is missing.", at: "\(path).content") }
    if let text = content.string { return [textBlock(text)] }
    var blocks: [JSONValue] = []
    for (index, part) in content.elements.enumerated() {
      blocks.append(try block(part, "\(path).content[\(index)]"))
    }
    return blocks
  }

  private static func textBlock(_ text: String) -> JSONValue {
    .members(("type", .string("text")), ("text", .string(text)))
  }

  private static func block(_ part: JSONView, _ path: String) throws(DialectFault) -> JSONValue {
    var block = ObjectBuilder()
    switch part["type"]?.string {
    case "text":
      block.add("type", .string("text"))
      block.add("text", .string(part["text"]?.string ?? ""))
    case "refusal":
      block.add("type", .string("text"))
      block.add("text", .string(part["refusal"]?.string ?? ""))
    case "image_url":
      guard let url = part["image_url"]?["url"]?.string else {
        throw DialectFault("An image needs 'image_url.url'.", at: path)
      }
      block.add("type", .string("image"))
      block.add("source", source(url))
    case "file":
      guard let data = part["file"]?["file_data"]?.string else {
        throw DialectFault("Only files with 'file_data' can be sent to this model.", at: path)
      }
      block.add("type", .string("document"))
      block.add("source", source(data))
      block.add("title", ifPresent: part["file"]?["filename"])
    default:
      throw DialectFault(
        "A part of type \"\(part["type"]?.string ?? "")\" cannot be sent to this model.", at: "\(path).type")
    }
    block.add("cache_control", ifPresent: part["cache_control"])
    return block.value
  }

  private static func source(_ url: String) -> JSONValue {
    guard let data = DataURL(url) else { return .members(("type", .string("url")), ("url", .string(url))) }
    return .members(
      ("type", .string("base64")), ("media_type", .string(data.mediaType)), ("data", .string(data.base64)))
  }

  private static func assistantBlocks(_ message: JSONView, _ path: String) throws(DialectFault) -> [JSONValue] {
    var result: [JSONValue] = []
    if let content = message.present("content") {
      // Empty texts are refused there.
      if content.string != "" { result += try blocks(content, path) }
    } else if let refusal = message.present("refusal")?.string {
      result.append(textBlock(refusal))
    }
    for (index, call) in (message.present("tool_calls")?.elements.map { $0 } ?? []).enumerated() {
      let spot = "\(path).tool_calls[\(index)]"
      guard let id = call["id"]?.string, let name = call["function"]?["name"]?.string else {
        throw DialectFault("A tool call needs 'id' and 'function.name'.", at: spot)
      }
      let text = call["function"]?["arguments"]?.string ?? ""
      guard let input = JSONValue.parsedObject(text.isEmpty ? "{}" : text) else {
        throw DialectFault("The arguments are no JSON object.", at: "\(spot).function.arguments")
      }
      result.append(
        .members(("type", .string("tool_use")), ("id", .string(id)), ("name", .string(name)), ("input", input)))
    }
    return result
  }

  private static func toolResult(_ message: JSONView, _ path: String) throws(DialectFault) -> JSONValue {
    guard let id = message["tool_call_id"]?.string else {
      throw DialectFault("A tool message needs 'tool_call_id'.", at: "\(path).tool_call_id")
    }
    var block = ObjectBuilder()
    block.add("type", .string("tool_result"))
    block.add("tool_use_id", .string(id))
    if let content = message.present("content") {
      block.add("content", content.kind == .string ? JSONValue(content) : .array(try blocks(content, path)))
    }
    return block.value
  }

  // MARK: Tools

  private static func tools(_ root: JSONView, _ body: inout ObjectBuilder) throws(DialectFault) {
    guard let tools = root.present("tools"), tools.count > 0 else { return }
    var list: [JSONValue] = []
    for (index, tool) in tools.elements.enumerated() {
      guard tool["type"]?.string == "function", let function = tool.present("function") else {
        throw DialectFault("Only tools of type \"function\" can be sent to this model.", at: "tools[\(index)].type")
      }
      var item = ObjectBuilder()
      item.add("name", .string(function["name"]?.string ?? ""))
      item.add("description", ifPresent: function["description"])
      item.add(
        "input_schema",
        function.present("parameters").map { JSONValue($0) }
          ?? .members(("type", .string("object")), ("properties", .object([]))))
      item.add("cache_control", ifPresent: tool["cache_control"])
      list.append(item.value)
    }
    body.add("tools", .array(list))
    var choice = ObjectBuilder()
    if let asked = root.present("tool_choice") {
      switch asked.string {
      case "auto": choice.add("type", .string("auto"))
      case "none": choice.add("type", .string("none"))
      case "required": choice.add("type", .string("any"))
      default:
        guard let name = asked["function"]?["name"]?.string else {
          throw DialectFault("The choice must be auto, none, required or a function.", at: "tool_choice")
        }
        choice.add("type", .string("tool"))
        choice.add("name", .string(name))
      }
    }
    if root["parallel_tool_calls"]?.bool == false {
      if choice.members.isEmpty { choice.add("type", .string("auto")) }
      choice.add("disable_parallel_tool_use", .bool(true))
    }
    if !choice.members.isEmpty { body.add("tool_choice", choice.value) }
  }
}

/// Puts neighbours of the same role into one turn: the results of parallel calls belong together.
private struct TurnMerger {
  private var list: [(role: String, blocks: [JSONValue])] = []

  mutating func add(_ role: String, _ blocks: [JSONValue]) {
    guard !blocks.isEmpty else { return }
    if let last = list.last, last.role == role {
      list[list.count - 1].blocks += blocks
    } else {
      list.append((role, blocks))
    }
  }

  var turns: [JSONValue] {
    list.map { .members(("role", .string($0.role)), ("content", .array($0.blocks))) }
  }
}
