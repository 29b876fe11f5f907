package import Postgres
package import Primitives
package import Spending

/// The tables of the catalog.
package struct CatalogStores: CatalogSource {
  private static let channel = "llm_router_catalog"

  private static let notification = Statement<String, Void> { parameter in
    let channel = parameter("channel", .text) { $0 }
    return "select pg_notify(\(channel), '')"
  }

  private static let refused = ResultColumns<RefusedTenant> { column in
    let tenant = column("tenant_id", .uuid)
    let isDeleted = column("deletion_requested_at is not null", .bool)
    return { row in RefusedTenant(try row[tenant], try row[isDeleted] ? .deleted : .suspended) }
  }

  /// Deleted ones for longer than any virtual key lives.
  static let listRefused = Statement<Void, RefusedTenant>(refused) { _ in
    """
    select \(refused) from tenant_state where deletion_requested_at > now() - interval '8 days'
      or (suspended_at is not null and deletion_requested_at is null)
    """
  }

  package let providers: ProviderStore
  package let models: ModelStore
  package let aliases: AliasStore
  package let budgets: BudgetStore
  package let rateLimits: RateLimitStore
  package let revoked: RevokedKeyStore
  private let pool: PostgresPool
  private let listener: PostgresListener

  /// The tables behind a pool.
  package init(pool: PostgresPool) {
    self.pool = pool
    providers = ProviderStore(pool: pool)
    models = ModelStore(pool: pool)
    aliases = AliasStore(pool: pool)
    budgets = BudgetStore(pool: pool)
    rateLimits = RateLimitStore(pool: pool)
    revoked = RevokedKeyStore(pool: pool)
    listener = PostgresListener(pool: pool, channel: CatalogStores.channel)
  }

  package func read() async throws -> CatalogRows {
    try await revoked.removeExpired()
    return CatalogRows(
      providers: try await providers.all(), models: try await models.all(), aliases: try await aliases.all(),
      budgets: try await budgets.all(), rateLimits: try await rateLimits.all())
  }

  package func revokedKeys(since time: Timestamp?) async throws -> [RevokedKeyRow] {
    try await revoked.revoked(since: time)
  }

  package func refusedTenants() async throws -> [RefusedTenant] {
    try await pool.query(CatalogStores.listRefused, ())
  }

  package func notify() async throws {
    try await pool.execute(CatalogStores.notification, CatalogStores.channel)
  }

  package func follow(_ changed: @Sendable () async -> Void) async {
    for await _ in listener.notifications() { await changed() }
  }

  package func stop() { listener.stop() }
}
