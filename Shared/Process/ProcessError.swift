/// Why a program could not be started, or did not end in time.
public struct ProcessError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A sentence with the name of the program.
  public let description: String

  init(_ description: String) { self.description = description }
}
