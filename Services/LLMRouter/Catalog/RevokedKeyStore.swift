package import Contracts
package import Postgres
package import Primitives

/// The table of virtual keys that were revoked before they expired.
package struct RevokedKeyStore: Sendable {
  private let pool: PostgresPool

  /// The table behind a pool.
  package init(pool: PostgresPool) { self.pool = pool }

  /// Revokes a key of a tenant.
  package func revoke(_ tenant: TenantID, _ key: UUID, until expiry: Timestamp) async throws {
    _ = try await pool.query(
      "insert into revoked_key (id, tenant_id, expires_at) values ($1, $2, $3) on conflict do nothing",
      [key, tenant.uuid, expiry])
  }

  /// Keys that were revoked since a time; nil: all.
  package func revoked(
    since time: Timestamp?
  ) async throws -> [RevokedKeyRow] {
    _ = try await pool.query("delete from revoked_key where expires_at < now() - interval '1 minute'")
    let rows = try await pool.query(
      """
      select tenant_id, id, expires_at, revoked_at from revoked_key
      where $1::timestamptz is null or revoked_at >= $1::timestamptz - interval '1 minute'
      """, [time])
    return try rows.map {
      RevokedKeyRow(
        key: RevokedKey(tenant: try $0.decode(0, as: UUID.self), id: try $0.decode(1, as: UUID.self)),
        expiresAt: try $0.decode(2, as: Timestamp.self), revokedAt: try $0.decode(3, as: Timestamp.self))
    }
  }
}
