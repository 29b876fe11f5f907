/// What a service registers is not what is declared: a programming error, found at the start.
public struct RouteMismatch: Error, Hashable, Sendable, CustomStringConvertible {
  /// A sentence for each address at fault.
  public let differences: [String]

  /// Makes an error.
  public init(differences: [String]) { self.differences = differences }

  /// All of them.
  public var description: String { "addresses differ from their declarations: " + differences.joined(separator: "; ") }
}
