package import Contracts
package import Postgres
internal import Primitives

/// A limit with what is held of it now.
package struct LimitRow: Sendable {
  package let key: String
  package let slots: Int
  package let held: Int64
}

/// The table of limits on steps that are leased at the same time.
package struct LimitStore: Sendable {
  let pool: PostgresPool

  package func limits(_ tenant: TenantID) async throws -> [LimitRow] {
    try await pool.query(
      """
      with held as materialized (
        select jsonb_object_agg(h.key, h.n) as by_key from (
          select k.key, count(*) as n from lease l
          cross join lateral unnest(array['tenant'] || string_to_array(nullif(l.lane, ''), E'\\x1f')) as k(key)
          where l.tenant_id = $1 group by 1) h
      )
      select c.key, c.slots, coalesce(((select by_key from held) ->> c.key)::int8, 0)
      from concurrency_limit c where c.tenant_id = $1 order by c.key limit 1000
      """, [tenant.uuid]
    ).map { row in
      LimitRow(
        key: try row.decode(0, as: String.self), slots: Int(try row.decode(1, as: Int32.self)),
        held: try row.decode(2, as: Int64.self))
    }
  }

  /// Sets a limit. Returns false when the tenant has a thousand others.
  package func set(_ tenant: TenantID, _ key: String, slots: Int) async throws -> Bool {
    try await pool.query(
      """
      insert into concurrency_limit (tenant_id, key, slots)
      select $1, $2, $3 where (select count(*) from concurrency_limit where tenant_id = $1 and key <> $2) < 1000
      on conflict (tenant_id, key) do update set slots = excluded.slots, updated_at = now() returning 1
      """, [tenant.uuid, key, Int32(clamping: slots)]
    ).first != nil
  }

  package func remove(_ tenant: TenantID, _ key: String) async throws -> Bool {
    try await pool.query(
      "delete from concurrency_limit where tenant_id = $1 and key = $2 returning 1", [tenant.uuid, key]
    ).first != nil
  }

  // MARK: Weights

  /// Tenants whose part is not 1, by their ids.
  package func weights(after tenant: TenantID?, limit: Int) async throws -> [(tenant: TenantID, weight: Double)] {
    try await pool.query(
      """
      select tenant_id, weight from tenant_weight where $1::uuid is null or tenant_id > $1 order by tenant_id limit $2
      """, [tenant?.uuid, Int64(limit)]
    ).map { (TenantID(try $0.decode(0, as: UUID.self)), try $0.decode(1, as: Double.self)) }
  }

  package func set(_ tenant: TenantID, weight: Double) async throws {
    _ = try await pool.query(
      """
      insert into tenant_weight (tenant_id, weight) values ($1, $2)
      on conflict (tenant_id) do update set weight = excluded.weight
      """, [tenant.uuid, weight])
  }

  package func removeWeight(_ tenant: TenantID) async throws -> Bool {
    try await pool.query("delete from tenant_weight where tenant_id = $1 returning 1", [tenant.uuid]).first != nil
  }

  /// Every member.
  package init(pool: PostgresPool) {
    self.pool = pool
  }
}
