internal import JSON

/// The rules of the Messages API.
extension WireRules {
  /// Stands where a turn would be empty, which is refused.
  private static let nothing = "(empty)"
  /// The first word of a conversation that only has a system text, or begins with the assistant.
  private static let opening = "Begin."

  /// Brings a message request into the bounds of the provider.
  mutating func applyToMessages(_ root: inout JSONNode) {
    messageTools(&root)
    messageSystem(&root)
    // The turns of a thread are behind its beginning; those here go on from there.
    if root["thread"] == nil { messageTurns(&root) }
    if let user = shortUser(root["metadata"]?["user_id"]), var metadata = root["metadata"] {
      metadata.set("user_id", user)
      root.set("metadata", metadata)
    }
    limitStops(&root, "stop_sequences", needsInk: true)
    limitOutput(&root, "max_tokens")
    messageThinking(&root)
    messageSampling(&root)
  }

  private mutating func messageSampling(_ root: inout JSONNode) {
    limitTemperature(&root)
    if model.isAdaptiveOnly {
      for name in ["temperature", "top_p"] where root[name].map({ $0.double != 1 }) ?? false {
        root.remove(name)
        omissions.add(name)
      }
      if root.remove("top_k") { omissions.add("top_k") }
    }
    guard !rules.takesTemperatureWithTopP, let temperature = root["temperature"]?.double,
      let share = root["top_p"]?.double
    else { return }
    // One that says what is the rule anyway goes without a loss. Older models take both from callers who know them.
    if share == 1 {
      root.remove("top_p")
    } else if temperature == 1 {
      root.remove("temperature")
    } else if isTranslated {
      root.remove("top_p")
      omissions.add("top_p")
    }
  }

  /// Thinking needs room below the bound of the answer, and a history and a choice that allow it.
  private mutating func messageThinking(_ root: inout JSONNode) {
    guard isTranslated, let thinking = root["thinking"], thinking["type"]?.string != "disabled" else { return }
    let isForced = root["tool_choice"]?["type"].map { $0.string == "any" || $0.string == "tool" } ?? false
    let lacks = thinking["type"]?.string == "enabled" && WireRules.endsInUnthoughtCalls(root["messages"])
    if isForced || lacks {
      root.remove("thinking")
      omissions.add("thinking")
      return
    }
    if let value = root["temperature"]?.double, value != 1 {
      root.remove("temperature")
      omissions.add("temperature")
    }
    if let value = root["top_p"]?.double, value < 0.95 {
      root.remove("top_p")
      omissions.add("top_p")
    }
  }

  /// Whether the turn that is going on has calls and no thoughts before them.
  private static func endsInUnthoughtCalls(_ messages: JSONNode?) -> Bool {
    guard let last = messages?.elements.last(where: { $0["role"]?.string == "assistant" }) else { return false }
    let types = last["content"]?.elements.map { $0["type"]?.string } ?? []
    return types.contains("tool_use") && types.first != "thinking" && types.first != "redacted_thinking"
  }

  // MARK: Tools and system

  private mutating func messageTools(_ root: inout JSONNode) {
    guard let tools = root["tools"], tools.count > 0 else {
      if let choice = root["tool_choice"] {
        root.remove("tool_choice")
        if choice["type"]?.string != "auto", choice["type"]?.string != "none" { omissions.add("tool_choice") }
      }
      return
    }
    names.reserve(tools.elements.compactMap { $0["name"]?.string })
    var seen: Set<String> = []
    if isTranslated,
      let others = WireRules.changed(
        tools, { tool in tool["name"]?.string.map { seen.insert($0).inserted } ?? true ? .kept : .removed })
    {
      root.set("tools", .array(others))
      omissions.add("tools")
    }
    if let changed = WireRules.changed(root["tools"], { tool in messageTool(tool) }) {
      root.set("tools", .array(changed))
    }
    if var choice = root["tool_choice"], let name = choice["name"]?.string {
      let wire = names.settled(name)
      if wire != name {
        choice.set("name", .string(wire))
        root.set("tool_choice", choice)
      }
    }
  }

  private mutating func messageTool(_ tool: JSONNode) -> Change {
    guard tool["type"]?.string ?? "custom" == "custom" else { return .kept }
    var tool = tool
    var isChanged = false
    if let name = tool["name"]?.string {
      let wire = names.settled(name)
      if wire != name {
        tool.set("name", .string(wire))
        isChanged = true
      }
    }
    if let schema = ToolSchema.fixed(tool["input_schema"], rules, needsProperties: false) {
      tool.set("input_schema", schema)
      isChanged = true
    }
    return isChanged ? .replaced(tool) : .kept
  }

  private func messageSystem(_ root: inout JSONNode) {
    guard let system = root["system"] else {
      if root.has("system") { root.remove("system") }
      return
    }
    if let text = system.string {
      if text.isBlank { root.remove("system") }
    } else if let kept = WireRules.changed(system, WireRules.withInk) {
      if kept.isEmpty { root.remove("system") } else { root.set("system", .array(kept)) }
    }
  }

