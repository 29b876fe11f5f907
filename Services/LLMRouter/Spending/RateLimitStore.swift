package import Budgets
package import Contracts
package import Postgres
internal import Primitives

/// The table of rate limits. Those of models belong to no tenant.
package struct RateLimitStore: Sendable {
  /// Limits of a tenant, and of all models.
  static let rowsMax = 1000

  /// For all tenants, and for operators, who see the limits of models too.
  private let pool: PostgresPool
  private let database: TenantDatabase

  /// The table behind a pool.
  package init(pool: PostgresPool) {
    self.pool = pool
    database = TenantDatabase(pool: pool)
  }

  /// All limits of all tenants and models.
  package func all() async throws -> [RateLimit] { try await pool.query(Statements.all, ()).map(\.limit) }

  /// The limits of a tenant, and those of models for operators.
  package func list(_ tenant: TenantID, models: Bool) async throws -> [(limit: RateLimit, version: Int)] {
    guard !models else { return try await pool.query(Statements.list, (tenant.uuid, models)) }
    return try await database.query(Statements.list, (tenant.uuid, models), of: TenantScope(tenant.uuid))
  }

  /// One limit of a tenant, or of a model for operators.
  package func find(
    _ tenant: TenantID, models: Bool, _ id: RateLimitID
  ) async throws -> (limit: RateLimit, version: Int)? {
    guard !models else { return try await pool.query(Statements.find, (tenant.uuid, models, id.uuid)).first }
    return try await database.query(Statements.find, (tenant.uuid, models, id.uuid), of: TenantScope(tenant.uuid)).first
  }

  /// Adds one, for all tenants when `tenant` is nil, unless there are too many or one for the same scope and subject.
  package func add(_ limit: RateLimit, tenant: TenantID?, id: RateLimitID) async throws -> Addition {
    try await Addition {
      guard let tenant else { return try await pool.execute(Statements.add, (nil, id.uuid, limit)) }
      return try await database.execute(Statements.add, (tenant.uuid, id.uuid, limit), of: TenantScope(tenant.uuid))
    }
  }

  /// Removes one. Returns false when it is not there.
  package func remove(_ tenant: TenantID, models: Bool, _ id: RateLimitID) async throws -> Bool {
    guard !models else { return try await pool.execute(Statements.remove, (tenant.uuid, models, id.uuid)) > 0 }
    return try await database.execute(
      Statements.remove, (tenant.uuid, models, id.uuid), of: TenantScope(tenant.uuid)) > 0
  }

  enum Statements {
    private static let limit = ResultColumns<(limit: RateLimit, version: Int)> { column in
      let id = column("id", .uuid)
      let tenant = column(nullable: "tenant_id", .uuid)
      let scope = column("scope", .text)
      let subject = column("subject", .text)
      let requests = column(nullable: "requests_per_minute", .int8)
      let tokens = column(nullable: "tokens_per_minute", .int8)
      let concurrency = column(nullable: "concurrency", .int8)
      let version = column("version", .int4)
      return { row in
        (
          RateLimit(
            id: RateLimitID(try row[id]).description,
            tenant: try row[tenant].map { TenantID($0).description } ?? "",
            scope: RateScope(rawValue: try row[scope]) ?? .tenant, subject: try row[subject],
            requests: try row[requests], tokens: try row[tokens], concurrency: try row[concurrency]),
          Int(try row[version])
        )
      }
    }

    static let all = Statement<Void, (limit: RateLimit, version: Int)>(limit) { _ in "select \(limit) from rate_limit" }

    static let list = Statement<(tenant: UUID, models: Bool), (limit: RateLimit, version: Int)>(limit) { parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let models = parameter("models", .bool) { $0.models }
      return """
        select \(limit) from rate_limit where tenant_id = \(tenant) or (\(models) and tenant_id is null)
        order by scope, subject limit \(2 * rowsMax)
        """
    }

    static let find = Statement<(tenant: UUID, models: Bool, id: UUID), (limit: RateLimit, version: Int)>(limit) {
      parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let models = parameter("models", .bool) { $0.models }
      let id = parameter("id", .uuid) { $0.id }
      return """
        select \(limit) from rate_limit
        where id = \(id) and (tenant_id = \(tenant) or (\(models) and tenant_id is null))
        """
    }

    static let add = Statement<(tenant: UUID?, id: UUID, limit: RateLimit), Void> { parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let id = parameter("id", .uuid) { $0.id }
      let scope = parameter("scope", .text) { $0.limit.scope.rawValue }
      let subject = parameter("subject", .text) { $0.limit.subject }
      let requests = parameter("requests", .int8) { $0.limit.requests }
      let tokens = parameter("tokens", .int8) { $0.limit.tokens }
      let concurrency = parameter("concurrency", .int8) { $0.limit.concurrency }
      return """
        insert into rate_limit (id, tenant_id, scope, subject, requests_per_minute, tokens_per_minute, concurrency)
        select \(id), \(tenant), \(scope), \(subject), \(requests), \(tokens), \(concurrency)
        where (select count(*) from rate_limit where tenant_id is not distinct from \(tenant)) < \(rowsMax)
        """
    }

    static let remove = Statement<(tenant: UUID, models: Bool, id: UUID), Void> { parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let models = parameter("models", .bool) { $0.models }
      let id = parameter("id", .uuid) { $0.id }
      return """
        delete from rate_limit where id = \(id) and (tenant_id = \(tenant) or (\(models) and tenant_id is null))
        """
    }

    /// What is wrong with the declarations; a test expects nothing.
    static var faults: [String] { all.faults + list.faults + find.faults + add.faults + remove.faults }
  }
}
