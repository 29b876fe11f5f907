internal import JSON
internal import Postgres
internal import Primitives
internal import SystemSources

/// A provider in the table.
struct ProviderRow: Sendable {
  let id: UUID
  let record: ProviderRecord
  let version: Int
  let createdAt: Timestamp
  let updatedAt: Timestamp
}

/// The table of providers.
struct ProviderStore: Sendable {
  /// Providers of an installation.
  static let rowsMax = 200
  private static let columns = """
    id, name, kind, base_url, keys, priority, weight, timeout_ms, first_token_ms, enabled, version, created_at,
    updated_at, stall_ms
    """

  let pool: PostgresPool

  func all() async throws -> [ProviderRow] {
    try await pool.query(
      "select \(ProviderStore.columns) from provider order by priority, name limit \(ProviderStore.rowsMax)"
    ).map(row)
  }

  func find(_ name: String) async throws -> ProviderRow? {
    try await pool.query("select \(ProviderStore.columns) from provider where name = $1", [name]).first.map(row)
  }

  /// Adds or replaces. Returns nil when `expected` is not the version any more, or there are too many.
  func put(_ record: ProviderRecord, expected: Int?) async throws -> (row: ProviderRow, isNew: Bool)? {
    var writer = JSONWriter()
    writer.beginArray()
    for key in record.keys { key.write(to: &writer) }
    writer.endArray()
    return try await pool.query(
      """
      insert into provider as p (id, name, kind, base_url, keys, priority, weight, timeout_ms, first_token_ms, enabled,
        stall_ms)
      select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12
      where (select count(*) from provider where name <> $2) < \(ProviderStore.rowsMax)
        and ($11::int is null or exists (select 1 from provider where name = $2 and version = $11))
      on conflict (name) do update set kind = excluded.kind, base_url = excluded.base_url, keys = excluded.keys,
        priority = excluded.priority, weight = excluded.weight, timeout_ms = excluded.timeout_ms,
        first_token_ms = excluded.first_token_ms, stall_ms = excluded.stall_ms, enabled = excluded.enabled, version = p.version + 1,
        updated_at = clock_timestamp()
      where $11::int is null or p.version = $11
      returning \(ProviderStore.columns), xmax = 0
      """,
      [
        UUID.version7(), record.name, record.kind.rawValue, record.baseURL, PostgresJSON(writer.bytes),
        Int32(record.priority), Int32(record.weight), record.times.timeout?.milliseconds,
        record.times.firstToken?.milliseconds, record.isEnabled, expected.map { Int32($0) },
        record.times.stall?.milliseconds,
      ]
    ).first.map { (try row($0), try $0.decode(14, as: Bool.self)) }
  }

  func remove(_ name: String) async throws -> Bool {
    try await pool.query("delete from provider where name = $1 returning 1", [name]).first != nil
  }

  private func duration(_ row: PostgresRow, _ column: Int) throws -> Duration? {
    try row.decode(column, as: Int64?.self).map { .milliseconds($0) }
  }

  private func row(_ row: PostgresRow) throws -> ProviderRow {
    let keys = try JSONDocument(parsing: row.decode(4, as: PostgresJSON.self).bytes).root
    return ProviderRow(
      id: try row.decode(0, as: UUID.self),
      record: ProviderRecord(
        name: try row.decode(1, as: String.self),
        kind: ProviderKind(rawValue: try row.decode(2, as: String.self)) ?? .compatible,
        baseURL: try row.decode(3, as: String.self), keys: keys.elements.compactMap { KeySource($0) },
        configuredKey: nil, priority: Int(try row.decode(5, as: Int32.self)),
        weight: Int(try row.decode(6, as: Int32.self)),
        times: ProviderTimes.Own(
          timeout: try duration(row, 7), firstToken: try duration(row, 8), stall: try duration(row, 13)),
        isEnabled: try row.decode(9, as: Bool.self)),
      version: Int(try row.decode(10, as: Int32.self)), createdAt: try row.decode(11, as: Timestamp.self),
      updatedAt: try row.decode(12, as: Timestamp.self))
  }
}
