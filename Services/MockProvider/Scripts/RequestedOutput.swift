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

  /// The call that the model makes: of the tool that the request requires, else of those that the prompt names, one in
  /// each turn, in the order in which it names them.
  static func call(for request: MockRequest) -> MockScript.ToolCall? {
    guard request.hasTools else { return nil }
    let tools = tools(request.root)
    let choice = toolChoice(request.root["tool_choice"])
    if choice.isForbidden { return nil }
    if request.toolTurns == 0 {
      if let name = choice.name { return call(tools.first { $0.name == name }, request.lastText) }
      if choice.isRequired { return call(tools.first, request.lastText) }
    }
    let prompt = request.lastText.lowercased()
    let named = tools.compactMap { tool in place(of: tool.name.lowercased(), in: prompt).map { (place: $0, tool: tool) }
    }
    .sorted { $0.place < $1.place }
    guard request.toolTurns < named.count else { return nil }
    return call(named[request.toolTurns].tool, request.lastText)
  }

  /// Where a prompt asks for a tool, and does not only hold its name.
  private static func place(of name: String, in prompt: String) -> String.Index? {
    guard !name.isEmpty else { return nil }
    let words =
      isCalculator(name)
      ? ["calculate", "calculator", "compute"]
      : ["call \(name)", "use \(name)", "the \(name) tool", "the tool \(name)"]
    return words.filter { prompt.containsBytes(of: $0) }.compactMap { prompt.firstRange(of: $0)?.lowerBound }.min()
  }

  private static func isCalculator(_ name: String) -> Bool { name == "calculate" || name == "calculator" }

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
    if let arguments = arguments(behind: tool.name, in: prompt) {
      return MockScript.ToolCall(name: tool.name, arguments: arguments)
    }
    if isCalculator(tool.name), let expression = expression(in: prompt) {
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("expression", expression)
      writer.endObject()
      return MockScript.ToolCall(name: tool.name, arguments: String(decoding: writer.bytes, as: UTF8.self))
    }
    return MockScript.ToolCall(name: tool.name, arguments: tool.schema.map { SchemaSample.text($0) } ?? "{}")
  }

  /// The JSON object that stands behind the name of a tool, as in `use text_lines {"artefact": "a.txt"}`.
  private static func arguments(behind name: String, in prompt: String) -> String? {
    guard let range = prompt.firstRange(of: name) else { return nil }
    let rest = Array(prompt[range.upperBound...].utf8.drop { $0 == 0x20 }.prefix(argumentsBytesMax))
    guard rest.first == UInt8(ascii: "{") else { return nil }
    var (depth, isText, isEscaped) = (0, false, false)
    for (index, byte) in rest.enumerated() {
      if isEscaped {
        isEscaped = false
      } else if isText {
        if byte == UInt8(ascii: "\\") { isEscaped = true }
        if byte == UInt8(ascii: "\"") { isText = false }
      } else {
        switch byte {
        case UInt8(ascii: "\""): isText = true
        case UInt8(ascii: "{"): depth += 1
        case UInt8(ascii: "}"): depth -= 1
        default: break
        }
      }
      guard depth == 0 else { continue }
      let object = Array(rest[...index])
      return (try? JSONDocument(parsing: object)) == nil ? nil : String(decoding: object, as: UTF8.self)
    }
    return nil
  }

  private static let argumentsBytesMax = 64 << 10

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
