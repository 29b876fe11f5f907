/// A number of Rego. Whole numbers of up to 128 bits are exact; others are binary fractions of 64 bits, and what even
/// these cannot hold keeps its text.
public enum RegoNumber: Sendable {
  /// A whole number.
  case int(Int128)
  /// Any other.
  case double(Double)
  /// A number beyond both, as it was written.
  case text(String)

  /// Reads a JSON number; `nil` when the text is none.
  public init?(_ text: String) {
    if let whole = Int128(text), !text.hasPrefix("+") {
      self = .int(whole)
      return
    }
    guard let value = Double(text) else { return nil }
    guard value.isFinite else {
      self = .text(text)
      return
    }
    self.init(value)
  }

  /// A fraction; a whole number where it is one.
  public init(_ value: Double) {
    if value == value.rounded(.towardZero), abs(value) < 1e36, let whole = Int128(exactly: value) {
      self = .int(whole)
    } else {
      self = .double(value)
    }
  }

  /// The nearest binary fraction.
  public var double: Double {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    case .text(let text): text.hasPrefix("-") ? -.greatestFiniteMagnitude : .greatestFiniteMagnitude
    }
  }

  /// The whole number; `nil` for others.
  public var whole: Int128? { if case .int(let value) = self { value } else { nil } }

  /// The whole number of 64 bits; `nil` for others.
  public var int: Int? { whole.flatMap { Int(exactly: $0) } }

  /// As JSON writes it.
  public var description: String {
    switch self {
    case .int(let value): return String(value)
    case .text(let text): return text
    case .double(let value):
      let text = value.description
      return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
  }
}

extension RegoNumber: Hashable, Comparable {
  /// Compares by value: 1 and 1.0 are equal.
  public static func == (left: RegoNumber, right: RegoNumber) -> Bool { compare(left, right) == 0 }
  /// Compares by value.
  public static func < (left: RegoNumber, right: RegoNumber) -> Bool { compare(left, right) < 0 }

  static func compare(_ left: RegoNumber, _ right: RegoNumber) -> Int {
    switch (left, right) {
    case (.int(let a), .int(let b)): return a < b ? -1 : a == b ? 0 : 1
    case (.text(let a), .text(let b)) where a == b: return 0
    default:
      let (a, b) = (left.double, right.double)
      return a < b ? -1 : a == b ? 0 : 1
    }
  }

  /// Equal values have equal hashes, however they are written.
  public func hash(into hasher: inout Hasher) { hasher.combine(double) }
}
