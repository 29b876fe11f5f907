/// What the decider remembers of an input or output: small values at the places that conditions and fan-outs name.
public enum FactValue: Hashable, Sendable {
  /// `null`, or nothing at that place.
  case null
  /// A truth value.
  case bool(Bool)
  /// A whole number.
  case int(Int64)
  /// Any other number that has as few digits as a `Double` can tell apart.
  case double(Double)
  /// A longer number, as it is written, of at most `FactValue.stringBytesMax` bytes.
  case decimal(String)
  /// A string of at most `FactValue.stringBytesMax` bytes.
  case string(String)
  /// A longer string, by its digest; it equals no literal.
  case longString(sha256: String)
  /// A list, by the number of its elements; in histories of before an object, too.
  case count(Int)
  /// An object, by the number of its members.
  case members(Int)

  /// Longest string that is remembered as it is, in bytes of UTF-8.
  public static let stringBytesMax = 1000

  /// The value as a number that can be compared with every other one.
  fileprivate var number: ExactNumber? {
    switch self {
    case .int(let value): ExactNumber(String(value))
    case .double(let value): ExactNumber(value.description)
    case .decimal(let text): ExactNumber(text)
    case .count(let value), .members(let value): ExactNumber(String(value))
    default: nil
    }
  }

  /// The fact of a number as JSON writes it: exact, in the shortest of the forms that hold it.
  public static func number(_ text: String) -> FactValue {
    if let value = Int64(text), text != "-0" { return .int(value) }
    guard text.utf8.count <= stringBytesMax, let exact = ExactNumber(text) else { return .null }
    if let value = Double(text), value.isFinite, ExactNumber(value.description) == exact { return .double(value) }
    return .decimal(text)
  }
}

/// One remembered value.
public struct Fact: Hashable, Sendable {
  /// The reference, for example `steps.review.output.score`.
  public let reference: String
  /// What stands there.
  public let value: FactValue

  /// Makes a fact.
  public init(_ reference: String, _ value: FactValue) {
    self.reference = reference
    self.value = value
  }
}

/// When a step is done at all.
public indirect enum Condition: Hashable, Sendable {
  /// How two values are compared.
  public enum Operator: String, Hashable, Sendable, CaseIterable {
    /// The same value; numbers by their value.
    case equals
    /// Not the same value.
    case differs
    /// A smaller number.
    case below
    /// A number that is not greater.
    case atMost = "at_most"
    /// A greater number.
    case above
    /// A number that is not smaller.
    case atLeast = "at_least"
  }

  /// How a step has ended.
  public enum Outcome: String, Hashable, Sendable, CaseIterable {
    /// With a result.
    case succeeded
    /// Failed, and the workflow goes on without it.
    case failed
    /// Its condition did not hold, or nothing led to it.
    case skipped
  }

  /// Every one holds.
  case all([Condition])
  /// At least one holds.
  case any([Condition])
  /// It does not hold.
  case not(Condition)
  /// The value at a reference compares so with a literal. A value of another type never does, but differs.
  case compare(reference: String, Operator, FactValue)
  /// There is something other than null at the reference.
  case exists(reference: String)
  /// A step has ended so.
  case outcome(step: String, Outcome)

  /// The references whose values it needs.
  public var references: [String] {
    switch self {
    case .all(let parts), .any(let parts): parts.flatMap(\.references)
    case .not(let part): part.references
    case .compare(let reference, _, _), .exists(let reference): [reference]
    case .outcome: []
    }
  }

  /// The steps whose end it asks for.
  public var steps: [String] {
    switch self {
    case .all(let parts), .any(let parts): parts.flatMap(\.steps)
    case .not(let part): part.steps
    case .compare, .exists: []
    case .outcome(let step, _): [step]
    }
  }

  func holds(in state: RunState) -> Bool {
    switch self {
    case .all(let parts): parts.allSatisfy { $0.holds(in: state) }
    case .any(let parts): parts.contains { $0.holds(in: state) }
    case .not(let part): !part.holds(in: state)
    case .exists(let reference): state.facts[reference].map { $0 != .null } ?? false
    case .outcome(let step, let outcome): state.step(step)?.outcome == outcome
    case .compare(let reference, let operation, let literal):
      Condition.compare(state.facts[reference] ?? .null, operation, literal)
    }
  }

  private static func compare(_ value: FactValue, _ operation: Operator, _ literal: FactValue) -> Bool {
    let isEqual =
      if let left = value.number, let right = literal.number { left == right } else { value == literal }
    switch operation {
    case .equals: return isEqual
    case .differs: return !isEqual
    case .below, .atMost, .above, .atLeast:
      guard let left = value.number, let right = literal.number else { return false }
      return switch operation {
      case .below: left < right
      case .atMost: left <= right
      case .above: left > right
      default: left >= right
      }
    }
  }
}
