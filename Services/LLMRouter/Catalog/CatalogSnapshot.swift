internal import Budgets
internal import Primitives
internal import Routing

/// A virtual key that was taken back.
struct RevokedKey: Sendable, Hashable {
  let tenant: UUID
  let id: UUID
}

/// All that is configured at one moment. A call works with the snapshot that it began with.
struct CatalogSnapshot: Sendable {
  let providers: [String: Provider]
  let table: RouteTable
  /// Budgets by the id of the tenant.
  let budgets: [String: [Budget]]
  let revokedKeys: Set<RevokedKey>
  /// Models whose price is not known.
  let unpriced: Int

  static let empty = CatalogSnapshot(
    providers: [:], table: RouteTable(targets: []), budgets: [:], revokedKeys: [], unpriced: 0)
}
