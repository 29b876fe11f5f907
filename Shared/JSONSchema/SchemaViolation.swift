/// One way in which a value breaks a schema. The sentence is made to be read by whoever wrote the value, which may be a
/// model; it names keys of the value and what the schema allows, never a string of the value.
public struct SchemaViolation: Hashable, Sendable, CustomStringConvertible {
  /// JSON pointer of the value that is wrong; "" is the whole.
  public let instancePointer: String
  /// JSON pointer of the keyword in the schema that is broken.
  public let schemaPointer: String
  /// The keyword; "" when the schema is `false`, `limit` when checking took too long.
  public let keyword: String
  /// What is expected, as a clause without a subject, such as `must be an integer`.
  public let expectation: String

  /// Whether it is none, but a limit has ended the check.
  public var isLimit: Bool { keyword == SchemaViolation.limitKeyword && schemaPointer.isEmpty }

  /// The name under which the end of a check at a limit is reported.
  static let limitKeyword = "limit"

  /// Place and expectation in one sentence.
  public var description: String { "\(instancePointer.isEmpty ? "the value" : instancePointer) \(expectation)" }
}
