internal import Primitives
internal import SystemSources

/// What a database has of the migrations that a program knows. Reading it changes nothing and takes no lock.
public struct SchemaInspection: Sendable, Equatable {
  /// Name of the schema.
  public let schema: String
  /// Migrations that the program knows.
  public let known: Int
  /// Migrations that are applied; 0 when the schema is not there.
  public let applied: Int
  /// Versions that are applied with another script than the program's.
  public let changed: [Int]

  /// Makes one.
  public init(schema: String, known: Int, applied: Int, changed: [Int] = []) {
    self.schema = schema
    self.known = known
    self.applied = applied
    self.changed = changed
  }

  /// Reads it. `schema` and the migrations are the program's own. Throws `PostgresError`.
  public static func read(
    _ pool: PostgresPool, schema: String, migrations: [Migration]
  ) async throws -> SchemaInspection {
    let isThere = try await pool.query("select to_regclass($1::text) is not null", ["\(schema).schema_migrations"])
    guard let first = isThere.first, try first.decode(0, as: Bool.self) else {
      return SchemaInspection(schema: schema, known: migrations.count, applied: 0)
    }
    let rows = try await pool.query(
      """
      select m.version, k.sql is null or m.checksum = encode(sha256(convert_to(k.sql, 'UTF8')), 'hex')
      from \(schema).schema_migrations m
      left join unnest($1::int4[], $2::text[]) as k (version, sql) on k.version = m.version order by 1
      """, [migrations.map { Int32(clamping: $0.version) }, migrations.map(\.sql)])
    var changed: [Int] = []
    for row in rows where try !row.decode(1, as: Bool.self) {
      changed.append(Int(try row.decode(0, as: Int32.self)))
    }
    return SchemaInspection(schema: schema, known: migrations.count, applied: rows.count, changed: changed)
  }
}

extension PostgresPool {
  /// Makes a connection besides the pool's and closes it: to say why none can be made. On a loop of the pool's group.
  /// Throws `PostgresError`, with the words of libpq as its detail.
  public func checkConnection(within time: Duration) async throws {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: time.nanoseconds)
    try await dedicated(deadline: deadline).close()
  }
}
