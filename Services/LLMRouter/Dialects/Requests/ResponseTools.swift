internal import JSON

/// The tools of a response request as functions of a chat: namespaces are unfolded, custom tools become functions, and
/// what runs at OpenAI is left out and named.
struct ResponseTools {
  private var list: [JSONNode] = []
  private var identities: Set<ToolIdentity> = []
  private var hosted: Set<String> = []

  /// Takes the tools that the request declares.
  mutating func declare(_ tools: JSONNode?, _ context: inout RequestContext) {
    let tools = tools?.elements ?? []
    // Plain functions keep their names; the others find theirs beside them.
    context.names.reserve(tools.compactMap { $0["type"]?.string == "function" ? $0["name"]?.string : nil })
    for tool in tools { declare(tool, in: nil, about: nil, &context) }
  }

  /// Takes the tools that a search has brought in an earlier turn.
  mutating func declare(found input: JSONNode, _ context: inout RequestContext) {
    guard input.kind == .array else { return }
    for item in input.elements where item["type"]?.string == "tool_search_output" {
      for tool in item["tools"]?.elements ?? [] { declare(tool, in: nil, about: nil, &context) }
    }
  }

  private mutating func declare(
    _ tool: JSONNode, in namespace: String?, about text: String?, _ context: inout RequestContext
  ) {
    let type = tool["type"]?.string ?? ""
    switch type {
    case "function":
      let identity = ToolIdentity(name: tool["name"]?.string ?? "", namespace: namespace)
      guard identities.insert(identity).inserted else { return }
      var function = JSONNode.members(("name", .string(context.names.wireName(identity))))
      let description = [text, tool["description"]?.string].compactMap { $0 }.joined(separator: "\n")
      if !description.isEmpty { function.set("description", .string(description)) }
      for name in ["parameters", "strict"] { function.set(name, ifPresent: tool[name]) }
      context.omissions.unread(
        of: tool, known: ["type", "name", "description", "parameters", "strict", "output_schema"], at: "tools")
      list.append(.typed("function", ("function", function)))
    case "custom":
      let identity = CustomTool.identity(tool, namespace)
      guard identities.insert(identity).inserted else { return }
      list.append(CustomTool.function(tool, named: context.names.wireName(identity)))
    case "namespace" where namespace == nil:
      let name = tool["name"]?.string ?? ""
      for (index, inner) in (tool["tools"]?.elements ?? []).enumerated() {
        declare(inner, in: name, about: index == 0 ? tool["description"]?.string : nil, &context)
      }
    default:
      hosted.insert(type)
      context.omissions.add("tools.\(type)")
    }
  }

  /// Writes tools and choice.
  func finish(_ root: JSONNode, _ body: inout JSONNode, _ context: inout RequestContext) throws(DialectFault) {
    let choice = root["tool_choice"]
    var tools = list
    if choice?["type"]?.string == "allowed_tools" {
      let allowed = Set((choice?["tools"]?.elements ?? []).compactMap { wireName($0, &context) })
      tools = list.filter { allowed.contains($0["function"]?["name"]?.string ?? "") }
    }
    guard !tools.isEmpty else {
      if let choice, choice.string != "auto", choice.string != "none" { context.omissions.add("tool_choice") }
      return
    }
    body.set("tools", .array(tools))
    body.set("parallel_tool_calls", ifPresent: root["parallel_tool_calls"])
    guard let choice else { return }
    if choice.kind == .string {
      body.set("tool_choice", choice)
    } else if choice["type"]?.string == "allowed_tools" {
      body.set("tool_choice", .string(choice["mode"]?.string == "required" ? "required" : "auto"))
    } else if let name = wireName(choice, &context) {
      body.set("tool_choice", .typed("function", ("function", .members(("name", .string(name))))))
    } else if let type = choice["type"]?.string, hosted.contains(type) || type != "function" {
      context.omissions.add("tool_choice")
    } else {
      throw DialectFault("The choice must be auto, none, required or a function.", at: "tool_choice")
    }
  }

  private func wireName(_ choice: JSONNode, _ context: inout RequestContext) -> String? {
    guard let name = choice["name"]?.string else { return nil }
    let form: ToolIdentity.Form = choice["type"]?.string == "custom" ? .custom : .function
    if let namespace = choice["namespace"]?.string {
      return context.names.wireName(ToolIdentity(name: name, namespace: namespace, form: form))
    }
    return context.names.wireName(ToolIdentity(name: name, form: form))
  }
}
