internal import JSON

/// The tools that an agent has. Pure and bounded: they run at once and always give the same.
package enum Toolbox {
  /// Their declaration, as chat completions want it.
  package static let declaration = Array(
    """
    [{"type":"function","function":{"name":"calculate","description":"Evaluates an arithmetic expression with + - * / \
    and parentheses.","parameters":{"type":"object","properties":{"expression":{"type":"string"}},"required":\
    ["expression"],"additionalProperties":false}}}]
    """.utf8)

  /// What a call gives, as text for the model. `arguments` is a JSON object, or `nil` when the model has written
  /// something else.
  package static func run(_ name: String, arguments: String?) -> String {
    guard name == "calculate" else { return "error: there is no tool of this name" }
    guard let arguments else { return "error: the arguments are not a JSON object" }
    guard let expression = (try? JSONDocument(parsing: arguments))?.root["expression"]?.string else {
      return "error: the argument \"expression\" is missing"
    }
    switch Calculator.evaluate(expression) {
    case .success(let value): return value
    case .failure(let error): return "error: \(error.message)"
    }
  }
}
