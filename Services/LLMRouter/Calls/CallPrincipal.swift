package import Budgets
package import Contracts
package import Ledger
package import ModelCatalog
package import Routing
internal import SystemSources

/// Who calls a model, and on what terms. One object: as a value its names would stand in the frame of every step of a
/// call, for as long as a stream lasts.
package final class CallPrincipal: Sendable {
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
  /// The role of a person or program in the tenant; nil: none is known.
  package let role: String?
  /// The virtual key that was shown; nil for an assertion.
  package let key: VirtualKey?

  /// A caller of these terms.
  package init(
    tenant: TenantID, labels: CallLabels, allowed: Set<String>?, ownBudget: Budget?, complexity: Complexity?,
    role: String? = nil, key: VirtualKey? = nil
  ) {
    self.tenant = tenant
    self.labels = labels
    self.allowed = allowed
    self.ownBudget = ownBudget
    self.complexity = complexity
    self.role = role
    self.key = key
  }

  /// The names that the caller may ask for.
  package func known(of table: RouteTable) -> [String] {
    (table.models + table.aliasNames).filter { allowed?.contains($0) ?? true }
  }
}
