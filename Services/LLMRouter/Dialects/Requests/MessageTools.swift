internal import JSON

/// The tools of a message request as functions of a chat.
enum MessageTools {
  static func intoChat(
    _ root: JSONNode, _ body: inout JSONNode, _ context: inout RequestContext
  ) throws(DialectFault) {
    var list: [JSONNode] = []
    var gone: Set<String> = []
    for tool in root["tools"]?.elements ?? [] {
      guard let function = function(tool, &context) else {
        gone.insert(tool["name"]?.string ?? "")
        context.omissions.add("tools.\(tool["type"]?.string ?? "")")
        continue
      }
      list.append(.typed("function", ("function", function)))
    }
    if !list.isEmpty { body.set("tools", .array(list)) }
    guard let choice = root["tool_choice"] else { return }
    switch choice["type"]?.string {
    case "auto": body.set("tool_choice", .string("auto"))
    case "any": body.set("tool_choice", .string("required"))
    case "none": body.set("tool_choice", .string("none"))
    case "tool":
      let name = choice["name"]?.string ?? ""
      if gone.contains(name) {
        context.omissions.add("tool_choice")
      } else {
        body.set("tool_choice", .typed("function", ("function", .members(("name", .string(name))))))
      }
    default: throw DialectFault("The choice must be auto, any, tool or none.", at: "tool_choice.type")
    }
    if choice["disable_parallel_tool_use"]?.bool == true { body.set("parallel_tool_calls", .bool(false)) }
  }

  /// A function; nil for tools that run at their provider.
  private static func function(_ tool: JSONNode, _ context: inout RequestContext) -> JSONNode? {
    let type = tool["type"]?.string ?? "custom"
    guard type == "custom" || tool["input_schema"] != nil else { return ClientTools.function(tool, type, &context) }
    var function = JSONNode.members(("name", .string(tool["name"]?.string ?? "")))
    function.set("description", ifPresent: tool["description"])
    function.set("parameters", ifPresent: tool["input_schema"])
    function.set("strict", ifPresent: tool["strict"])
    if tool["cache_control"] != nil { context.omissions.add("cache_control") }
    context.omissions.unread(
      of: tool, known: ["type", "name", "description", "input_schema", "strict", "cache_control"], at: "tools")
    return function
  }
}

/// The tools that Anthropic describes and the client runs. Other models get a description of their parameters.
enum ClientTools {
  /// The function that such a tool is; nil for others.
  static func function(_ tool: JSONNode, _ type: String, _ context: inout RequestContext) -> JSONNode? {
    guard let known = table.first(where: { type.hasPrefix("\($0.type)_2") }) else { return nil }
    context.omissions.unread(
      of: tool,
      known: ["type", "name", "cache_control", "display_width_px", "display_height_px", "display_number"], at: "tools")
    var text = known.description
    if let width = tool["display_width_px"]?.int, let height = tool["display_height_px"]?.int {
      text += " The screen is \(width) x \(height) pixels."
    }
    let properties = known.properties.map { property in
      JSONNode.Member(key: property.name, value: schema(property))
    }
    return .members(
      ("name", .string(tool["name"]?.string ?? known.type)), ("description", .string(text)),
      (
        "parameters",
        .members(
          ("type", .string("object")), ("properties", .object(properties)),
          ("required", .array(known.required.map { .string($0) })))
      ))
  }

  private static func schema(_ property: Property) -> JSONNode {
    var schema = JSONNode.members(("type", .string(property.type)))
    if !property.values.isEmpty { schema.set("enum", .array(property.values.map { .string($0) })) }
    if property.type == "array" { schema.set("items", .members(("type", .string("integer")))) }
    if !property.text.isEmpty { schema.set("description", .string(property.text)) }
    return schema
  }

  private struct Property: Sendable {
    let name: String
    let type: String
    var values: [String] = []
    var text = ""
  }

  private struct Known: Sendable {
    let type: String
    let description: String
    let properties: [Property]
    let required: [String]
  }

  private static let path = Property(name: "path", type: "string", text: "The file or folder.")
  private static let edits = [
    Property(name: "file_text", type: "string", text: "create: the content of the file."),
    Property(name: "old_str", type: "string", text: "str_replace: the text to replace; must occur once."),
    Property(name: "new_str", type: "string", text: "str_replace: what comes in its place."),
    Property(name: "insert_line", type: "integer", text: "insert: the line behind which the text goes; 0: before all."),
    Property(name: "insert_text", type: "string", text: "insert: the text."),
    Property(name: "view_range", type: "array", text: "view: the first and the last line; -1: to the end."),
  ]

  /// By the published descriptions of the tools.
  private static let table = [
    Known(
      type: "bash", description: "Runs a command in a shell that keeps its state between calls.",
      properties: [
        Property(name: "command", type: "string", text: "The command."),
        Property(name: "restart", type: "boolean", text: "Starts the shell anew; then no command is needed."),
      ], required: []),
    Known(
      type: "text_editor", description: "Views, creates and edits text files.",
      properties: [
        Property(name: "command", type: "string", values: ["view", "create", "str_replace", "insert"]), path,
      ]
        + edits, required: ["command", "path"]),
    Known(
      type: "memory", description: "Keeps notes in files below /memories that outlive the conversation.",
      properties: [
        Property(
          name: "command", type: "string", values: ["view", "create", "str_replace", "insert", "delete", "rename"]),
        path, Property(name: "old_path", type: "string", text: "rename: from."),
        Property(name: "new_path", type: "string", text: "rename: to."),
      ] + edits, required: ["command"]),
    Known(
      type: "computer", description: "Sees the screen, and uses mouse and keyboard of a computer.",
      properties: [
        Property(
          name: "action", type: "string",
          values: [
            "screenshot", "key", "type", "mouse_move", "left_click", "right_click", "middle_click", "double_click",
            "triple_click", "left_click_drag", "left_mouse_down", "left_mouse_up", "scroll", "hold_key", "wait",
            "cursor_position", "zoom",
          ]), Property(name: "coordinate", type: "array", text: "x and y in pixels."),
        Property(name: "start_coordinate", type: "array", text: "left_click_drag: where it begins."),
        Property(name: "region", type: "array", text: "zoom: x and y of two corners."),
        Property(name: "text", type: "string", text: "type: the text; key: the keys."),
        Property(name: "duration", type: "integer", text: "wait, hold_key: seconds."),
        Property(name: "scroll_direction", type: "string", values: ["up", "down", "left", "right"]),
        Property(name: "scroll_amount", type: "integer", text: "scroll: steps."),
      ], required: ["action"]),
  ]
}
