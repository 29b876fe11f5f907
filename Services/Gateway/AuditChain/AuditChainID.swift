package import Contracts
package import Primitives

/// Which chain an entry belongs to: that of a tenant, or that of the installation, for who has no tenant.
package struct AuditChainID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The chain of the installation.
  package static let installation = AuditChainID(UUID(high: 0, low: 0))
  private static let installationName = "installation"

  /// The chain as it is stored: the tenant's id, all zeros for the installation.
  package let uuid: UUID

  /// Wraps what is stored.
  package init(_ uuid: UUID) { self.uuid = uuid }

  /// The chain of a tenant; without one that of the installation.
  package init(_ tenant: TenantID?) { uuid = tenant?.uuid ?? AuditChainID.installation.uuid }

  /// Reads the text; `nil` for another.
  package init?(_ text: String) {
    if text == AuditChainID.installationName {
      self = .installation
    } else if let tenant = TenantID(text) {
      uuid = tenant.uuid
    } else {
      return nil
    }
  }

  /// `installation`, or the id of the tenant.
  package var description: String {
    self == .installation ? AuditChainID.installationName : "\(TenantID(uuid))"
  }

  /// In the order in which heads are locked.
  package static func < (left: AuditChainID, right: AuditChainID) -> Bool { left.uuid < right.uuid }
}
