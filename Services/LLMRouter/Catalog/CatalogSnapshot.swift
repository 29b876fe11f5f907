package import Budgets
package import Checks
package import Routing

/// All that is configured at one moment. A call works with the snapshot that it began with.
package final class CatalogSnapshot: Sendable {
  package let providers: [String: Provider]
  package let table: RouteTable
  /// What answers of an alias have to be like.
  package let checks: [String: AnswerCheck]
  /// Budgets by the id of the tenant.
  package let budgets: [String: [Budget]]
  /// Rate limits by the id of the tenant; those of models by the empty one.
  package let rateLimits: [String: [RateLimit]]
  /// Models whose price is not known.
  package let unpriced: Int

  package init(
    providers: [String: Provider], table: RouteTable, checks: [String: AnswerCheck], budgets: [String: [Budget]],
    rateLimits: [String: [RateLimit]], unpriced: Int
  ) {
    self.providers = providers
    self.table = table
    self.checks = checks
    self.budgets = budgets
    self.rateLimits = rateLimits
    self.unpriced = unpriced
  }

  /// Whether any model has a rate limit.
  package var hasModelLimits: Bool { rateLimits[""] != nil }

  /// The rate limits of a model.
  package func limits(model: String) -> [AppliedRateLimit] {
    rateLimits[""]?.compactMap { $0.applied(toModel: model) } ?? []
  }

  /// The rate limits of a caller.
  package func limits(for call: CallSubjects) -> [AppliedRateLimit] {
    rateLimits[call.tenant]?.compactMap { $0.applied(to: call) } ?? []
  }

  package static let empty = CatalogSnapshot(
    providers: [:], table: RouteTable(targets: []), checks: [:], budgets: [:], rateLimits: [:], unpriced: 0)
}
