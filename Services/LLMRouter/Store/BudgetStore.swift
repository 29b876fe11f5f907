internal import Budgets
internal import Contracts
internal import Postgres
internal import Primitives

/// Budgets, what was spent of them, and keys that were taken back.
struct BudgetStore: Sendable {
  /// Budgets of a tenant.
  static let rowsMax = 1000
  private static let columns = "id, tenant_id, scope, subject, period, tokens, nano_usd, alert_percent, version"

  let pool: PostgresPool

  func all() async throws -> [Budget] {
    try await pool.query("select \(BudgetStore.columns) from budget").map { try row($0).budget }
  }

  func list(_ tenant: TenantID) async throws -> [(budget: Budget, version: Int)] {
    try await pool.query(
      """
      select \(BudgetStore.columns) from budget where tenant_id = $1 order by scope, subject, period
      limit \(BudgetStore.rowsMax)
      """, [tenant.uuid]
    ).map(row)
  }

  func find(_ tenant: TenantID, _ id: BudgetID) async throws -> (budget: Budget, version: Int)? {
    try await pool.query(
      "select \(BudgetStore.columns) from budget where tenant_id = $1 and id = $2", [tenant.uuid, id.uuid]
    ).first.map(row)
  }

  /// Adds one. Returns nil when the tenant has too many; throws a unique violation for one that is there.
  func add(_ budget: Budget, tenant: TenantID, id: BudgetID) async throws -> Bool {
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
  func change(_ budget: Budget, tenant: TenantID, id: BudgetID, expected: Int?) async throws -> Int? {
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

  func remove(_ tenant: TenantID, _ id: BudgetID) async throws -> Bool {
    try await pool.query(
      "delete from budget where tenant_id = $1 and id = $2 returning 1", [tenant.uuid, id.uuid]
    ).first != nil
  }

  /// What the ledger says that a counter has spent, without some calls.
  func spent(_ counter: BudgetCounter, without calls: [UUID]) async throws -> Int64 {
    guard let tenant = TenantID(counter.budget.tenant) else { return 0 }
    let column = counter.unit == .tokens ? "charged_tokens" : "charged_nano_usd"
    let filter: String? =
      switch counter.budget.scope {
      case .tenant: nil
      case .project: "project"
      case .group: "\"group\""
      case .run: "run"
      case .agent: "agent"
      case .tool: "tool"
      case .key: "key"
      }
    let rows = try await pool.query(
      """
      select coalesce(sum(\(column)), 0)::int8 from call
      where tenant_id = $1 and started_at >= to_timestamp($2::int8) and started_at < to_timestamp($3::int8)
        \(filter.map { "and \($0) = $4" } ?? "and $4::text is not null") and id <> all($5)
      """,
      [tenant.uuid, counter.start, counter.end ?? 32_503_680_000, counter.subject, calls])
    return try rows.first?.decode(0, as: Int64.self) ?? 0
  }

  // MARK: Keys

  func revoke(_ tenant: TenantID, _ key: UUID, until expiry: Timestamp) async throws {
    _ = try await pool.query(
      """
      insert into revoked_key (id, tenant_id, expires_at) select $1, $2, $3
      where (select count(*) from revoked_key where tenant_id = $2) < 10000 on conflict do nothing
      """,
      [key, tenant.uuid, expiry])
  }

  func revoked() async throws -> Set<RevokedKey> {
    _ = try await pool.query("delete from revoked_key where expires_at < now() - interval '1 minute'")
    let rows = try await pool.query("select tenant_id, id from revoked_key")
    return Set(
      try rows.map { RevokedKey(tenant: try $0.decode(0, as: UUID.self), id: try $0.decode(1, as: UUID.self)) })
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
