package import Budgets
package import Contracts
package import Ledger
package import Routing
internal import SystemSources

/// Who calls a model, and on what terms.
package struct CallPrincipal: Sendable {
  /// The tenant that pays.
  package let tenant: TenantID
  /// What the call is accounted to.
  package let labels: CallLabels
  /// Models that may be called; nil: all.
  package let allowed: Set<String>?
  /// The budget of a virtual key.
  package let ownBudget: Budget?
  /// The complexity of the work, for `auto`.
  package let complexity: Complexity?

  /// The names that the caller may ask for.
  package func known(of table: RouteTable) -> [String] {
    (table.models + table.aliasNames).filter { allowed?.contains($0) ?? true }
  }
}
