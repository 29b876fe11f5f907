/// A reply of the server (RESP2). Simple strings such as `OK` and bulk strings are both `bytes`.
public enum RedisValue: Hashable, Sendable {
  /// Nothing: a nil bulk string or a nil array.
  case null
  /// An integer.
  case int(Int)
  /// A string of arbitrary bytes.
  case bytes([UInt8])
  /// Several values.
  case array([RedisValue])
  /// An error among several values; as the answer to a single command it is thrown instead.
  indirect case error(RedisError)

  /// Whether the value is `null`.
  public var isNull: Bool { self == .null }

  /// The bytes of a string.
  public var bytes: [UInt8]? { if case .bytes(let bytes) = self { bytes } else { nil } }

  /// The text of a string that is valid UTF-8.
  public var string: String? {
    guard case .bytes(let bytes) = self else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  /// An integer, or a string of decimal digits.
  public var int: Int? {
    switch self {
    case .int(let value): value
    case .bytes: string.flatMap { Int($0) }
    case .null, .array, .error: nil
    }
  }

  /// The values of an array.
  public var array: [RedisValue]? { if case .array(let values) = self { values } else { nil } }

  /// The error of an error reply.
  public var error: RedisError? { if case .error(let error) = self { error } else { nil } }
}

extension RedisValue {
  /// The value itself, or the thrown error when it is one.
  func checked() throws(RedisError) -> RedisValue {
    if case .error(let error) = self { throw error }
    return self
  }

  func requireInt() throws(RedisError) -> Int {
    guard let int else { throw RedisError(.decoding, detail: "expected an integer") }
    return int
  }

  func requireArray() throws(RedisError) -> [RedisValue] {
    guard let array else { throw RedisError(.decoding, detail: "expected an array") }
    return array
  }

  func requireBytesOrNull() throws(RedisError) -> [UInt8]? {
    switch self {
    case .null: return nil
    case .bytes(let bytes): return bytes
    case .error(let error): throw error
    case .int, .array: throw RedisError(.decoding, detail: "expected a string")
    }
  }
}
