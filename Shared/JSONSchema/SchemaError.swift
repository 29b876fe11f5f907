/// Why a schema cannot be compiled.
public struct SchemaError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// A keyword has a value of the wrong form.
    case malformed
    /// Something that is not supported: a keyword, a dialect, a part of a regular expression.
    case unsupported
    /// A reference leads nowhere in this document.
    case unresolvedReference = "unresolved_reference"
    /// The schema is larger or deeper than its limits.
    case tooLarge = "too_large"
  }

  /// The kind of fault.
  public let code: Code
  /// JSON pointer of the place in the schema.
  public let pointer: String
  /// A sentence that says what is wrong and what is allowed.
  public let message: String

  init(_ code: Code, at pointer: String, _ message: String) {
    self.code = code
    self.pointer = pointer
    self.message = message
  }

  /// The place and the sentence.
  public var description: String { "\(pointer.isEmpty ? "/" : pointer): \(message)" }
}
