package import Contracts
package import Postgres
internal import Primitives

/// Reads the ledger: sums of whole hours and days are kept as calls are written, what begins or ends in the midst of an
/// hour is added from the calls themselves.
package struct UsageStore: Sendable {
  /// For queries with a condition on a name: the indexes of names are on a function, and Postgres would not use them
  /// under a policy. Their statements have the tenant in that function.
  private let reads: PostgresReader
  private let database: TenantDatabase

  /// The ledger behind a pool; sums and lists are read by `reads`, from the same database when there is none.
  package init(pool: PostgresPool, reads: PostgresReader? = nil) {
    self.reads = reads ?? PostgresReader(primary: pool)
    database = TenantDatabase(pool: pool, reads: reads)
  }

  /// Sums of calls, a row for each bucket and group.
  package func sums(_ tenant: TenantID, _ query: UsageQuery) async throws -> [UsageRow] {
    let (statement, input) = (UsageStore.sumsStatement(query), UsageInput(tenant: tenant.uuid, query: query))
    guard query.filters.isEmpty else { return try await reads.query(statement, input) }
    return try await database.list(statement, input, of: TenantScope(tenant.uuid))
  }

  /// Single calls, the newest first, as JSON objects by column.
  package func calls(
    _ tenant: TenantID, _ query: UsageQuery, before: CallID?
  ) async throws -> [(id: CallID, json: [UInt8])] {
    var input = UsageInput(tenant: tenant.uuid, query: query)
    if let before {
      // From the primary: the page before may have come from there.
      guard
        let at = try await database.query(
          Statements.startedAt, (tenant.uuid, before.uuid), of: TenantScope(tenant.uuid)
        ).first
      else { return [] }
      input.cursor = (at, before.uuid)
    }
    let statement = UsageStore.listStatement(query, hasCursor: before != nil)
    guard query.filters.isEmpty else { return try await reads.query(statement, input) }
    return try await database.list(statement, input, of: TenantScope(tenant.uuid))
  }

  /// A call with its attempts, the call first; empty when there is none.
  package func call(_ tenant: TenantID, _ id: CallID) async throws -> [(id: CallID, json: [UInt8])] {
    try await database.query(Statements.call, (tenant.uuid, id.uuid), of: TenantScope(tenant.uuid))
  }

  enum Statements {
    private static let time = ResultColumns<Timestamp> { column in
      let time = column("started_at", .timestamptz)
      return { row in try row[time] }
    }

    static let startedAt = Statement<(tenant: UUID, id: UUID), Timestamp>(time) { parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let id = parameter("id", .uuid) { $0.id }
      return "select \(time) from call where tenant_id = \(tenant) and id = \(id)"
    }

    /// The columns of a call that are shown, as JSON.
    static func json(without names: [String]) -> ResultColumns<(id: CallID, json: [UInt8])> {
      ResultColumns { column in
        let id = column("c.id", .uuid)
        let json = column("to_jsonb(c)\(names.map { " - '\($0)'" }.joined())", .jsonb)
        return { row in (CallID(try row[id]), try row[json].bytes) }
      }
    }

    private static let whole = json(without: ["tenant_id", "id"])

    static let call = Statement<(tenant: UUID, id: UUID), (id: CallID, json: [UInt8])>(whole) { parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let id = parameter("id", .uuid) { $0.id }
      return """
        select \(whole) from call c where c.tenant_id = \(tenant) and (c.id = \(id) or c.call_id = \(id))
        order by c.id <> \(id), c.ended_at, c.id
        """
    }
  }
}
