public import Primitives

/// A value that can be a parameter: its type and its binary form (the server's own `*send` formats).
public protocol PostgresEncodable: Sendable {
  /// The type's object id in `pg_type`.
  var postgresType: UInt32 { get }
  /// Appends the binary form; `false` means NULL.
  func encode(to bytes: inout [UInt8]) -> Bool
}

/// A value that can be an element of an array parameter.
public protocol PostgresScalar: PostgresEncodable {
  /// The type's object id.
  static var elementType: UInt32 { get }
  /// The object id of the array type.
  static var arrayType: UInt32 { get }
}

extension PostgresScalar {
  /// The type's object id.
  public var postgresType: UInt32 { Self.elementType }
}

/// A value that can be read from a column.
public protocol PostgresDecodable {
  /// Reads the binary form of a column of that type; `nil` when it does not fit.
  init?(postgres bytes: UnsafeRawBufferPointer, type: UInt32)
}

/// JSON text for a `jsonb` column.
public struct PostgresJSON: Sendable, Hashable {
  /// The text.
  public let bytes: [UInt8]

  /// Wraps text that must be valid JSON.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }
}

extension FixedWidthInteger {
  func appendBigEndian(to bytes: inout [UInt8]) {
    withUnsafeBytes(of: bigEndian) { bytes.append(contentsOf: $0) }
  }

  fileprivate init?(bigEndianBytes bytes: UnsafeRawBufferPointer) {
    guard bytes.count == Self.bitWidth / 8 else { return nil }
    self = Self(bigEndian: bytes.loadUnaligned(as: Self.self))
  }
}

extension Bool: PostgresScalar, PostgresDecodable {
  /// `bool`
  public static let elementType: UInt32 = 16
  /// `bool[]`
  public static let arrayType: UInt32 = 1000
  /// One byte.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(self ? 1 : 0)
    return true
  }
  /// From `bool`.
  public init?(postgres bytes: UnsafeRawBufferPointer, type: UInt32) {
    guard type == 16, bytes.count == 1 else { return nil }
    self = bytes[0] != 0
  }
}

extension Int32: PostgresScalar, PostgresDecodable {
  /// `int4`
  public static let elementType: UInt32 = 23
  /// `int4[]`
  public static let arrayType: UInt32 = 1007
  /// Four bytes.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    appendBigEndian(to: &bytes)
    return true
  }
  /// From `int4`.
  public init?(postgres bytes: UnsafeRawBufferPointer, type: UInt32) {
    guard type == 23 else { return nil }
    self.init(bigEndianBytes: bytes)
  }
}

extension Int64: PostgresScalar, PostgresDecodable {
  /// `int8`
  public static let elementType: UInt32 = 20
  /// `int8[]`
  public static let arrayType: UInt32 = 1016
  /// Eight bytes.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    appendBigEndian(to: &bytes)
    return true
  }
  /// From `int8`, `int4` and `int2`.
  public init?(postgres bytes: UnsafeRawBufferPointer, type: UInt32) {
    switch type {
    case 20: self.init(bigEndianBytes: bytes)
    case 23:
      guard let value = Int32(bigEndianBytes: bytes) else { return nil }
      self = Int64(value)
    case 21:
      guard let value = Int16(bigEndianBytes: bytes) else { return nil }
      self = Int64(value)
    default: return nil
    }
  }
}

extension Double: PostgresScalar, PostgresDecodable {
  /// `float8`
  public static let elementType: UInt32 = 701
  /// `float8[]`
  public static let arrayType: UInt32 = 1022
  /// Eight bytes.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bitPattern.appendBigEndian(to: &bytes)
    return true
  }
  /// From `float8` and `float4`.
  public init?(postgres bytes: UnsafeRawBufferPointer, type: UInt32) {
    switch type {
    case 701:
      guard let bits = UInt64(bigEndianBytes: bytes) else { return nil }
      self.init(bitPattern: bits)
    case 700:
      guard let bits = UInt32(bigEndianBytes: bytes) else { return nil }
      self.init(Float(bitPattern: bits))
    default: return nil
    }
  }
}

extension String: PostgresScalar, PostgresDecodable {
  /// `text`
  public static let elementType: UInt32 = 25
  /// `text[]`
  public static let arrayType: UInt32 = 1009
  /// UTF-8. Text with U+0000 is refused by the server (SQLSTATE 22021).
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(contentsOf: utf8)
    return true
  }
  /// From `text`, `varchar`, `char`, `name`, `json` and `jsonb`.
  public init?(postgres bytes: UnsafeRawBufferPointer, type: UInt32) {
    switch type {
    case 25, 1043, 1042, 19, 114: self.init(decoding: bytes, as: UTF8.self)
    case 3802: self.init(decoding: bytes.dropFirst(), as: UTF8.self)
    default: return nil
    }
  }
}

extension UUID: PostgresScalar, PostgresDecodable {
  /// `uuid`
  public static let elementType: UInt32 = 2950
  /// `uuid[]`
  public static let arrayType: UInt32 = 2951
  /// Sixteen bytes.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    high.appendBigEndian(to: &bytes)
    low.appendBigEndian(to: &bytes)
    return true
  }
  /// From `uuid`.
  public init?(postgres bytes: UnsafeRawBufferPointer, type: UInt32) {
    guard type == 2950, bytes.count == 16,
      let high = UInt64(bigEndianBytes: UnsafeRawBufferPointer(rebasing: bytes[..<8])),
      let low = UInt64(bigEndianBytes: UnsafeRawBufferPointer(rebasing: bytes[8...]))
    else { return nil }
    self.init(high: high, low: low)
  }
}