  private static func withInk(_ block: JSONNode) -> Change {
    block["type"]?.string == "text" && block["text"]?.isBlankText ?? true ? .removed : .kept
  }

  // MARK: Turns

  private mutating func messageTurns(_ root: inout JSONNode) {
    guard let messages = root["messages"], messages.kind == .array else { return }
    var turns = messages.elements
    var isChanged = false
    for index in turns.indices {
      guard let turn = messageTurn(turns[index]) else { continue }
      turns[index] = turn
      isChanged = true
    }
    if let ordered = ResultOrder.ordered(turns) {
      turns = ordered
      isChanged = true
    }
    while let last = turns.last, last["role"]?.string == "assistant", let end = WireRules.ended(last) {
      isChanged = true
      // Behind a turn that is empty now another one may end so.
      guard end["content"].map({ $0.kind == .array && $0.count == 0 }) ?? true else {
        turns[turns.count - 1] = end
        break
      }
      turns.removeLast()
    }
    for index in turns.indices where turns[index]["content"].map({ $0.kind == .array && $0.count == 0 }) ?? false {
      turns[index].set("content", .array([.text(WireRules.nothing)]))
      isChanged = true
    }
    if turns.first.map({ $0["role"]?.string == "assistant" }) ?? true {
      turns.insert(.members(("role", .string("user")), ("content", .string(WireRules.opening))), at: 0)
      isChanged = true
    }
    if isChanged { root.set("messages", .array(turns)) }
  }

  /// A turn without empty blocks, its calls by their names and ids there; nil when it is so already.
  private mutating func messageTurn(_ turn: JSONNode) -> JSONNode? {
    var turn = turn
    guard let content = turn["content"] else {
      turn.set("content", .array([]))
      return turn
    }
    if content.kind == .string {
      guard content.isBlankText else { return nil }
      turn.set("content", .array([]))
      return turn
    }
    guard let blocks = WireRules.changed(content, { block in messageBlock(block) }) else { return nil }
    turn.set("content", .array(blocks))
    return turn
  }

  private mutating func messageBlock(_ block: JSONNode) -> Change {
    var block = block
    switch block["type"]?.string {
    case "text": return WireRules.withInk(block)
    case "thinking":
      // Without a signature of the provider's own the thoughts are those of another model.
      return (block["signature"]?.string).map { $0.isEmpty || $0.hasPrefix(ReasoningSignature.mark) } ?? true
        ? .removed : .kept
    case "redacted_thinking":
      return block["data"]?.string?.hasPrefix(ReasoningSignature.mark) ?? true ? .removed : .kept
    case "tool_use":
      let id = block["id"]?.string ?? ""
      let name = block["name"]?.string ?? ""
      let wire = (id: ids.call(id), name: names.settled(name))
      let isObject = block["input"]?.kind == .object
      guard wire.id != id || wire.name != name || !isObject else { return .kept }
      block.set("id", .string(wire.id))
      block.set("name", .string(wire.name))
      if !isObject { block.set("input", WireRules.object(block["input"])) }
      return .replaced(block)
    case "tool_result":
      let id = block["tool_use_id"]?.string ?? ""
      let wire = ids.result(id)
      let content = WireRules.changed(block["content"], WireRules.resultPart)
      guard wire != id || content != nil else { return .kept }
      block.set("tool_use_id", .string(wire))
      if let content {
        if content.isEmpty { block.remove("content") } else { block.set("content", .array(content)) }
      }
      return .replaced(block)
    default: return .kept
    }
  }

  private static func object(_ input: JSONNode?) -> JSONNode {
    guard let input else { return .object([]) }
    return input.string.flatMap { JSONNode.parsedObject($0) } ?? .members(("value", input))
  }

  private static func resultPart(_ part: JSONNode) -> Change {
    part["type"]?.string == "text" && (part["text"]?.string ?? "").isEmpty ? .removed : .kept
  }

  /// The last turn without white space at its end; nil when there is none.
  private static func ended(_ turn: JSONNode) -> JSONNode? {
    var turn = turn
    guard let content = turn["content"] else { return nil }
    if let text = content.string {
      guard text.unicodeScalars.last?.properties.isWhitespace ?? false else { return nil }
      turn.set("content", .string(text.trimmedEnd))
      return turn
    }
    var blocks = content.elements
    guard var last = blocks.last else { return turn }
    guard last["type"]?.string == "text", let text = last["text"]?.string,
      text.unicodeScalars.last?.properties.isWhitespace ?? false
    else { return nil }
    last.set("text", .string(text.trimmedEnd))
    blocks[blocks.count - 1] = last
    turn.set("content", .array(blocks))
    return turn
  }
}
