/// A value of Rego: JSON, and sets. Values of different types are ordered as Rego orders them: null, booleans, numbers,
/// strings, arrays, objects, sets.
public enum RegoValue: Sendable {
  /// Nothing.
  case null
  /// A truth value.
  case bool(Bool)
  /// A number.
  case number(RegoNumber)
  /// Text.
  case string(String)
  /// A list.
  case array([RegoValue])
  /// Values by keys of any type.
  case object(RegoObject)
  /// Values, each once.
  case set(RegoSet)

  /// A whole number.
  public static func int(_ value: Int) -> RegoValue { .number(.int(Int128(value))) }

  /// The text; `nil` for other types.
  public var string: String? { if case .string(let text) = self { text } else { nil } }

  /// The number; `nil` for other types.
  public var number: RegoNumber? { if case .number(let number) = self { number } else { nil } }

  /// Whether it lets the statement that it is the value of go on.
  var isTruthy: Bool { if case .bool(false) = self { false } else { true } }

  /// The name of the type, as `type_name` gives it.
  var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    case .set: "set"
    }
  }

  private var rank: Int {
    switch self {
    case .null: 0
    case .bool: 1
    case .number: 2
    case .string: 3
    case .array: 4
    case .object: 5
    case .set: 6
    }
  }

  /// Below 0, 0 or above 0, as the left one stands before, with or behind the right one.
  static func compare(_ left: RegoValue, _ right: RegoValue) -> Int {
    switch (left, right) {
    case (.null, .null): return 0
    case (.bool(let a), .bool(let b)): return a == b ? 0 : a ? 1 : -1
    case (.number(let a), .number(let b)): return RegoNumber.compare(a, b)
    case (.string(let a), .string(let b)): return compare(a, b)
    case (.array(let a), .array(let b)): return compare(a, b)
    case (.object(let a), .object(let b)):
      for place in 0..<min(a.count, b.count) {
        let key = compare(a.keys[place], b.keys[place])
        if key != 0 { return key }
        let value = compare(a.values[place], b.values[place])
        if value != 0 { return value }
      }
      return a.count - b.count
    case (.set(let a), .set(let b)): return compare(a.elements, b.elements)
    default: return left.rank - right.rank
    }
  }

  private static func compare(_ left: [RegoValue], _ right: [RegoValue]) -> Int {
    for place in 0..<min(left.count, right.count) {
      let order = compare(left[place], right[place])
      if order != 0 { return order }
    }
    return left.count - right.count
  }

  /// By bytes, whatever Unicode takes to be equal.
  static func compare(_ left: String, _ right: String) -> Int {
    let fast = left.utf8.withContiguousStorageIfAvailable { a in
      right.utf8.withContiguousStorageIfAvailable { b in
        var place = 0
        let count = min(a.count, b.count)
        while place < count, a[place] == b[place] { place += 1 }
        return place < count ? Int(a[place]) - Int(b[place]) : a.count - b.count
      }
    }
    if let fast, let order = fast { return order }
    let (a, b) = (Array(left.utf8), Array(right.utf8))
    return a == b ? 0 : a.lexicographicallyPrecedes(b) ? -1 : 1
  }
}

extension RegoValue: Hashable, Comparable {
  /// Compares by value; the members of sets and objects are in order.
  public static func == (left: RegoValue, right: RegoValue) -> Bool { compare(left, right) == 0 }
  /// Compares in the order of Rego: null, booleans, numbers, strings, arrays, objects, sets.
  public static func < (left: RegoValue, right: RegoValue) -> Bool { compare(left, right) < 0 }

  /// Equal values have equal hashes.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(rank)
    switch self {
    case .null: break
    case .bool(let value): hasher.combine(value)
    case .number(let number): hasher.combine(number)
    case .string(let text):
      let isDone: Void? = text.utf8.withContiguousStorageIfAvailable {
        hasher.combine(bytes: UnsafeRawBufferPointer($0))
      }
      if isDone == nil { Array(text.utf8).withUnsafeBytes { hasher.combine(bytes: $0) } }
    case .array(let list): for element in list { hasher.combine(element) }
    case .object(let object):
      for place in 0..<object.count {
        hasher.combine(object.keys[place])
        hasher.combine(object.values[place])
      }
    case .set(let set): for element in set.elements { hasher.combine(element) }
    }
  }
}
