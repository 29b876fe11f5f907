internal import JSON

/// Tools as chat completions declare them, and as the journal remembers them: the requests of a step must not change
/// when the tools that it could have change.
enum ToolDeclaration {
  /// What versions before this one offered; their journals go on with it.
  static let legacy = Array(
    """
    [{"type":"function","function":{"name":"calculate","description":"Evaluates an arithmetic expression with + - * / \
    and parentheses.","parameters":{"type":"object","properties":{"expression":{"type":"string"}},"required":\
    ["expression"],"additionalProperties":false}}}]
    """.utf8)

  /// The one tool of those versions.
  static let legacyTool = OfferedTool(
    name: "calculate", description: "", parameters: Array("{}".utf8), order: .reading, risk: "read", isInstant: true)

  /// The declaration; `nil` when there are no tools.
  static func declaration(_ tools: [OfferedTool]) -> [UInt8]? {
    guard !tools.isEmpty else { return nil }
    var writer = JSONWriter(
      reservingBytes: tools.reduce(64) { $0 + $1.description.utf8.count + $1.parameters.count + 128 })
    writer.beginArray()
    for tool in tools {
      writer.beginObject()
      writer.member("type", "function")
      writer.key("function")
      writer.beginObject()
      writer.member("name", tool.name)
      writer.member("description", tool.description)
      writer.member("parameters", raw: tool.parameters)
      writer.endObject()
      writer.endObject()
    }
    writer.endArray()
    return writer.bytes
  }

  /// The note with which an agent that uses tools begins.
  static func note(_ tools: [OfferedTool]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("version", 2 as Int64)
    writer.objects("tools", tools) { tool, writer in
      writer.member("name", tool.name)
      writer.member("description", tool.description)
      writer.member("parameters", raw: tool.parameters)
      writer.member("order", tool.order.rawValue)
      writer.member("risk", tool.risk)
      if tool.isVolatile { writer.member("volatile", true) }
      if tool.isInstant { writer.member("instant", true) }
      if !tool.digest.isEmpty { writer.member("sha256", tool.digest) }
    }
    writer.endObject()
    return writer.bytes
  }

  /// The tools of a note; `nil` when it cannot be read.
  static func tools(ofNote bytes: [UInt8]) -> [OfferedTool]? {
    guard let root = (try? JSONDocument(parsing: bytes))?.root, let list = root["tools"] else { return nil }
    var tools: [OfferedTool] = []
    for view in list.elements {
      guard let name = view["name"]?.string, let parameters = view["parameters"],
        let order = view["order"]?.string.flatMap({ OfferedTool.Order(rawValue: $0) })
      else { return nil }
      tools.append(
        OfferedTool(
          name: name, description: view["description"]?.string ?? "", parameters: Array(parameters.rawBytes),
          order: order, risk: view["risk"]?.string ?? "", isVolatile: view["volatile"]?.bool ?? false,
          isInstant: view["instant"]?.bool ?? false, digest: view["sha256"]?.string ?? ""))
    }
    return tools
  }
}
