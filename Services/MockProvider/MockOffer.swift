internal import JSON

/// What a request offers and demands: tools, and the form of the answer.
enum MockOffer {
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

  /// The call that the model makes: of the tool that the request demands, else of one that the prompt names.
  static func call(for asked: MockRequest) -> MockScript.ToolCall? {
    guard asked.hasTools else { return nil }
    let tools = tools(asked.root)
    let demand = demanded(asked.root["tool_choice"])
    if demand.isForbidden { return nil }
    if let name = demand.name {
      return call(tools.first { $0.name == name }, asked.lastText)
    }
    if demand.isRequired { return call(tools.first, asked.lastText) }
    let prompt = asked.lastText.lowercased()
    return call(tools.first { asks(prompt, for: $0.name.lowercased()) }, asked.lastText)
  }

  /// Whether a prompt asks for a tool, and does not only hold its name.
  private static func asks(_ prompt: String, for name: String) -> Bool {
    if name == "calculate" { return prompt.holds("calculate") || prompt.holds("compute") }
    guard !name.isEmpty, prompt.holds(name) else { return false }
    return ["call \(name)", "use \(name)", "the \(name) tool", "the tool \(name)"].contains { prompt.holds($0) }
  }

  private static func tools(_ root: JSONView) -> [Tool] {
    (root["tools"].map { Array($0.elements) } ?? []).compactMap { view in
      let function = view["function"] ?? view
      guard let name = function["name"]?.string else { return nil }
      return Tool(name: name, schema: function["parameters"] ?? function["input_schema"])
    }
  }

  private static func demanded(_ choice: JSONView?) -> (isForbidden: Bool, isRequired: Bool, name: String?) {
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
