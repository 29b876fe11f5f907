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
  /// Reads the id on the wire; `nil` for anything else.
  package init?(_ text: String) {
    if let user = UserID(text) {
      self = .user(user)
    } else if let account = ServiceAccountID(text) {
      self = .serviceAccount(account)
    } else {
      return nil
    }
  }

  /// The id in the database.
  package var uuid: UUID {
    switch self {
    case .user(let id): id.uuid
    case .serviceAccount(let id): id.uuid
    }
  }

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
  /// The role of whom it stands for.
  package let subjectRole: Role
  /// Whether whom it stands for may configure the installation.
  package let isSubjectOperator: Bool
  /// What it may be used for, as it was asked for.
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

  /// What it may be used for now: no more than whom it stands for.
  package var effectiveGrants: Grants {
    let most = Grants.most(of: subjectRole)
    return grants.intersection(isSubjectOperator ? most.union(.operator) : most)
  }
}

/// A key with what a presented text is compared with. Every request with the key looks at it: one reference.
package final class StoredKey: Sendable {
  package let record: APIKeyRecord
  /// Whom a request with it is from.
  package let identity: Identity
  /// Of the key as it is.
  package let hash: KeyedHash
  /// Of the key before the last rotation, good until `previousUntil`.
  package let previous: KeyedHash?

  /// Makes one of what is stored.
  package init(record: APIKeyRecord, hash: KeyedHash, previous: KeyedHash?) {
    self.record = record
    self.hash = hash
    self.previous = previous
    identity = record.identity
  }
}

/// A hash that only who has the secret can make.
package struct KeyedHash: Sendable, Equatable {
  /// HMAC-SHA-256.
  package let bytes: [UInt8]
  /// The name of the secret that made it.
  package let secret: String
}

/// A key that is to be added.
package struct NewAPIKey: Sendable {
  package let id: APIKeyID
  package let name: String
  package let subject: KeySubject
  package let grants: Grants
  package let project: String?
  package let expiresAt: Timestamp?
  package let hash: KeyedHash
  package let createdBy: String
}
