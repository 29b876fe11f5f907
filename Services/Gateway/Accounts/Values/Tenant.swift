package import Contracts
package import Primitives

/// A tenant as it is stored.
package struct Tenant: Sendable, Equatable {
  /// Whether its credentials are good.
  package enum State: String, Sendable, CaseIterable {
    /// They are.
    case active
    /// An operator has suspended it: they are not, until it is resumed.
    case suspended
    /// It is being deleted: they are not and will not be again.
    case deleting
    /// Nothing is left of it but its id and its times.
    case deleted
  }

  package let id: TenantID
  package let name: String
  package let state: State
  package let version: Int
  package let createdBy: String
  package let createdAt: Timestamp
  package let updatedAt: Timestamp
  package let suspendedAt: Timestamp?
  /// When nothing was left of it.
  package let deletedAt: Timestamp?
  /// The version whose state every service has confirmed.
  package let confirmedVersion: Int

  /// Whether every service follows the state.
  package var isConfirmed: Bool { confirmedVersion >= version }
}
