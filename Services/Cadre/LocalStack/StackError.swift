/// Something that stands in the way of the local stack, said so that a person can mend it.
public struct StackError: Error, CustomStringConvertible, Sendable {
  /// What is wrong and what to do.
  public let description: String

  /// Makes an error.
  public init(_ description: String) { self.description = description }
}
