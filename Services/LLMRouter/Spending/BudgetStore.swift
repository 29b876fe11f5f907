package import Budgets
package import Contracts
package import Postgres
internal import Primitives

/// The table of budgets.
package struct BudgetStore: Sendable {
  /// Budgets of a tenant.
  static let rowsMax = 1000

  /// For what is done for all tenants.
  private let pool: PostgresPool
  private let database: TenantDatabase

  /// The table behind a pool.
  package init(pool: PostgresPool) {
    self.pool = pool
    database = TenantDatabase(pool: pool)
  }

  /// All budgets of all tenants.
  package func all() async throws -> [Budget] { try await pool.query(Statements.all, ()).map(\.budget) }

  /// The budgets of a tenant, each with its version.
  package func list(_ tenant: TenantID) async throws -> [(budget: Budget, version: Int)] {
    try await database.query(Statements.list, tenant.uuid, of: TenantScope(tenant.uuid))
  }

  /// One budget of a tenant.
  package func find(_ tenant: TenantID, _ id: BudgetID) async throws -> (budget: Budget, version: Int)? {
    try await database.query(Statements.find, (tenant.uuid, id.uuid), of: TenantScope(tenant.uuid)).first
  }

  /// Adds one, unless the tenant has too many or one for the same scope, subject and period.
  package func add(_ budget: Budget, tenant: TenantID, id: BudgetID) async throws -> Addition {
    try await Addition {
      try await database.execute(Statements.add, (tenant.uuid, id.uuid, budget), of: TenantScope(tenant.uuid))
    }
  }

  /// Changes limits. Returns the new version, nil when it is not there or has another version than expected.
  package func change(_ budget: Budget, tenant: TenantID, id: BudgetID, expected: Int?) async throws -> Int? {
    try await database.query(
      Statements.change, (tenant.uuid, id.uuid, budget, expected.map { Int32($0) }), of: TenantScope(tenant.uuid)
    ).first
  }

  /// Removes one. Returns false when it is not there.
  package func remove(_ tenant: TenantID, _ id: BudgetID) async throws -> Bool {
    try await database.execute(Statements.remove, (tenant.uuid, id.uuid), of: TenantScope(tenant.uuid)) > 0
  }

  enum Statements {
    private static let budget = ResultColumns<(budget: Budget, version: Int)> { column in
      let id = column("id", .uuid)
      let tenant = column("tenant_id", .uuid)
      let scope = column("scope", .text)
      let subject = column("subject", .text)
      let period = column("period", .text)
      let tokens = column(nullable: "tokens", .int8)
      let nanoUSD = column(nullable: "nano_usd", .int8)
      let alertPercent = column("alert_percent", .int4)
      let version = column("version", .int4)
      return { row in
        (
          Budget(
            id: BudgetID(try row[id]).description, tenant: TenantID(try row[tenant]).description,
            scope: BudgetScope(rawValue: try row[scope]) ?? .tenant, subject: try row[subject],
            period: BudgetPeriod(rawValue: try row[period]) ?? .total, tokens: try row[tokens],
            nanoUSD: try row[nanoUSD], alertPercent: Int64(try row[alertPercent])), Int(try row[version])
        )
      }
    }

    static let all = Statement<Void, (budget: Budget, version: Int)>(budget) { _ in "select \(budget) from budget" }

    static let list = Statement<UUID, (budget: Budget, version: Int)>(budget) { parameter in
      let tenant = parameter("tenant", .uuid) { $0 }
      return """
        select \(budget) from budget where tenant_id = \(tenant) order by scope, subject, period limit \(rowsMax)
        """
    }

    static let find = Statement<(tenant: UUID, id: UUID), (budget: Budget, version: Int)>(budget) { parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let id = parameter("id", .uuid) { $0.id }
      return "select \(budget) from budget where tenant_id = \(tenant) and id = \(id)"
    }

    static let add = Statement<(tenant: UUID, id: UUID, budget: Budget), Void> { parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let id = parameter("id", .uuid) { $0.id }
      let scope = parameter("scope", .text) { $0.budget.scope.rawValue }
      let subject = parameter("subject", .text) { $0.budget.subject }
      let period = parameter("period", .text) { $0.budget.period.rawValue }
      let tokens = parameter("tokens", .int8) { $0.budget.tokens }
      let nanoUSD = parameter("nano_usd", .int8) { $0.budget.nanoUSD }
      let alertPercent = parameter("alert_percent", .int4) { Int32(clamping: $0.budget.alertPercent) }
      return """
        insert into budget (id, tenant_id, scope, subject, period, tokens, nano_usd, alert_percent)
        select \(id), \(tenant), \(scope), \(subject), \(period), \(tokens), \(nanoUSD), \(alertPercent)
        where (select count(*) from budget where tenant_id = \(tenant)) < \(rowsMax)
        """
    }

    private static let version = ResultColumns<Int> { column in
      let version = column("version", .int4)
      return { row in Int(try row[version]) }
    }

    static let change = Statement<(tenant: UUID, id: UUID, budget: Budget, expected: Int32?), Int>(version) {
      parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let id = parameter("id", .uuid) { $0.id }
      let tokens = parameter("tokens", .int8) { $0.budget.tokens }
      let nanoUSD = parameter("nano_usd", .int8) { $0.budget.nanoUSD }
      let alertPercent = parameter("alert_percent", .int4) { Int32(clamping: $0.budget.alertPercent) }
      let expected = parameter("expected", .int4) { $0.expected }
      return """
        update budget set tokens = \(tokens), nano_usd = \(nanoUSD), alert_percent = \(alertPercent),
          version = version + 1, updated_at = clock_timestamp()
        where tenant_id = \(tenant) and id = \(id) and (\(expected) is null or version = \(expected))
        returning \(version)
        """
    }

    static let remove = Statement<(tenant: UUID, id: UUID), Void> { parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let id = parameter("id", .uuid) { $0.id }
      return "delete from budget where tenant_id = \(tenant) and id = \(id)"
    }

    /// What is wrong with the declarations; a test expects nothing.
    static var faults: [String] {
      all.faults + list.faults + find.faults + add.faults + change.faults + remove.faults
    }
  }
}
