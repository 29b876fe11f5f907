internal import JSON

/// The items of a response request as the messages of a chat. What the assistant said, thought and called between two
/// turns of the other side is one message.
struct ResponseHistory {
  private(set) var finished: [JSONNode] = []
  private var texts: [JSONNode] = []
  private var thoughts: [String] = []
  private var blocks: [JSONNode] = []
  private var calls: [JSONNode] = []
  private var hasTurn = false
  private var callIDs: Set<String> = []

  /// All messages.
  var messages: [JSONNode] {
    var copy = self
    copy.flush()
    return copy.finished
  }

  mutating func system(_ text: String) {
    if !text.isEmpty { finished.append(.members(("role", .string("system")), ("content", .string(text)))) }
  }

  mutating func user(_ text: String) {
    finished.append(.members(("role", .string("user")), ("content", .string(text))))
  }

  /// Takes items.
  mutating func take(_ input: JSONNode, _ path: String, _ context: inout RequestContext) throws(DialectFault) {
    for (index, item) in input.elements.enumerated() { try take(item: item, "\(path)[\(index)]", &context) }
  }

  private mutating func take(
    item: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) {
    let type = item["type"]?.string ?? "message"
    switch type {
    case "message": try message(item, path, &context)
    case "function_call":
      let identity = ToolIdentity(name: item["name"]?.string ?? "", namespace: item["namespace"]?.string)
      let arguments = item["arguments"].map { $0.string ?? $0.json } ?? "{}"
      call(item, name: context.names.wireName(identity), arguments: arguments)
    case "custom_tool_call":
      let identity = CustomTool.identity(item, item["namespace"]?.string)
      call(
        item, name: context.names.wireName(identity),
        arguments: CustomTool.arguments(item["input"]?.string ?? ""))
    case "reasoning": reasoning(item)
    case "tool_search_call", "tool_search_output": return
    case "local_shell_call", "shell_call", "apply_patch_call", "computer_call":
      let what = item["action"] ?? item["operation"] ?? item["actions"]
      call(item, name: String(type.dropLast(5)), arguments: what.map { $0.kind == .object ? $0.json : "{}" } ?? "{}")
    case _ where type.hasSuffix("_output"): try result(item, path, &context)
    case "item_reference", "compaction": context.omissions.add("input.\(type)")
    case _ where type.hasSuffix("_call") || type.hasPrefix("mcp_"): context.omissions.add("input.\(type)")
    default:
      throw DialectFault("An item of type \"\(type)\" cannot be sent to this model.", at: "\(path).type")
    }
  }

  private mutating func message(
    _ item: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) {
    guard let role = item["role"]?.string else { throw DialectFault("A message needs a role.", at: path) }
    guard let content = item["content"] else { throw DialectFault("Content is missing.", at: path) }
    guard role != "assistant" else {
      hasTurn = true
      if let text = content.string {
        texts.append(.text(text))
      } else {
        texts += try ResponseParts.intoChat(content, "\(path).content", &context)
      }
      return
    }
    flush()
    let made =
      content.kind == .string ? content : .array(try ResponseParts.intoChat(content, "\(path).content", &context))
    finished.append(.members(("role", .string(role)), ("content", made)))
  }

  private mutating func call(_ item: JSONNode, name: String, arguments: String) {
    hasTurn = true
    let id = item["call_id"]?.string ?? item["id"]?.string ?? ""
    callIDs.insert(id)
    calls.append(ChatTurn.call(id: id, name: name, arguments: arguments))
  }

  private mutating func reasoning(_ item: JSONNode) {
    hasTurn = true
    let parts = (item["summary"]?.elements ?? []) + (item["content"]?.elements ?? [])
    let thought = parts.compactMap { $0["text"]?.string }.joined(separator: "\n")
    let proof = item["encrypted_content"]?.string ?? ""
    if let signature = ReasoningSignature.signature(proof) {
      blocks.append(.typed("thinking", ("thinking", .string(thought)), ("signature", .string(signature))))
    } else if let data = ReasoningSignature.redactedData(proof) {
      blocks.append(.typed("redacted_thinking", ("data", .string(data))))
    }
    if !thought.isEmpty { thoughts.append(thought) }
  }

