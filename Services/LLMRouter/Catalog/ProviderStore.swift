internal import JSON
package import Postgres
package import Primitives
internal import SystemSources

/// A provider in the table.
package struct ProviderRow: Sendable {
  package let id: UUID
  package let record: ProviderRecord
  package let version: Int
  package let createdAt: Timestamp
  package let updatedAt: Timestamp

  /// A row.
  package init(id: UUID, record: ProviderRecord, version: Int, createdAt: Timestamp, updatedAt: Timestamp) {
    self.id = id
    self.record = record
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }
}

/// The table of providers.
package struct ProviderStore: Sendable {
  /// Providers of an installation.
  static let rowsMax = 200

  private let pool: PostgresPool

  /// The table behind a pool.
  package init(pool: PostgresPool) { self.pool = pool }

  /// All providers, in the order of their priority.
  package func all() async throws -> [ProviderRow] { try await pool.query(Statements.all, ()) }

  /// One provider.
  package func find(_ name: String) async throws -> ProviderRow? {
    try await pool.query(Statements.find, name).first
  }

  /// Adds or replaces. Returns nil when `expected` is not the version any more, or there are too many.
  package func put(_ record: ProviderRecord, expected: Int?) async throws -> (row: ProviderRow, isNew: Bool)? {
    try await pool.query(Statements.put, (UUID.version7(), record, expected.map { Int32($0) })).first
  }

  /// Removes one. Returns false when it is not there.
  package func remove(_ name: String) async throws -> Bool { try await pool.execute(Statements.remove, name) > 0 }

  enum Statements {
    private static let provider = ResultColumns<ProviderRow> { column in
      let id = column("id", .uuid)
      let name = column("name", .text)
      let kind = column("kind", .text)
      let baseURL = column("base_url", .text)
      let keys = column("keys", .jsonb)
      let priority = column("priority", .int4)
      let weight = column("weight", .int4)
      let timeout = column(nullable: "timeout_ms", .int8)
      let firstToken = column(nullable: "first_token_ms", .int8)
      let stall = column(nullable: "stall_ms", .int8)
      let isEnabled = column("enabled", .bool)
      let version = column("version", .int4)
      let createdAt = column("created_at", .timestamptz)
      let updatedAt = column("updated_at", .timestamptz)
      return { row in
        func duration(_ column: NullableColumn<Int64>) throws -> Duration? {
          try row[column].map { .milliseconds($0) }
        }
        let sources = try JSONDocument(parsing: row[keys].bytes).root
        return ProviderRow(
          id: try row[id],
          record: ProviderRecord(
            name: try row[name], kind: ProviderKind(rawValue: try row[kind]) ?? .compatible,
            baseURL: try row[baseURL], keys: sources.elements.compactMap { KeySource($0) }, configuredKey: nil,
            priority: Int(try row[priority]), weight: Int(try row[weight]),
            times: ProviderTimes.Own(
              timeout: try duration(timeout), firstToken: try duration(firstToken), stall: try duration(stall)),
            isEnabled: try row[isEnabled]),
          version: Int(try row[version]), createdAt: try row[createdAt], updatedAt: try row[updatedAt])
      }
    }

    static let all = Statement<Void, ProviderRow>(provider) { _ in
      "select \(provider) from provider order by priority, name limit \(rowsMax)"
    }

    static let find = Statement<String, ProviderRow>(provider) { parameter in
      let name = parameter("name", .text) { $0 }
      return "select \(provider) from provider where name = \(name)"
    }

    private static let changed = ResultColumns<(row: ProviderRow, isNew: Bool)> { column in
      let provider = column.include(provider)
      // A row that was there has been locked by its update.
      let isNew = column("xmax = 0", .bool)
      return { row in (try row[provider], try row[isNew]) }
    }

    static let put = Statement<
      (id: UUID, record: ProviderRecord, expected: Int32?), (row: ProviderRow, isNew: Bool)
    >(changed) { parameter in
      let id = parameter("id", .uuid) { $0.id }
      let name = parameter("name", .text) { $0.record.name }
      let kind = parameter("kind", .text) { $0.record.kind.rawValue }
      let baseURL = parameter("base_url", .text) { $0.record.baseURL }
      let keys = parameter("keys", .jsonb) { json($0.record.keys) }
      let priority = parameter("priority", .int4) { Int32(clamping: $0.record.priority) }
      let weight = parameter("weight", .int4) { Int32(clamping: $0.record.weight) }
      let timeout = parameter("timeout_ms", .int8) { $0.record.times.timeout?.milliseconds }
      let firstToken = parameter("first_token_ms", .int8) { $0.record.times.firstToken?.milliseconds }
      let stall = parameter("stall_ms", .int8) { $0.record.times.stall?.milliseconds }
      let isEnabled = parameter("enabled", .bool) { $0.record.isEnabled }
      let expected = parameter("expected", .int4) { $0.expected }
      return """
        insert into provider as p (id, name, kind, base_url, keys, priority, weight, timeout_ms, first_token_ms,
          stall_ms, enabled)
        select \(id), \(name), \(kind), \(baseURL), \(keys), \(priority), \(weight), \(timeout), \(firstToken),
          \(stall), \(isEnabled)
        where (select count(*) from provider where name <> \(name)) < \(rowsMax)
          and (\(expected) is null or exists (
            select 1 from provider where name = \(name) and version = \(expected)))
        on conflict (name) do update set kind = excluded.kind, base_url = excluded.base_url, keys = excluded.keys,
          priority = excluded.priority, weight = excluded.weight, timeout_ms = excluded.timeout_ms,
          first_token_ms = excluded.first_token_ms, stall_ms = excluded.stall_ms, enabled = excluded.enabled,
          version = p.version + 1, updated_at = clock_timestamp()
        where \(expected) is null or p.version = \(expected)
        returning \(changed)
        """
    }

    private static func json(_ keys: [KeySource]) -> PostgresJSON {
      var writer = JSONWriter()
      writer.beginArray()
      for key in keys { key.write(to: &writer) }
      writer.endArray()
      return PostgresJSON(writer.bytes)
    }

    static let remove = Statement<String, Void> { parameter in
      let name = parameter("name", .text) { $0 }
      return "delete from provider where name = \(name)"
    }

    /// What is wrong with the declarations; a test expects nothing.
    static var faults: [String] { all.faults + find.faults + put.faults + remove.faults }
  }
}
