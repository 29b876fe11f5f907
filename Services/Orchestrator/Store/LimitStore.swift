internal import Contracts
internal import Postgres
internal import Primitives

/// A limit with what is held of it now.
struct LimitRow: Sendable {
  let key: String
  let slots: Int
  let held: Int64
}

/// The table of limits on steps that are leased at the same time.
struct LimitStore: Sendable {
  let pool: PostgresPool

  func limits(_ tenant: TenantID) async throws -> [LimitRow] {
    try await pool.query(
      """
      select c.key, c.slots, (
        select count(*) from lease h where h.tenant_id = c.tenant_id
          and (c.key = 'tenant' or c.key = any(string_to_array(h.lane, E'\\x1f'))))
      from concurrency_limit c where c.tenant_id = $1 order by c.key limit 1000
      """, [tenant.uuid]
    ).map { row in
      LimitRow(
        key: try row.decode(0, as: String.self), slots: Int(try row.decode(1, as: Int32.self)),
        held: try row.decode(2, as: Int64.self))
    }
  }

  /// Sets a limit. Returns false when the tenant has a thousand others.
  func set(_ tenant: TenantID, _ key: String, slots: Int) async throws -> Bool {
    try await pool.query(
      """
      insert into concurrency_limit (tenant_id, key, slots)
      select $1, $2, $3 where (select count(*) from concurrency_limit where tenant_id = $1 and key <> $2) < 1000
      on conflict (tenant_id, key) do update set slots = excluded.slots, updated_at = now() returning 1
      """, [tenant.uuid, key, Int32(slots)]
    ).first != nil
  }

  func remove(_ tenant: TenantID, _ key: String) async throws -> Bool {
    try await pool.query(
      "delete from concurrency_limit where tenant_id = $1 and key = $2 returning 1", [tenant.uuid, key]
    ).first != nil
  }
}
