internal import Budgets
internal import Checks
internal import Primitives
internal import Routing
internal import Spending

/// All that is configured at one moment. A call works with the snapshot that it began with.
final class CatalogSnapshot: Sendable {
  let providers: [String: Provider]
  let table: RouteTable
  /// What answers of an alias have to be like.
  let checks: [String: AnswerCheck]
  /// Budgets by the id of the tenant.
  let budgets: [String: [Budget]]
  /// Rate limits by the id of the tenant; those of models by the empty one.
  let rateLimits: [String: [RateLimit]]
  /// Models whose price is not known.
  let unpriced: Int

  init(
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
  var hasModelGates: Bool { rateLimits[""] != nil }

  /// The gates of a model.
  func gates(model: String) -> [AppliedRateLimit] { rateLimits[""]?.compactMap { $0.gate(model: model) } ?? [] }

  /// The gates of a caller.
  func gates(for call: CallSubjects) -> [AppliedRateLimit] {
    rateLimits[call.tenant]?.compactMap { $0.gate(for: call) } ?? []
  }

  static let empty = CatalogSnapshot(
    providers: [:], table: RouteTable(targets: []), checks: [:], budgets: [:], rateLimits: [:], unpriced: 0)
}
