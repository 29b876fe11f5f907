/// A rule or an expression of a program whose coverage is measured.
public struct CoveragePoint: Hashable, Sendable {
  /// What is counted.
  public enum Kind: String, Sendable {
    /// A rule, or an `else` of one, whose body has held.
    case rule
    /// An expression that has held.
    case expression
  }

  /// What is counted.
  public let kind: Kind
  /// The file.
  public let file: String
  /// Where it begins.
  public let place: PolicyPlace
  /// How many bodies stand around it, such as those of comprehensions: 0 for what stands in a rule directly.
  public let depth: Int
}

/// What a program that measures coverage has reached. Used by one thread at a time.
public final class PolicyCoverage {
  /// Whether each point of the program was reached, in the order of its `points`.
  public private(set) var isReached: [Bool]

  /// Nothing is reached yet.
  public init(of program: PolicyProgram) { isReached = [Bool](repeating: false, count: program.points.count) }

  func hit(_ point: Int) { if isReached.indices.contains(point) { isReached[point] = true } }

  /// Adds what another evaluation of the same program has reached.
  public func merge(_ other: PolicyCoverage) {
    for point in other.isReached.indices where other.isReached[point] { hit(point) }
  }
}
