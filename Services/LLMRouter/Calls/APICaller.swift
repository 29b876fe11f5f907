package import Contracts

/// Who uses the management API.
package struct APICaller: Sendable {
  /// The tenant whose budgets, limits, keys and usage are meant.
  package let tenant: TenantID
  /// Whether the caller may configure the installation.
  package let isOperator: Bool
}
