package import Contracts
package import GatewayRequests
package import Primitives

/// A person in one tenant. A person in two tenants is two users: neither tenant can do anything to the other's.
package struct User: Sendable, Equatable {
  package let tenant: TenantID
  package let id: UserID
  /// In lower case; once in each tenant.
  package let email: String
  package let name: String
  package let role: Role
  /// Whether it may configure the installation.
  package let isOperator: Bool
  package let hasPassword: Bool
  package let hasSecondFactor: Bool
  package let lastSignInAt: Timestamp?
  package let version: Int
  package let createdBy: String
  package let createdAt: Timestamp
  package let updatedAt: Timestamp

  /// The most that its credentials can be used for.
  package var grants: Grants { isOperator ? Grants.most(of: role).union(.operator) : Grants.most(of: role) }
}

/// A user with what a sign-in needs to know.
package struct Account: Sendable {
  /// The user.
  package let user: User
  /// The hash of the password, as `PasswordHashing` has made it; `nil` without a password.
  package let passwordHash: String?
  /// The secret of the second factor, sealed; `nil` without.
  package let sealedSecondFactor: [UInt8]?
  /// Whether the tenant may work.
  package let tenantState: Tenant.State
}
