internal import JSON

/// Tools that take one free text, for providers that know functions only.
enum CustomTool {
  static func identity(_ tool: JSONNode, _ namespace: String?) -> ToolIdentity {
    ToolIdentity(name: tool["name"]?.string ?? "", namespace: namespace, form: .custom)
  }

  /// The function that stands for a custom tool.
  static func function(_ tool: JSONNode, named name: String) -> JSONNode {
    var text = tool["description"]?.string ?? ""
    // Chat completions nest the grammar once more than responses do.
    let format = tool["format"]
    let grammar = format?["grammar"] ?? format
    if format?["type"]?.string == "grammar", let definition = grammar?["definition"]?.string {
      let syntax = grammar?["syntax"]?.string ?? "grammar"
      text += "\n\nThe text of `\(NameMap.customArgument)` must follow this \(syntax) grammar:\n\(definition)"
    }
    let schema = JSONNode.members(
      ("type", .string("object")),
      (
        "properties",
        .members(
          (
            NameMap.customArgument,
            .members(("type", .string("string")), ("description", .string("The whole text for the tool.")))
          ))
      ), ("required", .array([.string(NameMap.customArgument)])), ("additionalProperties", .bool(false)))
    return .typed(
      "function",
      (
        "function",
        .members(("name", .string(name)), ("description", .string(text)), ("parameters", schema))
      ))
  }

  /// A text as the arguments of that function.
  static func arguments(_ text: String) -> String {
    JSONNode.members((NameMap.customArgument, .string(text))).json
  }
}

/// Parts of the history of a chat.
enum ChatTurn {
  static func call(id: String, name: String, arguments: String) -> JSONNode {
    .members(
      ("id", .string(id)), ("type", .string("function")),
      ("function", .members(("name", .string(name)), ("arguments", .string(arguments)))))
  }
}
