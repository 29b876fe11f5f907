package import Budgets
package import Contracts
package import Postgres
internal import Primitives

/// The table of budgets.
package struct BudgetStore: Sendable {
  /// Budgets of a tenant.
  static let rowsMax = 1000
  private static let columns = "id, tenant_id, scope, subject, period, tokens, nano_usd, alert_percent, version"

  private let pool: PostgresPool

  /// The table behind a pool.
  package init(pool: PostgresPool) { self.pool = pool }

  package func all() async throws -> [Budget] {
    try await pool.query("select \(BudgetStore.columns) from budget").map { try row($0).budget }
  }

  package func list(_ tenant: TenantID) async throws -> [(budget: Budget, version: Int)] {
    try await pool.query(
      """
      select \(BudgetStore.columns) from budget where tenant_id = $1 order by scope, subject, period
      limit \(BudgetStore.rowsMax)
      """, [tenant.uuid]
    ).map(row)
  }

  package func find(_ tenant: TenantID, _ id: BudgetID) async throws -> (budget: Budget, version: Int)? {
    try await pool.query(
      "select \(BudgetStore.columns) from budget where tenant_id = $1 and id = $2", [tenant.uuid, id.uuid]
    ).first.map(row)
  }

  /// Adds one. Returns nil when the tenant has too many; throws a unique violation for one that is there.
  package func add(_ budget: Budget, tenant: TenantID, id: BudgetID) async throws -> Bool {
    try await pool.query(
      """
      insert into budget (id, tenant_id, scope, subject, period, tokens, nano_usd, alert_percent)
      select $1, $2, $3, $4, $5, $6, $7, $8
      where (select count(*) from budget where tenant_id = $2) < \(BudgetStore.rowsMax) returning 1
      """,
      [
        id.uuid, tenant.uuid, budget.scope.rawValue, budget.subject, budget.period.rawValue, budget.tokens,
        budget.nanoUSD, Int32(budget.alertPercent),
      ]
    ).first != nil
  }

  /// Changes limits. Returns nil when it is not there or has another version.
  package func change(_ budget: Budget, tenant: TenantID, id: BudgetID, expected: Int?) async throws -> Int? {
    try await pool.query(
      """
      update budget set tokens = $3, nano_usd = $4, alert_percent = $5, version = version + 1,
        updated_at = clock_timestamp()
      where tenant_id = $1 and id = $2 and ($6::int is null or version = $6) returning version
      """,
      [
        tenant.uuid, id.uuid, budget.tokens, budget.nanoUSD, Int32(budget.alertPercent), expected.map { Int32($0) },
      ]
    ).first.map { Int(try $0.decode(0, as: Int32.self)) }
  }

  package func remove(_ tenant: TenantID, _ id: BudgetID) async throws -> Bool {
    try await pool.query(
      "delete from budget where tenant_id = $1 and id = $2 returning 1", [tenant.uuid, id.uuid]
    ).first != nil
  }

  private func row(_ row: PostgresRow) throws -> (budget: Budget, version: Int) {
    (
      Budget(
        id: BudgetID(try row.decode(0, as: UUID.self)).description,
        tenant: TenantID(try row.decode(1, as: UUID.self)).description,
        scope: BudgetScope(rawValue: try row.decode(2, as: String.self)) ?? .tenant,
        subject: try row.decode(3, as: String.self),
        period: BudgetPeriod(rawValue: try row.decode(4, as: String.self)) ?? .total,
        tokens: try row.decode(5, as: Int64?.self), nanoUSD: try row.decode(6, as: Int64?.self),
        alertPercent: Int64(try row.decode(7, as: Int32.self))), Int(try row.decode(8, as: Int32.self))
    )
  }
}
