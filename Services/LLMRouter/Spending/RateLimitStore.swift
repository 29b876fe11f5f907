package import Budgets
package import Contracts
package import Postgres
internal import Primitives

/// The table of rate limits. Those of models belong to no tenant.
package struct RateLimitStore: Sendable {
  /// Limits of a tenant, and of all models.
  static let rowsMax = 1000
  private static let columns =
    "id, tenant_id, scope, subject, requests_per_minute, tokens_per_minute, concurrency, version"

  private let pool: PostgresPool

  /// The table behind a pool.
  package init(pool: PostgresPool) { self.pool = pool }

  package func all() async throws -> [RateLimit] {
    try await pool.query("select \(RateLimitStore.columns) from rate_limit").map { try row($0).limit }
  }

  /// The limits of a tenant, and those of models for operators.
  package func list(_ tenant: TenantID, models: Bool) async throws -> [(limit: RateLimit, version: Int)] {
    try await pool.query(
      """
      select \(RateLimitStore.columns) from rate_limit where tenant_id = $1 or ($2 and tenant_id is null)
      order by scope, subject limit \(2 * RateLimitStore.rowsMax)
      """, [tenant.uuid, models]
    ).map(row)
  }

  package func find(_ tenant: TenantID, models: Bool, _ id: RateLimitID) async throws -> (limit: RateLimit, version: Int)? {
    try await pool.query(
      """
      select \(RateLimitStore.columns) from rate_limit
      where id = $3 and (tenant_id = $1 or ($2 and tenant_id is null))
      """, [tenant.uuid, models, id.uuid]
    ).first.map(row)
  }

  /// Adds one, for all tenants when `tenant` is nil. Returns false when there are too many; throws a unique violation
  /// for one that is there.
  package func add(_ limit: RateLimit, tenant: TenantID?, id: RateLimitID) async throws -> Bool {
    try await pool.query(
      """
      insert into rate_limit (id, tenant_id, scope, subject, requests_per_minute, tokens_per_minute, concurrency)
      select $1, $2, $3, $4, $5, $6, $7
      where (select count(*) from rate_limit where tenant_id is not distinct from $2) < \(RateLimitStore.rowsMax)
      returning 1
      """,
      [
        id.uuid, tenant?.uuid, limit.scope.rawValue, limit.subject, limit.requests, limit.tokens, limit.concurrency,
      ]
    ).first != nil
  }

  package func remove(_ tenant: TenantID, models: Bool, _ id: RateLimitID) async throws -> Bool {
    try await pool.query(
      "delete from rate_limit where id = $3 and (tenant_id = $1 or ($2 and tenant_id is null)) returning 1",
      [tenant.uuid, models, id.uuid]
    ).first != nil
  }

  private func row(_ row: PostgresRow) throws -> (limit: RateLimit, version: Int) {
    (
      RateLimit(
        id: RateLimitID(try row.decode(0, as: UUID.self)).description,
        tenant: try row.decode(1, as: UUID?.self).map { TenantID($0).description } ?? "",
        scope: RateScope(rawValue: try row.decode(2, as: String.self)) ?? .tenant,
        subject: try row.decode(3, as: String.self), requests: try row.decode(4, as: Int64?.self),
        tokens: try row.decode(5, as: Int64?.self), concurrency: try row.decode(6, as: Int64?.self)),
      Int(try row.decode(7, as: Int32.self))
    )
  }
}
