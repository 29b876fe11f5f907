internal import JSON

/// A request of the Messages API (Anthropic) as a chat completion request (OpenAI).
enum ChatFromMessages {
  private static let known: Set<String> = [
    "model", "messages", "system", "max_tokens", "stop_sequences", "temperature", "top_p", "stream", "tools",
    "tool_choice", "metadata", "output_config", "output_format", "thinking",
  ]

  static func request(_ root: JSONNode, _ context: inout RequestContext) throws(DialectFault) -> JSONNode {
    if let thread = root["thread"] { throw refusal(of: thread, context.target) }
    var body = JSONNode.members(("model", .string(context.target.model)))
    var messages: [JSONNode] = []
    if let system = root["system"] {
      let text = try plainText(system, "system", &context)
      if !text.isEmpty { messages.append(.members(("role", .string("system")), ("content", .string(text)))) }
    }
    guard let turns = root["messages"], turns.kind == .array, turns.count > 0 else {
      throw DialectFault("'messages' must be a list with at least one message.", at: "messages")
    }
    for (index, turn) in turns.elements.enumerated() {
      let path = "messages[\(index)]"
      switch turn["role"]?.string {
      case "user": messages += try userTurn(turn["content"], path, &context)
      case "assistant": messages.append(try assistantTurn(turn["content"], path, &context))
      case "system":
        let text = try plainText(turn["content"], path, &context)
        messages.append(.members(("role", .string("system")), ("content", .string(text))))
      default: throw DialectFault("The role must be \"user\" or \"assistant\".", at: "\(path).role")
      }
      context.omissions.unread(of: turn, known: ["role", "content"], at: "messages")
    }
    body.set("messages", .array(messages))
    body.set(context.target.rules.outputBound, ifPresent: root["max_tokens"])
    body.set("stop", ifPresent: root["stop_sequences"])
    body.set("temperature", ifPresent: root["temperature"])
    body.set("top_p", ifPresent: root["top_p"])
    if root["stream"]?.bool == true {
      body.set("stream", .bool(true))
      body.set("stream_options", .members(("include_usage", .bool(true))))
    }
    try MessageTools.intoChat(root, &body, &context)
    body.set("user", ifPresent: root["metadata"]?["user_id"])
    format(root, &body)
    ReasoningEffort.intoChat(root, &body, &context)
    context.omissions.unread(of: root, known: known)
    context.omissions.unread(of: root["metadata"], known: ["user_id"], at: "metadata")
    context.omissions.unread(of: root["output_config"], known: ["format", "effort"], at: "output_config")
    return body
  }

  /// Clients send the whole conversation again when its thread is not found, and go on without threads where there are
  /// none.
  private static func refusal(of thread: JSONNode, _ target: RequestTarget) -> DialectFault {
    if thread["type"]?.string == "continue", target.mayHaveThread {
      return DialectFault(
        "The model that keeps this thread does not answer now; send the whole conversation in 'messages'.",
        at: "thread", details: DialectFault.Details(code: "thread_not_found"))
    }
    return DialectFault(
      "This model keeps no threads; send the whole conversation in 'messages', without 'thread'.", at: "thread",
      details: DialectFault.Details(code: "thread_unsupported_request", unsupported: ["model"]))
  }

  private static func format(_ root: JSONNode, _ body: inout JSONNode) {
    guard let format = root["output_format"] ?? root["output_config"]?["format"], let schema = format["schema"] else {
      return
    }
    let isStrict = ToolSchema.isStrict(schema)
    body.set(
      "response_format",
      .typed(
        "json_schema",
        (
          "json_schema",
          .members(("name", .string("answer")), ("schema", schema), ("strict", .bool(isStrict)))
        )))
  }

  // MARK: Turns

