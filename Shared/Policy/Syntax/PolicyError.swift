/// Where something stands in a module.
public struct PolicyPlace: Hashable, Sendable {
  /// The line, from 1.
  public let line: Int
  /// The column, from 1, in bytes.
  public let column: Int
}

/// What is wrong with a module.
public struct PolicyError: Error, Hashable, Sendable {
  /// What kind of fault.
  public enum Code: String, Sendable {
    /// The text is no Rego.
    case syntax = "rego_parse_error"
    /// A variable gets no value whatever the order.
    case unsafe = "rego_unsafe_var_error"
    /// Rules depend on themselves.
    case recursion = "rego_recursion_error"
    /// Types that cannot fit, a function with the wrong number of arguments, or a function that does not exist.
    case type = "rego_type_error"
    /// Rules contradict each other, or a name stands for two things.
    case compile = "rego_compile_error"
    /// The module is beyond a limit.
    case limit = "limit_exceeded"
  }

  /// What kind of fault.
  public let code: Code
  /// The file.
  public let file: String
  /// Where.
  public let place: PolicyPlace
  /// What is wrong.
  public let message: String

  /// `file:line:column: code: message`.
  public var description: String { "\(file):\(place.line):\(place.column): \(code.rawValue): \(message)" }
}
