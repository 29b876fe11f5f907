/// The columns of a result, declared once: the expressions of the select list and how a row is read from them.
///
/// ```swift
/// static let columns = ResultColumns<Project> { column in
///   let id = column("p.id", .uuid)
///   let archivedAt = column(nullable: "p.archived_at", .timestamptz)
///   return { row in Project(id: try row[id], archivedAt: try row[archivedAt]) }
/// }
/// ```
///
/// In a text it stands for the select list.
public struct ResultColumns<Row>: Sendable, CustomStringConvertible {
  /// The select list.
  public let description: String
  let count: Int
  let decode: @Sendable (PostgresRow) throws -> Row

  /// Declares the columns; `declare` returns how a row is read.
  public init(_ declare: (ResultColumnsBuilder) -> @Sendable (PostgresRow) throws -> Row) {
    let builder = ResultColumnsBuilder()
    decode = declare(builder)
    description = builder.expressions.joined(separator: ", ")
    count = builder.count
  }

  /// The rows of a result that has these columns.
  public func rows(_ result: PostgresRows) throws -> [Row] { try result.map { try decode($0) } }
}

extension ResultColumns where Row == Void {
  /// No columns.
  public static var none: ResultColumns { ResultColumns { _ in { _ in } } }
}

/// Collects the columns of a result.
public final class ResultColumnsBuilder {
  private(set) var expressions: [String] = []
  private(set) var count = 0

  init() {}

  /// Declares a column that is never NULL.
  public func callAsFunction<Value>(_ sql: String, _ type: PostgresType<Value>) -> ResultColumn<Value> {
    ResultColumn(index: add(sql))
  }

  /// Declares a column that may be NULL.
  public func callAsFunction<Value>(nullable sql: String, _ type: PostgresType<Value>) -> NullableColumn<Value> {
    NullableColumn(index: add(sql))
  }

  /// Adds the columns of another declaration.
  public func include<Row>(_ columns: ResultColumns<Row>) -> IncludedColumns<Row> {
    defer { count += columns.count }
    expressions.append(columns.description)
    return IncludedColumns(first: count, columns: columns)
  }

  private func add(_ sql: String) -> Int {
    defer { count += 1 }
    expressions.append(sql)
    return count
  }
}

/// A declared column that is never NULL.
public struct ResultColumn<Value: PostgresDecodable>: Sendable {
  let index: Int
}

/// A declared column that may be NULL.
public struct NullableColumn<Value: PostgresDecodable>: Sendable {
  let index: Int
}

/// Columns of another declaration within a result.
public struct IncludedColumns<Row>: Sendable {
  let first: Int
  let columns: ResultColumns<Row>
}

extension PostgresRow {
  /// The value of a column. Throws `PostgresError.decoding` for NULL and for a value of another type.
  public subscript<Value>(_ column: ResultColumn<Value>) -> Value {
    get throws(PostgresError) { try decode(column.index, as: Value.self) }
  }

  /// The value of a column, `nil` for NULL. Throws `PostgresError.decoding` for a value of another type.
  public subscript<Value>(_ column: NullableColumn<Value>) -> Value? {
    get throws(PostgresError) { try decode(column.index, as: Value?.self) }
  }

  /// What the included columns hold.
  public subscript<Row>(_ included: IncludedColumns<Row>) -> Row {
    get throws { try included.columns.decode(skipping(included.first)) }
  }
}
