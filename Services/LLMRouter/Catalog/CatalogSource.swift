package import Primitives

/// Where the catalog is read from, and by which its replicas hear of changes.
package protocol CatalogSource: Sendable {
  /// All rows.
  func read() async throws -> CatalogRows
  /// The virtual keys that were revoked since a time (nil: all).
  func revokedKeys(since time: Timestamp?) async throws -> [RevokedKeyRow]
  /// The tenants for which nothing is asked of a provider.
  func refusedTenants() async throws -> [RefusedTenant]
  /// Notifies all replicas of a change.
  func notify() async throws
  /// Calls `changed` for each notification until `stop` is called.
  func follow(_ changed: @Sendable () async -> Void) async
  /// Ends `follow`.
  func stop()
}
