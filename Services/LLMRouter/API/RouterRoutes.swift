internal import Contracts
package import HTTP
package import Ledger
package import ModelCalls
package import ModelCatalog
package import PolicyState
package import Spending
internal import Tenancy

/// All addresses of the router.
package struct RouterRoutes: Sendable {
  private let calls: CallService
  private let stores: CatalogStores
  private let signer: VirtualKey.Signer
  private let prober: HealthProber
  private let budgets: BudgetGuard
  private let usage: UsageStore
  private let ledger: LedgerWriter
  private let tenants: RouterTenants
  private let policies: PolicyStateFollower?

  /// The addresses of these parts.
  package init(
    calls: CallService, stores: CatalogStores, signer: VirtualKey.Signer, prober: HealthProber, budgets: BudgetGuard,
    policies: PolicyStateFollower? = nil,
    usage: UsageStore, ledger: LedgerWriter, tenants: RouterTenants
  ) {
    self.calls = calls
    self.stores = stores
    self.signer = signer
    self.prober = prober
    self.budgets = budgets
    self.usage = usage
    self.ledger = ledger
    self.tenants = tenants
    self.policies = policies
  }

  /// Adds all routes.
  package func add(to router: inout Router) {
    let (catalog, authenticator) = (calls.catalog, calls.authenticator.assertions)
    CallRoutes(calls: calls).add(to: &router)
    PassThroughRoutes(calls: calls).add(to: &router)
    ProviderRoutes(
      catalog: catalog, stores: stores, health: calls.health, prober: prober, authenticator: authenticator,
      times: calls.limits.times
    ).add(to: &router)
    HealthRoutes(health: calls.health, authenticator: authenticator).add(to: &router)
    ModelRoutes(catalog: catalog, stores: stores, authenticator: authenticator).add(to: &router)
    AliasRoutes(catalog: catalog, stores: stores, authenticator: authenticator).add(to: &router)
    BudgetRoutes(catalog: catalog, stores: stores, budgets: budgets, authenticator: authenticator).add(to: &router)
    RateLimitRoutes(catalog: catalog, stores: stores, authenticator: authenticator).add(to: &router)
    KeyRoutes(catalog: catalog, stores: stores, signer: signer, authenticator: authenticator).add(to: &router)
    TenantRoutes(
      .router, deletion: tenants.deletion, callers: authenticator, changed: { try await catalog.changed() }
    ).add(to: &router)
    if let policies { PolicyStateRoutes(.router, follower: policies, callers: authenticator).add(to: &router) }
    UsageRoutes(usage: usage, ledger: ledger, authenticator: authenticator).add(to: &router)
  }
}
