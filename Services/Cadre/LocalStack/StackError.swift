/// Why the local stack cannot do something, in a sentence that says what to do.
public struct StackError: Error, CustomStringConvertible, Sendable {
  /// What is wrong and what to do.
  public let description: String

  /// Makes an error.
  public init(_ description: String) { self.description = description }
}
