/// A right that an assertion carries.
public enum Scope: String, Sendable, CaseIterable {
  /// Use of the tenant's own resources: tasks, runs, workflows, budgets.
  case api
  /// Calls of models.
  case models
  /// Configuration of the installation: providers, aliases, weights of tenants.
  case `operator`
  /// Reports about the leased step that the assertion names.
  case step
}

/// A set of scopes.
public struct Scopes: OptionSet, Hashable, Sendable {
  /// One bit for each scope.
  public let rawValue: UInt8

  /// Makes a set from its bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Use of the tenant's own resources.
  public static let api = Scopes(.api)
  /// Calls of models.
  public static let models = Scopes(.models)
  /// Configuration of the installation.
  public static let `operator` = Scopes(.operator)
  /// Reports about one leased step.
  public static let step = Scopes(.step)

  /// The set of one.
  public init(_ scope: Scope) {
    switch scope {
    case .api: self.init(rawValue: 1)
    case .models: self.init(rawValue: 2)
    case .operator: self.init(rawValue: 4)
    case .step: self.init(rawValue: 8)
    }
  }
}
