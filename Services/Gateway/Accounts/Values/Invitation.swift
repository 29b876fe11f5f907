package import Contracts
package import GatewayRequests
package import Primitives

/// An offer to become a user of a tenant.
package struct Invitation: Sendable, Equatable {
  package let tenant: TenantID
  package let id: InvitationID
  package let email: String
  package let role: Role
  /// Whether the user may configure the installation.
  package let isOperator: Bool
  package let expiresAt: Timestamp
  package let createdBy: String
  package let createdAt: Timestamp
}
