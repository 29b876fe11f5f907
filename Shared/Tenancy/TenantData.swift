public import Postgres
public import Primitives

/// All rows of a tenant in one schema: counted, exported and deleted.
public struct TenantData: Sendable {
  private let pool: PostgresPool
  private let schema: String
  /// In the order in which they are deleted.
  let tables: [TenantTable]

  /// The tables of a schema, in the order in which rows may be deleted.
  public init(pool: PostgresPool, schema: String, tables: [TenantTable]) {
    self.pool = pool
    self.schema = schema
    self.tables = tables
  }

  /// How many rows of the tenant each table has.
  public func counts(_ tenant: UUID) async throws -> [(name: String, count: Int64)] {
    var counts: [(name: String, count: Int64)] = []
    for table in tables {
      let rows = try await pool.query(
        "select count(*) from \(schema).\(table.name) t where \(table.condition(schema))", [tenant])
      counts.append((table.name, try rows.first?.decode(0, as: Int64.self) ?? 0))
    }
    return counts
  }

  /// Deletes one batch of each table. Returns how many rows there were.
  public func deleteBatch(_ tenant: UUID) async throws -> Int64 {
    var deleted: Int64 = 0
    for table in tables {
      deleted += try await pool.query(table.deletion(schema), [tenant]).first?.decode(0, as: Int64.self) ?? 0
    }
    return deleted
  }

  /// Rows of an export, as JSON objects, and where it goes on; `nil` behind the last one.
  struct Page: Sendable {
    let table: String
    var rows: [String] = []
    let next: ExportCursor?
  }

  /// The tables that are exported.
  var exported: [TenantTable] { tables.filter { !$0.keys.isEmpty } }

  /// The page at a cursor.
  func page(_ tenant: UUID, at cursor: ExportCursor) async throws -> Page? {
    guard let index = exported.firstIndex(where: { $0.name == cursor.table }) else { return nil }
    let table = exported[index]
    var parameters: [any PostgresEncodable] = [tenant, table.hidden]
    if let keys = cursor.keys { parameters.append(keys) }
    let result = try await pool.query(table.page(schema, isFirst: cursor.keys == nil), parameters)
    var (rows, last) = ([String](), "")
    for row in result {
      rows.append(try row.decode(0, as: String.self))
      last = try row.decode(1, as: String.self)
    }
    let following = index + 1 < exported.count ? ExportCursor(table: exported[index + 1].name, keys: nil) : nil
    let next = rows.count < table.rowsMax ? following : ExportCursor(table: table.name, keys: last)
    return Page(table: table.name, rows: rows, next: next)
  }
}

/// A place in an export: `run`, or `run.` and the keys of the last row in hexadecimal digits.
struct ExportCursor: Sendable, Equatable {
  private static let bytesMax = 8192

  let table: String
  /// A JSON array of texts; `nil` at the beginning of the table.
  let keys: String?

  var text: String { table + (keys.map { ".\(Hex.encode(Array($0.utf8)))" } ?? "") }

  init(table: String, keys: String?) {
    self.table = table
    self.keys = keys
  }

  /// The place that a text names; `nil` for a malformed one.
  init?(_ text: String) {
    guard text.utf8.count <= ExportCursor.bytesMax else { return nil }
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    table = String(parts[0])
    guard parts.count == 2 else {
      keys = nil
      return
    }
    guard let bytes = Hex.decode(String(parts[1])), let keys = String(validating: bytes, as: UTF8.self) else {
      return nil
    }
    self.keys = keys
  }
}
