package import Contracts
package import GatewayRequests
package import Primitives

/// A program in one tenant, which has keys and no password.
package struct ServiceAccount: Sendable, Equatable {
  package let tenant: TenantID
  package let id: ServiceAccountID
  /// Once in each tenant.
  package let name: String
  package let description: String
  package let role: Role
  /// Whether it may configure the installation.
  package let isOperator: Bool
  package let version: Int
  package let createdBy: String
  package let createdAt: Timestamp
  package let updatedAt: Timestamp

  /// The most that its keys can be used for.
  package var grants: Grants { isOperator ? Grants.most(of: role).union(.operator) : Grants.most(of: role) }
}
