/// The text of an error reply.
public struct RedisServerError: Sendable, Hashable {
  /// The first word, for example `WRONGTYPE`; `ERR` when the reply does not begin with one in capitals.
  public let prefix: String
  /// The whole text; may hold data.
  public let message: String

  /// Longest prefix that is believed to be one.
  private static let prefixBytesMax = 32

  /// Reads the text behind the `-` of an error reply.
  public init(_ text: some Collection<UInt8>) {
    message = String(decoding: text, as: UTF8.self)
    let word = text.prefix { $0 != UInt8(ascii: " ") }
    let isPrefix =
      !word.isEmpty && word.count <= RedisServerError.prefixBytesMax
      && word.allSatisfy { (65...90).contains($0) || (48...57).contains($0) || $0 == UInt8(ascii: "_") }
    prefix = isPrefix ? String(decoding: word, as: UTF8.self) : "ERR"
  }
}

/// A reply of the RESP2 protocol (https://redis.io/docs/latest/develop/reference/protocol-spec/).
public enum RedisValue: Sendable, Hashable {
  /// The null bulk string or the null array.
  case null
  /// An integer.
  case integer(Int64)
  /// A simple string such as `OK`.
  case simple([UInt8])
  /// A bulk string: any bytes.
  case bulk([UInt8])
  /// An array.
  case array([RedisValue])
  /// An error inside an array. An error that is the whole reply is thrown instead.
  indirect case error(RedisServerError)

  /// `+OK`.
  public static let ok = RedisValue.simple(Array("OK".utf8))

  /// Whether this is null.
  public var isNull: Bool { if case .null = self { true } else { false } }

  /// Whether this is the simple string `OK`.
  public var isOK: Bool { self == .ok }

  /// The bytes of a string of either kind; `nil` for everything else.
  public var bytes: [UInt8]? {
    switch self {
    case .simple(let bytes), .bulk(let bytes): bytes
    case .null, .integer, .array, .error: nil
    }
  }

  /// A string of either kind as text, ill-formed UTF-8 repaired; `nil` for everything else.
  public var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

  /// An integer, also one that was sent as a string; `nil` for everything else.
  public var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .simple(let bytes), .bulk(let bytes): Int64(String(decoding: bytes, as: UTF8.self))
    case .null, .array, .error: nil
    }
  }

  /// The elements of an array; `nil` for everything else.
  public var array: [RedisValue]? { if case .array(let values) = self { values } else { nil } }

  /// The error, if it is one.
  public var error: RedisServerError? { if case .error(let error) = self { error } else { nil } }
}

extension RedisValue {
  /// The kind, for errors.
  private var kind: String {
    switch self {
    case .null: "null"
    case .integer: "an integer"
    case .simple: "a simple string"
    case .bulk: "a bulk string"
    case .array: "an array"
    case .error: "an error"
    }
  }

  /// The error that says what was found.
  func unexpected(_ wanted: String) -> RedisError {
    if case .error(let error) = self { return RedisError(error) }
    return RedisError(.decoding, detail: "expected \(wanted), got \(kind)")
  }

  /// The bytes of a string. Throws `decoding`.
  public func requireBytes() throws(RedisError) -> [UInt8] {
    guard let bytes else { throw unexpected("a string") }
    return bytes
  }

  /// The bytes of a string, or `nil` for null. Throws `decoding`.
  public func requireBytesOrNull() throws(RedisError) -> [UInt8]? {
    if case .null = self { return nil }
    return try requireBytes()
  }

  /// The integer. Throws `decoding`.
  public func requireInteger() throws(RedisError) -> Int64 {
    guard let integer else { throw unexpected("an integer") }
    return integer
  }

  /// The elements. Throws `decoding`.
  public func requireArray() throws(RedisError) -> [RedisValue] {
    guard let array else { throw unexpected("an array") }
    return array
  }
}
