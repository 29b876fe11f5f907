internal import JSON

/// A chat completion request (OpenAI) as a request of the Messages API (Anthropic).
enum MessagesFromChat {
  private static let known: Set<String> = [
    "model", "messages", "max_tokens", "max_completion_tokens", "stop", "temperature", "top_p", "stream",
    "stream_options", "tools", "tool_choice", "parallel_tool_calls", "user", "response_format", "n",
    "reasoning_effort", "thinking", "top_k",
  ]
  private static let objectOnly = "Answer with one JSON object and nothing else: no words around it, no code fence."

  static func request(_ root: JSONNode, _ context: inout RequestContext) throws(DialectFault) -> JSONNode {
    if let count = root["n"]?.int, count != 1 {
      throw DialectFault("This model gives one answer at a time; ask with n = 1.", at: "n")
    }
    let target = context.target
    var body = JSONNode.members(("model", .string(target.model)))
    let limit = root["max_completion_tokens"] ?? root["max_tokens"]
    body.set("max_tokens", limit ?? .int(target.outputTokensCap ?? target.outputTokensMax))
    guard let messages = root["messages"], messages.kind == .array, messages.count > 0 else {
      throw DialectFault("'messages' must be a list with at least one message.", at: "messages")
    }
    var system: [JSONNode] = []
    var turns = TurnMerger()
    for (index, message) in messages.elements.enumerated() {
      let path = "messages[\(index)]"
      switch message["role"]?.string {
      case "system", "developer": system += try ChatParts.intoMessages(message["content"], path, &context)
      case "user": turns.add("user", try ChatParts.intoMessages(message["content"], path, &context))
      case "assistant": turns.add("assistant", try assistant(message, path, &context))
      case "tool": turns.add("user", [try toolResult(message, path, &context)])
      default:
        throw DialectFault("The role must be system, developer, user, assistant or tool.", at: "\(path).role")
      }
    }
    let format = root["response_format"]
    if format?["type"]?.string == "json_object" { system.append(.text(objectOnly)) }
    if !system.isEmpty { body.set("system", .array(system)) }
    body.set("messages", .array(turns.turns))
    if let stop = root["stop"] { body.set("stop_sequences", stop.kind == .array ? stop : .array([stop])) }
    for name in ["temperature", "top_p", "top_k"] { body.set(name, ifPresent: root[name]) }
    if root["stream"]?.bool == true { body.set("stream", .bool(true)) }
    try ChatTools.intoMessages(root, &body, &context)
    if let user = root["user"] { body.set("metadata", .members(("user_id", user))) }
    if let schema = format?["json_schema"]?["schema"] {
      body.set("output_config", .members(("format", .typed("json_schema", ("schema", schema)))))
    }
    ReasoningEffort.intoMessages(root, &body, &context)
    context.omissions.unread(of: root, known: known)
    return body
  }

  private static func assistant(
    _ message: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> [JSONNode] {
    var result = thoughts(message)
    if result.isEmpty, message["reasoning_content"] != nil { context.omissions.add("messages.reasoning_content") }
    if let content = message["content"] {
      result += try ChatParts.intoMessages(content, path, &context)
    } else if let refusal = message["refusal"]?.string {
      result.append(.text(refusal))
    }
    for (index, call) in (message["tool_calls"]?.elements ?? []).enumerated() {
      result.append(try toolUse(call, "\(path).tool_calls[\(index)]", &context))
    }
    return result
  }

  /// Thoughts that carry the proof of Anthropic; others would be refused.
  private static func thoughts(_ message: JSONNode) -> [JSONNode] {
    let blocks = (message["thinking_blocks"]?.elements ?? []).filter { block in
      block["type"]?.string == "redacted_thinking" || !(block["signature"]?.string ?? "").isEmpty
    }
    guard blocks.isEmpty else { return blocks }
    let details = (message["reasoning_details"]?.elements ?? []).filter { detail in
      detail["format"]?.string?.hasPrefix("anthropic") ?? false
    }
    let signed = details.filter { $0["signature"] != nil }
    var made: [JSONNode] = []
    for detail in details {
      if let data = detail["data"] {
        made.append(.typed("redacted_thinking", ("data", data)))
      } else if let signature = detail["signature"] {
        // In a stream the text came on their own.
        guard let text = detail["text"] ?? (signed.count == 1 ? message["reasoning_content"] : nil) else { return [] }
        made.append(.typed("thinking", ("thinking", text), ("signature", signature)))
      }
    }
    return made
  }

  private static func toolUse(
    _ call: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> JSONNode {
    let id = call["id"]?.string ?? ""
    if let custom = call["custom"], let name = custom["name"]?.string {
      let wire = context.names.wireName(ToolIdentity(name: name, form: .custom))
      let input = JSONNode.members((NameMap.customArgument, .string(custom["input"]?.string ?? "")))
      return .typed("tool_use", ("id", .string(id)), ("name", .string(wire)), ("input", input))
    }
    guard let name = call["function"]?["name"]?.string else {
      throw DialectFault("A tool call needs 'id' and 'function.name'.", at: path)
    }
    let arguments = call["function"]?["arguments"]
    if let arguments, arguments.kind == .object {
      return .typed("tool_use", ("id", .string(id)), ("name", .string(name)), ("input", arguments))
    }
    let text = arguments?.string ?? ""
    // What a model wrote wrongly or was cut stays in the history, and no later turn may fail of it.
    let input =
      JSONNode.parsedObject(text.isBlank ? "{}" : text) ?? .parsedObject(ToolInput.object(text)) ?? .object([])
    return .typed("tool_use", ("id", .string(id)), ("name", .string(name)), ("input", input))
  }

  private static func toolResult(
    _ message: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> JSONNode {
    guard let id = message["tool_call_id"]?.string else {
      throw DialectFault("A tool message needs 'tool_call_id'.", at: "\(path).tool_call_id")
    }
    var block = JSONNode.typed("tool_result", ("tool_use_id", .string(id)))
    if let content = message["content"] {
      block.set(
        "content",
        content.kind == .string ? content : .array(try ChatParts.intoMessages(content, path, &context)))
    }
    return block
  }
}

/// Puts neighbours of the same role into one turn: the results of parallel calls belong together.
private struct TurnMerger {
  private var list: [(role: String, blocks: [JSONNode])] = []

  mutating func add(_ role: String, _ blocks: [JSONNode]) {
    if let last = list.last, last.role == role {
      list[list.count - 1].blocks += blocks
    } else {
      list.append((role, blocks))
    }
  }

  var turns: [JSONNode] { list.map { .members(("role", .string($0.role)), ("content", .array($0.blocks))) } }
}