  /// Text given as a string or as text blocks.
  private static func plainText(
    _ content: JSONNode?, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> String {
    guard let content else { throw DialectFault("Content is missing.", at: path) }
    if let text = content.string { return text }
    var parts: [String] = []
    for (index, block) in content.elements.enumerated() {
      guard block["type"]?.string == "text", let text = block["text"]?.string else {
        throw DialectFault("Only text blocks are possible here.", at: "\(path)[\(index)]")
      }
      noteMarks(block, &context)
      parts.append(text)
    }
    return parts.joined(separator: "\n")
  }

  private static func noteMarks(_ block: JSONNode, _ context: inout RequestContext) {
    if block["cache_control"] != nil { context.omissions.add("cache_control") }
  }

  /// Tool results become messages of their own and come first, as the protocol wants them right behind the calls.
  private static func userTurn(
    _ content: JSONNode?, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> [JSONNode] {
    guard let content else { throw DialectFault("Content is missing.", at: "\(path).content") }
    if content.kind == .string { return [.members(("role", .string("user")), ("content", content))] }
    var results: [JSONNode] = []
    var parts: [JSONNode] = []
    for (index, block) in content.elements.enumerated() {
      let spot = "\(path).content[\(index)]"
      noteMarks(block, &context)
      if block["type"]?.string == "tool_result" {
        guard let id = block["tool_use_id"]?.string else {
          throw DialectFault("A tool result needs 'tool_use_id'.", at: spot)
        }
        let content = try toolResult(block, spot, &context)
        results.append(.members(("role", .string("tool")), ("tool_call_id", .string(id)), ("content", content)))
      } else {
        parts += try MessageParts.intoChat(block, spot, &context)
      }
    }
    // A turn without anything is a turn all the same.
    if results.isEmpty, parts.isEmpty { return [.members(("role", .string("user")), ("content", .string("")))] }
    if !parts.isEmpty { results.append(.members(("role", .string("user")), ("content", .array(parts)))) }
    return results
  }

  private static func toolResult(
    _ block: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> JSONNode {
    let isError = block["is_error"]?.bool == true
    guard let content = block["content"] else { return .string(isError ? "Error: " : "") }
    if let text = content.string { return .string(isError ? "Error: \(text)" : text) }
    var texts: [String] = []
    var media: [JSONNode] = []
    for (index, part) in content.elements.enumerated() {
      noteMarks(part, &context)
      for made in try MessageParts.intoChat(part, "\(path).content[\(index)]", &context) {
        if made["type"]?.string == "text" { texts.append(made["text"]?.string ?? "") } else { media.append(made) }
      }
    }
    var text = texts.joined(separator: "\n")
    if isError { text = "Error: \(text)" }
    guard !media.isEmpty else { return .string(text) }
    return .array((text.isEmpty ? [] : [.text(text)]) + media)
  }

  private static func assistantTurn(
    _ content: JSONNode?, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> JSONNode {
    guard let content else { throw DialectFault("Content is missing.", at: "\(path).content") }
    if content.kind == .string { return .members(("role", .string("assistant")), ("content", content)) }
    var texts: [String] = []
    var thoughts: [String] = []
    var calls: [JSONNode] = []
    for block in content.elements {
      noteMarks(block, &context)
      let type = block["type"]?.string ?? ""
      switch type {
      case "text": texts.append(block["text"]?.string ?? "")
      case "tool_use":
        calls.append(
          ChatTurn.call(
            id: block["id"]?.string ?? "", name: block["name"]?.string ?? "",
            arguments: block["input"]?.json ?? "{}"))
      case "thinking": thoughts.append(block["thinking"]?.string ?? "")
      case "redacted_thinking": continue
      default: context.omissions.add("messages.content.\(type)")
      }
    }
    var turn = JSONNode.members(
      ("role", .string("assistant")),
      ("content", texts.isEmpty && !calls.isEmpty ? .null : .string(texts.joined(separator: "\n"))))
    guard !calls.isEmpty else { return turn }
    // Models that think between calls want their thoughts back with them; those of finished turns nobody reads.
    let thought = thoughts.joined(separator: "\n")
    if !thought.isEmpty, context.target.rules.takesReasoningContent {
      turn.set("reasoning_content", .string(thought))
    }
    turn.set("tool_calls", .array(calls))
    return turn
  }
}
