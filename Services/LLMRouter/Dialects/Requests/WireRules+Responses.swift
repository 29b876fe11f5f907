internal import JSON

/// The rules of the Responses API.
extension WireRules {
  /// Brings a response request into the bounds of its provider.
  mutating func applyToResponses(_ root: inout JSONNode) {
    if let tools = root["tools"] {
      names.reserve(tools.elements.compactMap { $0["type"]?.string == "function" ? $0["name"]?.string : nil })
      if let changed = WireRules.changed(tools, { tool in responseTool(tool) }) { root.set("tools", .array(changed)) }
    }
    if var choice = root["tool_choice"], choice["type"]?.string == "function", let name = choice["name"]?.string {
      let wire = names.settled(name)
      if wire != name {
        choice.set("name", .string(wire))
        root.set("tool_choice", choice)
      }
    }
    if let items = WireRules.changed(root["input"], { item in responseItem(item) }) {
      root.set("input", .array(items))
    }
    for name in ["user", "safety_identifier", "prompt_cache_key"] {
      root.set(name, ifPresent: shortUser(root[name]))
    }
    limitTemperature(&root)
    limitOutput(&root, "max_output_tokens")
  }

  private mutating func responseTool(_ tool: JSONNode) -> Change {
    guard tool["type"]?.string == "function" else { return .kept }
    var tool = tool
    var isChanged = false
    if let name = tool["name"]?.string {
      let wire = names.settled(name)
      if wire != name {
        tool.set("name", .string(wire))
        isChanged = true
      }
    }
    if tool["parameters"] != nil,
      let schema = ToolSchema.fixed(tool["parameters"], rules, needsProperties: true)
    {
      tool.set("parameters", schema)
      isChanged = true
    }
    return isChanged ? .replaced(tool) : .kept
  }

  private mutating func responseItem(_ item: JSONNode) -> Change {
    var item = item
    let type = item["type"]?.string ?? "message"
    // Thoughts of another provider's model, which this one cannot read.
    if type == "reasoning", item["encrypted_content"]?.string?.hasPrefix(ReasoningSignature.mark) ?? false {
      return .removed
    }
    guard let id = item["call_id"]?.string else { return .kept }
    if type.hasSuffix("_call") || type.hasSuffix("_output") {
      let wire = type.hasSuffix("_output") ? ids.result(id) : ids.call(id)
      let name = item["name"]?.string
      let isPlain = type == "function_call" && item["namespace"] == nil
      let wireName = name.map { isPlain ? names.settled($0) : $0 }
      guard wire != id || wireName != name else { return .kept }
      item.set("call_id", .string(wire))
      item.set("name", ifPresent: wireName.map { .string($0) })
      return .replaced(item)
    }
    return .kept
  }
}