extension Timestamp: PostgresScalar, PostgresDecodable {
  /// `timestamptz`
  public static let elementType: UInt32 = 1184
  /// `timestamptz[]`
  public static let arrayType: UInt32 = 1185
  /// Microseconds from the Unix epoch to 2000-01-01.
  private static let epochOffset: Int64 = 946_684_800_000_000
  /// Microseconds since 2000-01-01.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    let (value, isBeyond) = unixMicroseconds.subtractingReportingOverflow(Timestamp.epochOffset)
    // Out of the server's range as well, so that it refuses (SQLSTATE 22008) instead of storing another time.
    (isBeyond ? Int64.min + 1 : value).appendBigEndian(to: &bytes)
    return true
  }
  /// From `timestamptz`.
  public init?(postgres bytes: UnsafeRawBufferPointer, type: UInt32) {
    // The extremes stand for the infinite times.
    guard type == 1184, let value = Int64(bigEndianBytes: bytes), value != .min, value != .max else { return nil }
    let (microseconds, isBeyond) = value.addingReportingOverflow(Timestamp.epochOffset)
    if isBeyond { return nil }
    self.init(unixMicroseconds: microseconds)
  }
}

extension PostgresJSON: PostgresScalar, PostgresDecodable {
  /// `jsonb`
  public static let elementType: UInt32 = 3802
  /// `jsonb[]`
  public static let arrayType: UInt32 = 3807
  /// Version 1 and the text.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(1)
    bytes += self.bytes
    return true
  }
  /// From `jsonb` and `json`.
  public init?(postgres bytes: UnsafeRawBufferPointer, type: UInt32) {
    switch type {
    case 3802: self.init(Array(bytes.dropFirst()))
    case 114: self.init(Array(bytes))
    default: return nil
    }
  }
}

/// Bytes for a `bytea` column, as an array element.
extension Array: PostgresEncodable where Element: PostgresArrayElement {
  /// `bytea` for bytes, else the array type of the element.
  public var postgresType: UInt32 { Element.arrayTypeOfArray }
  /// The bytes, or a one-dimensional array.
  public func encode(to bytes: inout [UInt8]) -> Bool { Element.encodeArray(self, to: &bytes) }
}

/// What may stand in a Swift array that is a parameter: scalars, optional scalars, byte strings, and bytes themselves.
public protocol PostgresArrayElement: Sendable {
  /// The object id of the parameter.
  static var arrayTypeOfArray: UInt32 { get }
  /// The object id of one element.
  static var arrayElementType: UInt32 { get }
  /// Appends one element; `false` means NULL.
  func encodeElement(to bytes: inout [UInt8]) -> Bool
  /// Appends the whole parameter.
  static func encodeArray(_ array: [Self], to bytes: inout [UInt8]) -> Bool
}

extension PostgresArrayElement {
  /// A one-dimensional array.
  @inlinable
  public static func encodeArray(_ array: [Self], to bytes: inout [UInt8]) -> Bool {
    PostgresArrayEncoding.encode(array, arrayElementType, to: &bytes) { $0.encodeElement(to: &$1) }
    return true
  }
}

extension PostgresArrayElement where Self: PostgresScalar {
  /// The array type.
  @inlinable public static var arrayTypeOfArray: UInt32 { arrayType }
  /// The scalar's type.
  @inlinable public static var arrayElementType: UInt32 { elementType }
  /// The scalar's form.
  @inlinable public func encodeElement(to bytes: inout [UInt8]) -> Bool { encode(to: &bytes) }
}

extension Bool: PostgresArrayElement {}
extension Int32: PostgresArrayElement {}
extension Int64: PostgresArrayElement {}
extension Double: PostgresArrayElement {}
extension String: PostgresArrayElement {}
extension UUID: PostgresArrayElement {}
extension Timestamp: PostgresArrayElement {}
extension PostgresJSON: PostgresArrayElement {}

extension UInt8: PostgresArrayElement {
  /// `bytea`: bytes are no array for the server.
  public static var arrayTypeOfArray: UInt32 { 17 }
  /// Unused.
  public static var arrayElementType: UInt32 { 17 }
  /// Unused.
  public func encodeElement(to bytes: inout [UInt8]) -> Bool { false }
  /// The bytes as they are.
  public static func encodeArray(_ array: [UInt8], to bytes: inout [UInt8]) -> Bool {
    bytes += array
    return true
  }
}

extension Array: PostgresArrayElement where Element == UInt8 {
  /// `bytea[]`
  public static var arrayTypeOfArray: UInt32 { 1001 }
  /// `bytea`
  public static var arrayElementType: UInt32 { 17 }
  /// The bytes.
  public func encodeElement(to bytes: inout [UInt8]) -> Bool {
    bytes += self
    return true
  }
}

extension Array: PostgresDecodable where Element == UInt8 {
  /// From `bytea`, `json` and `jsonb`.
  public init?(postgres bytes: UnsafeRawBufferPointer, type: UInt32) {
    switch type {
    case 17, 114: self.init(bytes)
    case 3802: self.init(bytes.dropFirst())
    default: return nil
    }
  }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresArrayElement {
  /// As the wrapped type.
  public static var arrayTypeOfArray: UInt32 { Wrapped.arrayTypeOfArray }
  /// As the wrapped type.
  public static var arrayElementType: UInt32 { Wrapped.arrayElementType }
  /// NULL for `nil`.
  public func encodeElement(to bytes: inout [UInt8]) -> Bool { self?.encodeElement(to: &bytes) ?? false }
}

extension Optional: PostgresEncodable where Wrapped: PostgresArrayElement {
  /// As the wrapped type.
  public var postgresType: UInt32 { Wrapped.arrayElementType }
  /// NULL for `nil`.
  public func encode(to bytes: inout [UInt8]) -> Bool { encodeElement(to: &bytes) }
}
