internal import Contracts
package import Postgres
package import Redis
internal import RouterSchema
internal import Spending
package import Telemetry
package import Tenancy

/// All that the router has of a tenant.
package struct RouterTenants: Sendable {
  let deletion: TenantDeletion

  /// What stands behind a pool and in Redis.
  package init(pool: PostgresPool, redis: RedisPool, logger: Logger) {
    let keys = RedisTenantKeys(redis: redis)
    deletion = TenantDeletion(
      data: TenantData(pool: pool, schema: RouterSchema.name, tables: RouterTenants.tables),
      states: TenantStates(pool: pool),
      extras: TenantExtras(
        delete: { try await keys.delete(TenantID($0)) },
        counts: { [("redis_keys", try await keys.count(TenantID($0)))] }), logger: logger)
  }

  /// Deletes what is to be deleted, until cancelled.
  package func run() async { await deletion.run() }

  /// Every table with rows of tenants, in the order in which they are deleted. A test compares them with the schema.
  package static let tables: [TenantTable] = [
    TenantTable("budget", keys: [.init("t.id", "uuid")]),
    TenantTable("rate_limit", keys: [.init("t.id", "uuid")]),
    TenantTable("revoked_key", keys: [.init("t.id", "uuid")]),
    TenantTable("call", keys: [.init("t.started_at", "timestamptz"), .init("t.id", "uuid")]),
    // Sums of calls that are not added yet.
    TenantTable("usage_pending", keys: []),
    TenantTable("usage_hour", keys: [.init("t.hour", "timestamptz"), .init("t.names", "uuid")]),
    TenantTable(
      "usage_sum",
      keys: [
        .init("t.dimension", "int2"), .init("t.grain", "int2"), .init("t.bucket", "timestamptz"),
        .init("coalesce(t.value, '')", "text"),
      ]),
    // A copy of what the gateway has.
    TenantTable("tenant_policy", keys: []),
    // Row types; no rows stand in them.
    TenantTable("call_entry", keys: []), TenantTable("call_entry_2", keys: []),
  ]
}
