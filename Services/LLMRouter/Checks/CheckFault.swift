/// What is wrong with a check itself.
public struct CheckFault: Error, Sendable, Hashable {
  /// A sentence.
  public let message: String
  init(_ message: String) { self.message = message }
}
