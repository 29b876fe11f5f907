/// A database as requests of tenants see it: every unit names its tenant and runs under row-level security, in the same
/// round trip. A store that has this and no pool cannot forget the tenant.
///
/// ```swift
/// let rows = try await database.query(ProjectStore.find, (tenant, id), of: TenantScope(tenant.uuid))
/// ```
public struct TenantDatabase: Sendable {
  private let pool: PostgresPool
  private let reads: PostgresReader

  /// The database of a pool; what may be a little old is read by `reads`, from the same database when there is none.
  public init(pool: PostgresPool, reads: PostgresReader? = nil) {
    self.pool = pool
    self.reads = reads ?? PostgresReader(primary: pool)
  }

  /// Runs a declared statement for a tenant and decodes its rows. Throws `PostgresError` or `CancellationError`.
  @discardableResult
  public func query<Input, Row>(
    _ statement: Statement<Input, Row>, _ input: Input, of scope: TenantScope
  ) async throws -> [Row] {
    try statement.rows(try await pool.run(statement.tenantCall(input), of: scope))
  }

  /// Runs a declared statement without a result for a tenant. Returns how many rows it has changed. Throws as `query`
  /// does.
  @discardableResult
  public func execute<Input>(
    _ statement: Statement<Input, Void>, _ input: Input, of scope: TenantScope
  ) async throws -> Int {
    try await pool.run(statement.tenantCall(input), of: scope).affected
  }

  /// Runs a statement for a tenant. Throws as `query` does.
  @discardableResult
  public func query(
    _ sql: String, _ parameters: [any PostgresEncodable] = [], of scope: TenantScope
  ) async throws -> PostgresRows {
    try await pool.run(PostgresStatement(sql, parameters, role: .tenant), of: scope)
  }

  /// Runs statements for a tenant, made by `Statement.tenantCall`, as one transaction in one round trip. What stands in
  /// `preparation` comes first and runs as the service; its results are not returned. Throws as `query` does.
  public func batch(
    _ statements: [PostgresStatement], after preparation: [PostgresStatement] = [], of scope: TenantScope
  ) async throws -> [PostgresRows] {
    let results = try await pool.batch(preparation + [TenantScope.enter.call(scope)] + statements)
    guard results.count == preparation.count + 1 + statements.count else {
      throw PostgresError(.decoding, detail: "no result")
    }
    return Array(results.dropFirst(preparation.count + 1))
  }

  /// Runs a declared statement that only reads, and may read what is a little old. Throws as `query` does.
  public func list<Input, Row>(
    _ statement: Statement<Input, Row>, _ input: Input, of scope: TenantScope
  ) async throws -> [Row] {
    try await reads.read {
      try statement.rows(try await $0.run(statement.tenantCall(input), of: scope, by: TenantScope.enterList))
    }
  }

  /// Reads rows whose ids are found by an index that cannot be used under a policy: Postgres applies the conditions of
  /// a query before the policy only where their functions are known to keep secrets (`LEAKPROOF`), and neither
  /// functions of our own nor full-text search are. So the selection `ids` runs as the service, with the condition on
  /// the tenant that it must have; `sql` reads the rows of `TenantScope.found` as the tenant, in the same unit. Both
  /// have the same parameters. What is read may be a little old. Throws as `query` does.
  public func list(
    finding ids: String, _ sql: String, _ parameters: [any PostgresEncodable], of scope: TenantScope
  ) async throws -> PostgresRows {
    let find = PostgresStatement(TenantScope.find(ids), parameters)
    let read = PostgresStatement(sql, parameters, role: .tenant)
    return try await reads.read { try await $0.run(read, of: scope, by: TenantScope.enterList, after: [find]) }
  }
}

extension PostgresPool {
  /// Runs a statement for a tenant, in one unit with what enters its scope: one round trip. What comes before it in
  /// the unit runs as the service.
  fileprivate func run(
    _ statement: PostgresStatement, of scope: TenantScope, by entry: Statement<TenantScope, Void> = TenantScope.enter,
    after preparation: [PostgresStatement] = []
  ) async throws -> PostgresRows {
    let results = try await batch(preparation + [entry.call(scope), statement])
    guard let last = results.last, results.count == preparation.count + 2 else {
      throw PostgresError(.decoding, detail: "no result")
    }
    return last
  }
}
