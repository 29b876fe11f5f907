internal import Contracts
internal import Postgres
internal import Primitives

/// The table of virtual keys that were revoked before they expired.
struct RevokedKeyStore: Sendable {
  let pool: PostgresPool

  func revoke(_ tenant: TenantID, _ key: UUID, until expiry: Timestamp) async throws {
    _ = try await pool.query(
      "insert into revoked_key (id, tenant_id, expires_at) values ($1, $2, $3) on conflict do nothing",
      [key, tenant.uuid, expiry])
  }

  /// Keys that were taken back since a time; nil: all.
  func revoked(
    since time: Timestamp?
  ) async throws -> [(key: RevokedKey, expiresAt: Timestamp, revokedAt: Timestamp)] {
    _ = try await pool.query("delete from revoked_key where expires_at < now() - interval '1 minute'")
    let rows = try await pool.query(
      """
      select tenant_id, id, expires_at, revoked_at from revoked_key
      where $1::timestamptz is null or revoked_at >= $1::timestamptz - interval '1 minute'
      """, [time])
    return try rows.map {
      (
        RevokedKey(tenant: try $0.decode(0, as: UUID.self), id: try $0.decode(1, as: UUID.self)),
        try $0.decode(2, as: Timestamp.self), try $0.decode(3, as: Timestamp.self)
      )
    }
  }
}
