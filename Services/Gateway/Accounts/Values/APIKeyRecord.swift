package import Contracts
package import GatewayRequests
package import Primitives

/// Whom a key stands for.
package enum KeySubject: Hashable, Sendable {
  /// A user.
  case user(UserID)
  /// A service account.
  case serviceAccount(ServiceAccountID)
}

extension KeySubject: CustomStringConvertible {
  /// The id on the wire.
  package var description: String {
    switch self {
    case .user(let id): id.description
    case .serviceAccount(let id): id.description
    }
  }
}

/// A key as lists show it: never the key itself nor its hash.
package struct APIKeyRecord: Sendable, Equatable {
  package let tenant: TenantID
  package let id: APIKeyID
  package let name: String
  package let subject: KeySubject
  package let grants: Grants
  /// The project that its requests are charged to.
  package let project: String?
  package let expiresAt: Timestamp?
  /// Until when the secret before the last rotation is good.
  package let previousUntil: Timestamp?
  package let lastUsedAt: Timestamp?
  package let rotatedAt: Timestamp?
  package let version: Int
  package let createdBy: String
  package let createdAt: Timestamp
}
