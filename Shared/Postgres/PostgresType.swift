public import Primitives

/// A type of the server together with the Swift type of its values.
public struct PostgresType<Value: PostgresArrayElement & PostgresDecodable>: Sendable {
  /// The name in SQL, for example `timestamptz`.
  public let name: String

  /// A type by its name in SQL.
  @inlinable public init(_ name: String) { self.name = name }
}

extension PostgresType where Value == Bool {
  /// `bool`
  public static var bool: PostgresType { PostgresType("bool") }
}

extension PostgresType where Value == Int32 {
  /// `int4`
  public static var int4: PostgresType { PostgresType("int4") }
}

extension PostgresType where Value == Int64 {
  /// `int8`
  public static var int8: PostgresType { PostgresType("int8") }
}

extension PostgresType where Value == Double {
  /// `float8`
  public static var float8: PostgresType { PostgresType("float8") }
}

extension PostgresType where Value == String {
  /// `text`
  public static var text: PostgresType { PostgresType("text") }
}

extension PostgresType where Value == [UInt8] {
  /// `bytea`
  public static var bytea: PostgresType { PostgresType("bytea") }
}

extension PostgresType where Value == UUID {
  /// `uuid`
  public static var uuid: PostgresType { PostgresType("uuid") }
}

extension PostgresType where Value == Timestamp {
  /// `timestamptz`
  public static var timestamptz: PostgresType { PostgresType("timestamptz") }
}

extension PostgresType where Value == PostgresJSON {
  /// `jsonb`
  public static var jsonb: PostgresType { PostgresType("jsonb") }
}
