package import Budgets

/// The rows of the catalog at one moment.
package struct CatalogRows: Sendable {
  /// Providers.
  package var providers: [ProviderRow]
  /// Models.
  package var models: [ModelRow]
  /// Aliases.
  package var aliases: [AliasRow]
  /// Budgets of all tenants.
  package var budgets: [Budget]
  /// Rate limits of all tenants and models.
  package var rateLimits: [RateLimit]

  /// Rows; nothing by default.
  package init(
    providers: [ProviderRow] = [], models: [ModelRow] = [], aliases: [AliasRow] = [], budgets: [Budget] = [],
    rateLimits: [RateLimit] = []
  ) {
    self.providers = providers
    self.models = models
    self.aliases = aliases
    self.budgets = budgets
    self.rateLimits = rateLimits
  }
}
