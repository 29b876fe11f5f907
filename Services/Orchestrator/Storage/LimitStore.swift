package import Contracts
package import Postgres
internal import Primitives

/// A limit with how many of its slots are in use now.
package struct LimitRow: Sendable {
  package let key: String
  package let slots: Int
  package let inUse: Int64

  static let columns = ResultColumns<LimitRow> { column in
    let key = column("c.key", .text)
    let slots = column("c.slots", .int4)
    let inUse = column("coalesce(((select by_key from in_use) ->> c.key)::int8, 0)", .int8)
    return { row in LimitRow(key: try row[key], slots: Int(try row[slots]), inUse: try row[inUse]) }
  }
}

/// The table of limits on steps that are leased at the same time.
package struct LimitStore: Sendable {
  /// For what is done for all tenants.
  private let pool: PostgresPool
  private let database: TenantDatabase

  /// The limits of a database.
  package init(pool: PostgresPool) {
    self.pool = pool
    database = TenantDatabase(pool: pool)
  }

  package func limits(_ tenant: TenantID) async throws -> [LimitRow] {
    try await database.query(LimitStore.list, tenant, of: TenantScope(tenant.uuid))
  }

  static let list = Statement<TenantID, LimitRow>(LimitRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.uuid }
    return """
      with in_use as materialized (
        select jsonb_object_agg(h.key, h.n) as by_key from (
          select k.key, count(*) as n from lease l
          cross join lateral unnest(array['tenant'] || string_to_array(nullif(l.lane, ''), E'\\x1f')) as k(key)
          where l.tenant_id = \(tenant) group by 1) h
      )
      select \(LimitRow.columns) from concurrency_limit c where c.tenant_id = \(tenant) order by c.key limit 1000
      """
  }

  /// Sets a limit. Returns false when the tenant has a thousand others.
  package func set(_ tenant: TenantID, _ key: String, slots: Int) async throws -> Bool {
    try await database.execute(LimitStore.insert, (tenant, key, slots), of: TenantScope(tenant.uuid)) > 0
  }

  static let insert = Statement<(tenant: TenantID, key: String, slots: Int), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let key = parameter("key", .text) { $0.key }
    let slots = parameter("slots", .int4) { Int32(clamping: $0.slots) }
    return """
      insert into concurrency_limit (tenant_id, key, slots)
      select \(tenant), \(key), \(slots)
      where (select count(*) from concurrency_limit where tenant_id = \(tenant) and key <> \(key)) < 1000
      on conflict (tenant_id, key) do update set slots = excluded.slots, updated_at = now()
      """
  }

  package func remove(_ tenant: TenantID, _ key: String) async throws -> Bool {
    try await database.execute(LimitStore.delete, (tenant, key), of: TenantScope(tenant.uuid)) > 0
  }

  static let delete = Statement<(tenant: TenantID, key: String), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let key = parameter("key", .text) { $0.key }
    return "delete from concurrency_limit where tenant_id = \(tenant) and key = \(key)"
  }

  // MARK: Weights

  /// Tenants whose weight is not 1, by their ids.
  package func weights(after tenant: TenantID?, limit: Int) async throws -> [(tenant: TenantID, weight: Double)] {
    try await pool.query(LimitStore.listWeights, (tenant, limit))
  }

  private static let weight = ResultColumns<(tenant: TenantID, weight: Double)> { column in
    let tenant = column("tenant_id", .uuid)
    let weight = column("weight", .float8)
    return { row in (TenantID(try row[tenant]), try row[weight]) }
  }

  static let listWeights = Statement<(after: TenantID?, limit: Int), (tenant: TenantID, weight: Double)>(weight) {
    parameter in
    let after = parameter("after", .uuid) { $0.after?.uuid }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(weight) from tenant_weight where \(after) is null or tenant_id > \(after) order by tenant_id limit \(limit)
      """
  }

  package func set(_ tenant: TenantID, weight: Double) async throws {
    try await pool.execute(LimitStore.insertWeight, (tenant, weight))
  }

  static let insertWeight = Statement<(tenant: TenantID, weight: Double), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let weight = parameter("weight", .float8) { $0.weight }
    return """
      insert into tenant_weight (tenant_id, weight) values (\(tenant), \(weight))
      on conflict (tenant_id) do update set weight = excluded.weight
      """
  }

  package func removeWeight(_ tenant: TenantID) async throws -> Bool {
    try await pool.execute(LimitStore.deleteWeight, tenant) > 0
  }

  static let deleteWeight = Statement<TenantID, Void> { parameter in
    "delete from tenant_weight where tenant_id = \(parameter("tenant", .uuid) { $0.uuid })"
  }
}
