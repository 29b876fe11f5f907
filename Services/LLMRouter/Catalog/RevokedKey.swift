package import Primitives

/// A virtual key that was revoked.
package struct RevokedKey: Sendable, Hashable {
  package let tenant: UUID
  package let id: UUID

  /// A key.
  package init(tenant: UUID, id: UUID) {
    self.tenant = tenant
    self.id = id
  }
}

/// A row of the table of revoked keys.
package struct RevokedKeyRow: Sendable, Hashable {
  /// The key.
  package let key: RevokedKey
  /// When the key would expire anyway.
  package let expiresAt: Timestamp
  /// When it was revoked.
  package let revokedAt: Timestamp

  /// A row.
  package init(key: RevokedKey, expiresAt: Timestamp, revokedAt: Timestamp) {
    self.key = key
    self.expiresAt = expiresAt
    self.revokedAt = revokedAt
  }
}
