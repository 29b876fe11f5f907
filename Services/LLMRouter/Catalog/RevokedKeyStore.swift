package import Contracts
package import Postgres
package import Primitives

/// The table of virtual keys that were revoked before they expired.
package struct RevokedKeyStore: Sendable {
  /// For what is done for all tenants.
  private let pool: PostgresPool
  private let database: TenantDatabase

  /// The table behind a pool.
  package init(pool: PostgresPool) {
    self.pool = pool
    database = TenantDatabase(pool: pool)
  }

  /// Revokes a key of a tenant.
  package func revoke(_ tenant: TenantID, _ key: UUID, until expiry: Timestamp) async throws {
    try await database.execute(Statements.revoke, (tenant.uuid, key, expiry), of: TenantScope(tenant.uuid))
  }

  /// Keys that were revoked since a time; nil: all.
  package func revoked(since time: Timestamp?) async throws -> [RevokedKeyRow] {
    try await pool.query(Statements.revoked, time)
  }

  /// Forgets keys that have expired.
  package func removeExpired() async throws { try await pool.execute(Statements.removeExpired, ()) }

  enum Statements {
    static let revoke = Statement<(tenant: UUID, key: UUID, expiresAt: Timestamp), Void> { parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant }
      let key = parameter("key", .uuid) { $0.key }
      let expiresAt = parameter("expires_at", .timestamptz) { $0.expiresAt }
      return """
        insert into revoked_key (tenant_id, id, expires_at) values (\(tenant), \(key), \(expiresAt))
        on conflict do nothing
        """
    }

    static let removeExpired = Statement<Void, Void> { _ in
      "delete from revoked_key where expires_at < now() - interval '1 minute'"
    }

    private static let row = ResultColumns<RevokedKeyRow> { column in
      let tenant = column("tenant_id", .uuid)
      let id = column("id", .uuid)
      let expiresAt = column("expires_at", .timestamptz)
      let revokedAt = column("revoked_at", .timestamptz)
      return { row in
        RevokedKeyRow(
          key: RevokedKey(tenant: try row[tenant], id: try row[id]), expiresAt: try row[expiresAt],
          revokedAt: try row[revokedAt])
      }
    }

    /// Rows that were written a moment before are read once more: transactions may have ended in another order.
    static let revoked = Statement<Timestamp?, RevokedKeyRow>(row) { parameter in
      let since = parameter("since", .timestamptz) { $0 }
      return """
        select \(row) from revoked_key where \(since) is null or revoked_at >= \(since) - interval '1 minute'
        """
    }

    /// What is wrong with the declarations; a test expects nothing.
    static var faults: [String] { revoke.faults + removeExpired.faults + revoked.faults }
  }
}
