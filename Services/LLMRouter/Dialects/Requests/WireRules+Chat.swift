internal import JSON

/// The rules of chat completions.
extension WireRules {
  private static let assistantMembers: Set<String> = [
    "role", "content", "tool_calls", "refusal", "name", "audio", "function_call",
  ]

  /// Brings a chat completion request into the bounds of the provider.
  mutating func applyToChat(_ root: inout JSONNode) {
    chatTools(&root)
    chatMessages(&root)
    for name in ["user", "safety_identifier", "prompt_cache_key"] {
      root.set(name, ifPresent: shortUser(root[name]))
    }
    limitStops(&root, "stop", needsInk: false)
    limitTemperature(&root)
    if model.refusesSampling {
      for name in ["temperature", "top_p"] where root[name].map({ $0.double != 1 }) ?? false {
        root.remove(name)
        omissions.add(name)
      }
    }
    WireRules.nameBound(of: &root, rules)
    for name in ["max_tokens", "max_completion_tokens"] { limitOutput(&root, name) }
  }

  /// The bound of the answer under the provider's name for it.
  static func nameBound(of root: inout JSONNode, _ rules: ProviderRules) {
    let other = rules.outputBound == "max_tokens" ? "max_completion_tokens" : "max_tokens"
    guard rules.refusesOtherBound, let bound = root[other] else { return }
    root.remove(other)
    if root[rules.outputBound] == nil { root.set(rules.outputBound, bound) }
  }

  // MARK: Tools

  private mutating func chatTools(_ root: inout JSONNode) {
    guard let tools = root["tools"], tools.count > 0 else {
      if root.has("tools") { root.remove("tools") }
      if let choice = root["tool_choice"] {
        root.remove("tool_choice")
        if choice.string != "auto", choice.string != "none" { omissions.add("tool_choice") }
      } else if root.has("tool_choice") {
        root.remove("tool_choice")
      }
      root.remove("parallel_tool_calls")
      return
    }
    names.reserve(tools.elements.compactMap { $0["function"]?["name"]?.string })
    if let changed = WireRules.changed(tools, { tool in chatTool(tool) }) { root.set("tools", .array(changed)) }
    guard var choice = root["tool_choice"], choice.kind == .object else { return }
    if choice["type"]?.string == "custom", !rules.takesCustomTools, let name = choice["custom"]?["name"]?.string {
      choice = WireRules.choice(names.wireName(ToolIdentity(name: name, form: .custom)))
      root.set("tool_choice", choice)
    } else if let name = choice["function"]?["name"]?.string {
      let wire = names.settled(name)
      if wire != name { root.set("tool_choice", WireRules.choice(wire)) }
    }
  }

  private static func choice(_ name: String) -> JSONNode {
    .typed("function", ("function", .members(("name", .string(name)))))
  }

  private mutating func chatTool(_ tool: JSONNode) -> Change {
    var tool = tool
    var isChanged = false
    if tool["type"]?.string == "custom", !rules.takesCustomTools, let custom = tool["custom"] {
      return .replaced(CustomTool.function(custom, named: names.wireName(CustomTool.identity(custom, nil))))
    }
    if !rules.takesCacheMarks, tool.remove("cache_control") {
      omissions.add("cache_control")
      isChanged = true
    }
    guard var function = tool["function"] else { return isChanged ? .replaced(tool) : .kept }
    var isFunctionChanged = false
    if let name = function["name"]?.string {
      let wire = names.settled(name)
      if wire != name {
        function.set("name", .string(wire))
        isFunctionChanged = true
      }
    }
    if function.has("parameters"),
      let schema = ToolSchema.fixed(function["parameters"], rules, needsProperties: true)
    {
      function.set("parameters", schema)
      isFunctionChanged = true
    }
    if isTranslated, function["strict"]?.bool == true, !ToolSchema.isStrict(function["parameters"]) {
      function.remove("strict")
      omissions.add("tools.strict")
      isFunctionChanged = true
    }
    if isFunctionChanged { tool.set("function", function) }
    return isChanged || isFunctionChanged ? .replaced(tool) : .kept
  }

  // MARK: Messages

  private mutating func chatMessages(_ root: inout JSONNode) {
    guard let messages = root["messages"], messages.kind == .array else { return }
    let changed = WireRules.changed(messages) { message in chatMessage(message) }
    if let ordered = ToolOrder.ordered(changed ?? messages.elements) {
      root.set("messages", .array(ordered))
    } else if let changed {
      root.set("messages", .array(changed))
    }
  }

