internal import JSON

/// The tools that an agent has. Pure and bounded: they run at once and always give the same.
enum Toolbox {
  /// Their declaration, as chat completions want it.
  static let declaration = Array(
    """
    [{"type":"function","function":{"name":"calculate","description":"Evaluates an arithmetic expression with + - * / \
    and parentheses.","parameters":{"type":"object","properties":{"expression":{"type":"string"}},"required":\
    ["expression"],"additionalProperties":false}}}]
    """.utf8)

  /// What a call gives, in words for the model.
  static func run(_ call: ToolCall) -> String {
    guard call.name == "calculate" else { return "error: there is no tool of this name" }
    guard call.isWellFormed else { return "error: the arguments are not a JSON object" }
    guard let expression = (try? JSONDocument(parsing: call.arguments))?.root["expression"]?.string else {
      return "error: the argument \"expression\" is missing"
    }
    return Calculator.evaluate(expression)
  }
}