  private mutating func result(
    _ item: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) {
    flush()
    let id = item["call_id"]?.string ?? item["id"]?.string ?? ""
    let content = try ResponseParts.output(item["output"], path, &context)
    guard callIDs.contains(id) else {
      // The call itself is a reference or an item that was left out.
      let text = content.string ?? content.elements.compactMap { $0["text"]?.string }.joined(separator: "\n")
      return user("The result of a tool call: \(text)")
    }
    finished.append(.members(("role", .string("tool")), ("tool_call_id", .string(id)), ("content", content)))
  }

  /// The assistant's turn is over.
  private mutating func flush() {
    defer {
      texts = []
      thoughts = []
      blocks = []
      calls = []
      hasTurn = false
    }
    guard hasTurn, !texts.isEmpty || !calls.isEmpty else { return }
    var turn = JSONNode.members(("role", .string("assistant")))
    let words = texts.compactMap { $0["text"]?.string }
    turn.set("content", texts.isEmpty ? .null : .string(words.joined(separator: "\n")))
    if !calls.isEmpty {
      if !thoughts.isEmpty { turn.set("reasoning_content", .string(thoughts.joined(separator: "\n"))) }
      if !blocks.isEmpty { turn.set("thinking_blocks", .array(blocks)) }
      turn.set("tool_calls", .array(calls))
    }
    finished.append(turn)
  }
}

/// Parts of items as parts of chat messages.
enum ResponseParts {
  /// The output of a tool: a text, or parts where it holds more than text.
  static func output(
    _ output: JSONNode?, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> JSONNode {
    guard let output else { return .string("") }
    if let text = output.string { return .string(text) }
    if output.kind == .object, let url = output["image_url"]?.string {
      return .array([.typed("image_url", ("image_url", .members(("url", .string(url)))))])
    }
    let types: Set<String?> = ["input_text", "output_text", "text", "input_image", "input_file", "refusal"]
    guard output.kind == .array, output.elements.allSatisfy({ types.contains($0["type"]?.string) }) else {
      return .string(output.json)
    }
    let parts = try intoChat(output, "\(path).output", &context)
    guard parts.contains(where: { $0["type"]?.string != "text" }) else {
      return .string(parts.compactMap { $0["text"]?.string }.joined(separator: "\n"))
    }
    return .array(parts)
  }

  static func intoChat(
    _ content: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> [JSONNode] {
    var parts: [JSONNode] = []
    for (index, part) in content.elements.enumerated() {
      let spot = "\(path)[\(index)]"
      let type = part["type"]?.string ?? ""
      switch type {
      case "input_text", "output_text", "text", "summary_text", "reasoning_text":
        var made = JSONNode.text(part["text"])
        made.set("cache_control", ifPresent: part["cache_control"])
        parts.append(made)
      case "refusal": parts.append(.text(part["refusal"]?.string ?? ""))
      case "input_image": parts.append(try image(part, spot))
      case "input_file": parts.append(try file(part, spot, &context))
      default:
        throw DialectFault("A part of type \"\(type)\" cannot be sent to this model.", at: "\(spot).type")
      }
    }
    return parts
  }

  private static func image(_ part: JSONNode, _ path: String) throws(DialectFault) -> JSONNode {
    guard let url = part["image_url"]?.string ?? part["image_url"]?["url"]?.string else {
      throw DialectFault("Only images with 'image_url' can be sent to this model.", at: path)
    }
    var image = JSONNode.members(("url", .string(url)))
    if let detail = part["detail"]?.string { image.set("detail", .string(detail == "original" ? "high" : detail)) }
    return .typed("image_url", ("image_url", image))
  }

  private static func file(
    _ part: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> JSONNode {
    if let data = part["file_data"] {
      var file = JSONNode.members(("filename", part["filename"] ?? .string("document.pdf")))
      file.set("file_data", data)
      return .typed("file", ("file", file))
    }
    guard let url = part["file_url"]?.string else {
      throw DialectFault("Only files with 'file_data' or 'file_url' can be sent to this model.", at: path)
    }
    if context.target.rules.fetchesDocuments {
      var file = JSONNode.members(("file_url", .string(url)))
      file.set("filename", ifPresent: part["filename"])
      return .typed("file", ("file", file))
    }
    // Chat completions take files by their content only.
    context.omissions.add("input.content.file_url")
    return .text("Document: \(part["filename"]?.string ?? "")\n\(url)")
  }
}
