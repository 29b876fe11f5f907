internal import CLibPQ

/// The result of a statement. Owns libpq's memory; values are read from it in place.
public struct PostgresRows: Sendable, RandomAccessCollection {
  /// Frees the result with its last user.
  ///
  /// `@unchecked Sendable`: a `PGresult` is never changed after it was received.
  final class Storage: @unchecked Sendable {
    let result: OpaquePointer
    init(_ result: OpaquePointer) { self.result = result }
    deinit { PQclear(result) }
  }

  let storage: Storage
  private let rowCount: Int

  init(_ result: OpaquePointer) {
    storage = Storage(result)
    rowCount = Int(PQntuples(result))
  }

  /// A result without rows.
  static var none: PostgresRows {
    // As every allocation of Swift.
    guard let empty = PQmakeEmptyPGresult(nil, PGRES_TUPLES_OK) else { preconditionFailure("out of memory") }
    return PostgresRows(empty)
  }

  /// The first row.
  public var startIndex: Int { 0 }
  /// Behind the last row.
  public var endIndex: Int { rowCount }
  /// A row.
  public subscript(position: Int) -> PostgresRow {
    // As the subscript of every collection; rows are walked, not numbered by input.
    precondition(position >= 0 && position < rowCount, "no such row")
    return PostgresRow(storage: storage, row: Int32(position))
  }

  /// Rows that a statement without result has changed.
  public var affected: Int { Int(String(cString: PQcmdTuples(storage.result))) ?? 0 }

  /// What the server says it has done, such as `COMMIT`.
  var command: String { String(cString: PQcmdStatus(storage.result)) }
}

/// One row of a result.
public struct PostgresRow: Sendable {
  let storage: PostgresRows.Storage
  let row: Int32
  /// The column that counts as the first one.
  private(set) var first = 0

  init(storage: PostgresRows.Storage, row: Int32) {
    self.storage = storage
    self.row = row
  }

  /// The same row from a column on.
  func skipping(_ columns: Int) -> PostgresRow {
    var rest = self
    rest.first += columns
    return rest
  }

  /// The value of a column, which must not be NULL. Throws `PostgresError.decoding`.
  public func decode<Value: PostgresDecodable>(
    _ column: Int, as type: Value.Type
  ) throws(PostgresError) -> Value {
    guard let value = try decode(column, as: Value?.self) else {
      throw PostgresError(.decoding, detail: "column \(column) is NULL")
    }
    return value
  }

  /// The value of a column, `nil` for NULL. Throws `PostgresError.decoding`.
  public func decode<Value: PostgresDecodable>(
    _ column: Int, as type: Value?.Type
  ) throws(PostgresError) -> Value? {
    let column = Int32(clamping: first + column)
    guard column < PQnfields(storage.result) else { throw PostgresError(.decoding, detail: "no column \(column)") }
    if PQgetisnull(storage.result, row, column) == 1 { return nil }
    let bytes = UnsafeRawBufferPointer(
      start: PQgetvalue(storage.result, row, column), count: Int(PQgetlength(storage.result, row, column)))
    let oid = PQftype(storage.result, column)
    guard let value = Value(postgres: bytes, type: oid) else {
      throw PostgresError(.decoding, detail: "column \(column) of type \(oid) is no \(Value.self)")
    }
    return value
  }

  /// The value of a column of a script's result, which comes as text.
  func text(_ column: Int32) throws(PostgresError) -> String {
    guard PQgetisnull(storage.result, row, column) == 0 else { throw PostgresError(.decoding, detail: "NULL") }
    return String(cString: PQgetvalue(storage.result, row, column))
  }
}
