internal import JSON

/// The content of a chat message as blocks of the Messages API.
enum ChatParts {
  static func intoMessages(
    _ content: JSONNode?, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> [JSONNode] {
    guard let content else { throw DialectFault("Content is missing.", at: "\(path).content") }
    if content.kind == .string { return [.text(content)] }
    var blocks: [JSONNode] = []
    for (index, part) in content.elements.enumerated() {
      var block = try block(part, "\(path).content[\(index)]", &context)
      block.set("cache_control", ifPresent: part["cache_control"])
      blocks.append(block)
    }
    return blocks
  }

  private static func block(
    _ part: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> JSONNode {
    let type = part["type"]?.string ?? ""
    switch type {
    case "text": return .text(part["text"])
    case "refusal": return .text(part["refusal"])
    case "image_url":
      guard let url = part["image_url"]?["url"]?.string ?? part["image_url"]?.string else {
        throw DialectFault("An image needs 'image_url.url'.", at: path)
      }
      if let detail = part["image_url"]?["detail"]?.string, detail != "auto" {
        context.omissions.add("messages.content.image_url.detail")
      }
      return .typed("image", ("source", MediaSource.image(url)))
    case "file":
      guard let data = part["file"]?["file_data"]?.string ?? part["file"]?["file_url"]?.string else {
        throw DialectFault("Only files with 'file_data' can be sent to this model.", at: path)
      }
      var block = JSONNode.typed("document", ("source", MediaSource.document(data)))
      block.set("title", ifPresent: part["file"]?["filename"])
      return block
    default:
      throw DialectFault("A part of type \"\(type)\" cannot be sent to this model.", at: "\(path).type")
    }
  }
}

/// The tools of a chat as those of a message request.
enum ChatTools {
  static func intoMessages(
    _ root: JSONNode, _ body: inout JSONNode, _ context: inout RequestContext
  ) throws(DialectFault) {
    let choice = root["tool_choice"]
    let allowed = choice?["type"]?.string == "allowed_tools" ? choice?["allowed_tools"] : nil
    let names = allowed.map { Set(($0["tools"]?.elements ?? []).compactMap(name)) }
    var list: [JSONNode] = []
    for (index, tool) in (root["tools"]?.elements ?? []).enumerated() {
      if let names, !names.contains(name(tool) ?? "") { continue }
      list.append(try self.tool(tool, "tools[\(index)]", &context))
    }
    guard !list.isEmpty else { return }
    body.set("tools", .array(list))
    var made = JSONNode.object([])
    if let allowed {
      made.set("type", .string(allowed["mode"]?.string == "required" ? "any" : "auto"))
    } else if let choice {
      switch choice.string {
      case "auto": made.set("type", .string("auto"))
      case "none": made.set("type", .string("none"))
      case "required": made.set("type", .string("any"))
      default:
        guard let name = name(choice) else {
          throw DialectFault("The choice must be auto, none, required or a function.", at: "tool_choice")
        }
        made.set("type", .string("tool"))
        let isCustom = choice["type"]?.string == "custom"
        made.set(
          "name",
          .string(isCustom ? context.names.wireName(ToolIdentity(name: name, form: .custom)) : name))
      }
    }
    if root["parallel_tool_calls"]?.bool == false, made["type"]?.string != "none" {
      if made.count == 0 { made.set("type", .string("auto")) }
      made.set("disable_parallel_tool_use", .bool(true))
    }
    if made.count > 0 { body.set("tool_choice", made) }
  }

  private static func name(_ tool: JSONNode) -> String? {
    (tool["function"] ?? tool["custom"])?["name"]?.string ?? tool["name"]?.string
  }

  private static func tool(
    _ tool: JSONNode, _ path: String, _ context: inout RequestContext
  ) throws(DialectFault) -> JSONNode {
    var function = tool["function"]
    if tool["type"]?.string == "custom", let custom = tool["custom"] {
      function =
        CustomTool.function(custom, named: context.names.wireName(CustomTool.identity(custom, nil)))["function"]
    }
    guard let function, let name = function["name"]?.string else {
      throw DialectFault("Only tools of type \"function\" can be sent to this model.", at: "\(path).type")
    }
    var item = JSONNode.members(("name", .string(name)))
    item.set("description", ifPresent: function["description"])
    item.set("input_schema", function["parameters"] ?? ToolSchema.empty)
    item.set("cache_control", ifPresent: tool["cache_control"])
    if function["strict"]?.bool == true { context.omissions.add("tools.strict") }
    return item
  }
}
