/// Why bytes are not acceptable JSON, and where. The description never repeats the input.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// There is nothing but white space.
    case empty
    /// The text ends inside a value.
    case unexpectedEnd
    /// A character that cannot stand there.
    case unexpectedCharacter
    /// Not a number by the grammar.
    case invalidNumber
    /// An unknown escape, or half of a surrogate pair.
    case invalidEscape
    /// A control character inside a string.
    case controlCharacter
    /// The bytes are not UTF-8.
    case invalidUTF8
    /// An object has the same key twice.
    case duplicateKey
    /// Something stands behind the value.
    case trailingContent
    /// Nested deeper than the limit.
    case tooDeep
    /// More bytes or values than the limit.
    case tooLarge
  }

  /// The kind of fault.
  public let code: Code
  /// Where, in bytes from the start.
  public let offset: Int

  /// Makes an error.
  public init(_ code: Code, offset: Int) {
    self.code = code
    self.offset = offset
  }

  /// One clause with the position.
  public var description: String {
    let what =
      switch code {
      case .empty: "there is no value"
      case .unexpectedEnd: "the text ends too early"
      case .unexpectedCharacter: "unexpected character"
      case .invalidNumber: "not a valid number"
      case .invalidEscape: "not a valid escape"
      case .controlCharacter: "unescaped control character in a string"
      case .invalidUTF8: "not valid UTF-8"
      case .duplicateKey: "an object has the same key twice"
      case .trailingContent: "something stands behind the value"
      case .tooDeep: "nested too deeply"
      case .tooLarge: "too large"
      }
    return "\(what) at byte \(offset)"
  }
}

/// What a document may cost.
public struct JSONLimits: Hashable, Sendable {
  /// Most containers inside each other.
  public var depthMax: Int
  /// Largest text in bytes.
  public var bytesMax: Int
  /// Most values and keys.
  public var nodesMax: Int
  /// Whether an object may have a key twice; the first one counts then.
  public var allowsDuplicateKeys: Bool

  /// Makes limits.
  public init(
    depthMax: Int = 128, bytesMax: Int = 32 << 20, nodesMax: Int = 4_000_000, allowsDuplicateKeys: Bool = false
  ) {
    self.allowsDuplicateKeys = allowsDuplicateKeys
    self.depthMax = depthMax
    self.bytesMax = min(bytesMax, Int(UInt32.max))
    self.nodesMax = min(nodesMax, Int(UInt32.max) / 4)
  }

  /// The defaults.
  public static let standard = JSONLimits()
}
