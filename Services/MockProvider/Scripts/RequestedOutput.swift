internal import JSON

/// What a request specifies about the output: its format, and the tools to call.
enum RequestedOutput {
  private struct Tool {
    let name: String
    let schema: JSONView?
  }

  /// The schema that the answer must have; an empty object for "any JSON".
  static func schema(_ root: JSONView, _ dialect: MockDialect) -> JSONView? {
    let format: JSONView? =
      switch dialect {
      case .chat: root["response_format"]
      case .messages: root["output_config"]?["format"] ?? root["output_format"]
      case .responses: root["text"]?["format"]
      case .embeddings: nil
      }
    guard let format else { return nil }
    switch format["type"]?.string {
    case "json_schema": return format["json_schema"]?["schema"] ?? format["schema"]
    case "json_object": return format
    default: return nil
    }
  }

  /// The call that the model makes: of the tool that the request requires, else of one that the prompt names.
  static func call(for request: MockRequest) -> MockScript.ToolCall? {
    guard request.hasTools else { return nil }
    let tools = tools(request.root)
    let choice = toolChoice(request.root["tool_choice"])
    if choice.isForbidden { return nil }
    if let name = choice.name {
      return call(tools.first { $0.name == name }, request.lastText)
    }
    if choice.isRequired { return call(tools.first, request.lastText) }
    let prompt = request.lastText.lowercased()
    return call(tools.first { isRequested(prompt, name: $0.name.lowercased()) }, request.lastText)
  }

  /// Whether a prompt asks for a tool, and does not only hold its name.
  private static func isRequested(_ prompt: String, name: String) -> Bool {
    if name == "calculate" { return prompt.containsBytes(of: "calculate") || prompt.containsBytes(of: "compute") }
    guard !name.isEmpty, prompt.containsBytes(of: name) else { return false }
    return ["call \(name)", "use \(name)", "the \(name) tool", "the tool \(name)"].contains {
      prompt.containsBytes(of: $0)
    }
  }

  private static func tools(_ root: JSONView) -> [Tool] {
    (root["tools"].map { Array($0.elements) } ?? []).compactMap { view in
      let function = view["function"] ?? view
      guard let name = function["name"]?.string else { return nil }
      return Tool(name: name, schema: function["parameters"] ?? function["input_schema"])
    }
  }

  private static func toolChoice(_ choice: JSONView?) -> (isForbidden: Bool, isRequired: Bool, name: String?) {
    let word = choice?.string ?? choice?["type"]?.string
    switch word {
    case "none": return (true, false, nil)
    case "required", "any": return (false, true, nil)
    case "function", "tool": return (false, false, choice?["function"]?["name"]?.string ?? choice?["name"]?.string)
    default: return (false, false, nil)
    }
  }

  private static func call(_ tool: Tool?, _ prompt: String) -> MockScript.ToolCall? {
    guard let tool else { return nil }
    if tool.name == "calculate", let expression = expression(in: prompt) {
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("expression", expression)
      writer.endObject()
      return MockScript.ToolCall(name: tool.name, arguments: String(decoding: writer.bytes, as: UTF8.self))
    }
    return MockScript.ToolCall(name: tool.name, arguments: tool.schema.map { SchemaSample.text($0) } ?? "{}")
  }

  /// The longest piece of a text that looks like arithmetic.
  private static func expression(in text: String) -> String? {
    var best = ""
    var piece = ""
    func finish() {
      let trimmed = String(piece.drop { " )*/".contains($0) }.reversed().drop { " (+-*/.".contains($0) }.reversed())
      if trimmed.contains(where: \.isNumber), trimmed.contains(where: { "+-*/".contains($0) }),
        trimmed.utf8.count > best.utf8.count
      {
        best = trimmed
      }
      piece = ""
    }
    for character in text {
      if character.isASCII, character.isNumber || "+-*/(). ".contains(character) {
        piece.append(character)
      } else {
        finish()
      }
    }
    finish()
    return best.isEmpty ? nil : best
  }
}
