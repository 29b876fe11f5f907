package import Policy

/// What the tables of a bundle say about the data of tenants: who a role is above, and how far a tenant may go. Where
/// no bundle is known, because a server decides, only the form of the data is checked.
package struct PolicyTables: Sendable {
  /// From least to most.
  static let roles = ["viewer", "member", "operator", "admin", "owner"]
  /// The largest cost that can be named, in micro-dollars.
  private static let costMax: Int64 = 1_000_000_000_000

  private let config: RegoValue?

  /// The tables below `data` of a bundle.
  package init(data: RegoValue?) { config = data.flatMap { $0["cadre"]?["config"] } }

  /// Whether there are tables.
  var isKnown: Bool { config != nil }

  private func role(_ path: String...) -> String? {
    path.reduce(config) { $0?[$1] }?.string
  }

  private func names(_ path: String...) -> [String]? {
    switch path.reduce(config, { $0?[$1] }) {
    case .object(let object)?: object.keys.compactMap(\.string)
    case .array(let list)?: list.compactMap(\.string)
    default: nil
    }
  }

  /// The least role that a tenant may choose for a permission; `nil` for one that no tenant chooses.
  func floor(ofPermission name: String) -> String? {
    guard isKnown else { return "viewer" }
    guard let access = role("permissions", name, "access"), access == "tenant" || access == "models" else { return nil }
    return role("permissions", name, "tenant_minimum") ?? role("permissions", name, "role") ?? "owner"
  }

  /// The least role that a tenant may choose for tools of a risk; `nil` for a risk that is not known.
  func floor(ofRisk risk: String) -> String? {
    isKnown ? role("tools", "risks", risk, "role") : "viewer"
  }

  /// The least role that a tenant may choose for approvals of a kind or a risk.
  func floor(ofApproval name: String) -> String? {
    guard isKnown else { return "viewer" }
    let isThere = role("approvals", "kinds", name, "role") != nil || role("approvals", "risks", name, "role") != nil
    return isThere ? role("approvals", "tenant_minimum") ?? "member" : nil
  }

  /// The least role that a tenant may choose for calls of models.
  var floorOfModels: String { role("models", "role") ?? "viewer" }

  /// The largest bound of the cost of a call that a tenant may choose.
  var costCeiling: Int64 {
    guard let number = config?["models"]?["call_cost_microusd_ceiling"]?.number?.int else {
      return PolicyTables.costMax
    }
    return min(max(0, Int64(number)), PolicyTables.costMax)
  }

  /// The risks of tools; `nil` when they are not known.
  var risks: [String]? { names("tools", "risks") }

  /// Risks of tools and kinds of approvals; `nil` when they are not known.
  var approvals: [String]? {
    guard let kinds = names("approvals", "kinds") else { return nil }
    return kinds + (names("approvals", "risks") ?? [])
  }

  /// The ways to sign in; `nil` when they are not known.
  var methods: [String]? { names("sessions", "methods") }
}

extension RegoValue {
  /// A member; `nil` for what is no object.
  subscript(_ name: String) -> RegoValue? { if case .object(let object) = self { object[name] } else { nil } }
}