  private mutating func chatMessage(_ message: JSONNode) -> Change {
    var message = message
    var isChanged = false
    switch message["role"]?.string {
    case "developer" where !rules.takesDeveloperRole:
      message.set("role", .string("system"))
      isChanged = true
    case "assistant": return chatAssistant(message)
    case "tool":
      if let id = message["tool_call_id"]?.string {
        let wire = ids.result(id)
        if wire != id {
          message.set("tool_call_id", .string(wire))
          isChanged = true
        }
      }
      if message["content"] == nil {
        message.set("content", .string(""))
        isChanged = true
      }
    default: break
    }
    if let parts = message["content"], parts.kind == .array {
      if parts.count == 0 {
        message.set("content", .string(""))
        isChanged = true
      } else if let kept = chatParts(parts) {
        message.set("content", .array(kept))
        isChanged = true
      }
    }
    return isChanged ? .replaced(message) : .kept
  }

  private mutating func chatParts(_ parts: JSONNode) -> [JSONNode]? {
    guard !rules.takesCacheMarks else { return nil }
    return WireRules.changed(parts) { part in
      var part = part
      guard part.remove("cache_control") else { return .kept }
      omissions.add("cache_control")
      return .replaced(part)
    }
  }

  private mutating func chatAssistant(_ message: JSONNode) -> Change {
    var message = message
    var isChanged = false
    var removed: Set<String> = []
    for member in message.members where member.key != "content" {
      if member.value.isNull {
        removed.insert(member.key)
      } else if rules.isStrictAboutAssistants
        ? !WireRules.assistantMembers.contains(member.key)
        : member.key == "annotations" || (!rules.takesReasoningContent && member.key == "reasoning_content")
      {
        removed.insert(member.key)
        if member.value.kind != .array || member.value.count > 0 { omissions.add("messages.\(member.key)") }
      }
    }
    if !removed.isEmpty {
      message = .object(message.members.filter { !removed.contains($0.key) })
      isChanged = true
    }
    if let calls = message["tool_calls"] {
      if calls.count == 0 {
        message.remove("tool_calls")
        isChanged = true
      } else if let changed = WireRules.changed(calls, { call in chatCall(call) }) {
        message.set("tool_calls", .array(changed))
        isChanged = true
      }
    }
    if let parts = message["content"], parts.kind == .array {
      if parts.count == 0 {
        message.set("content", message["tool_calls"] == nil ? .string("") : .null)
        isChanged = true
      } else if let kept = chatParts(parts) {
        message.set("content", .array(kept))
        isChanged = true
      }
    } else if message["content"] == nil, message["tool_calls"] == nil, message["refusal"] == nil,
      message["audio"] == nil, message["function_call"] == nil
    {
      message.set("content", .string(""))
      isChanged = true
    }
    return isChanged ? .replaced(message) : .kept
  }

  private mutating func chatCall(_ call: JSONNode) -> Change {
    var call = call
    var isChanged = false
    let id = call["id"]?.string ?? ""
    let wire = ids.call(id)
    if wire != id {
      call.set("id", .string(wire))
      isChanged = true
    }
    if let custom = call["custom"], !rules.takesCustomTools {
      let name = names.wireName(ToolIdentity(name: custom["name"]?.string ?? "", form: .custom))
      return .replaced(
        ChatTurn.call(id: wire, name: name, arguments: CustomTool.arguments(custom["input"]?.string ?? "")))
    }
    guard var function = call["function"] else { return isChanged ? .replaced(call) : .kept }
    var isFunctionChanged = false
    let name = function["name"]?.string ?? ""
    let wireName = names.settled(name)
    if wireName != name {
      function.set("name", .string(wireName))
      isFunctionChanged = true
    }
    let arguments = function["arguments"]
    if arguments?.kind == .object {
      function.set("arguments", .string(arguments?.json ?? "{}"))
      isFunctionChanged = true
    } else if arguments?.string?.isBlank ?? true {
      function.set("arguments", .string("{}"))
      isFunctionChanged = true
    }
    if call["type"] == nil {
      call.set("type", .string("function"))
      isChanged = true
    }
    if isFunctionChanged { call.set("function", function) }
    return isChanged || isFunctionChanged ? .replaced(call) : .kept
  }
}
