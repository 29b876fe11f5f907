import Contracts
import GatewayRequests
import Primitives

@testable import GatewayAccounts

/// Values that tests make.
enum Sample {
  static let tenant = TenantID(UUID(high: 7, low: 7))
  static let user = UserID(UUID(high: 8, low: 8))

  static func identity(
    _ role: Role, _ grants: Grants = .ofTenant, kind: Identity.Kind = .session, subject: String = user.description
  ) -> Identity {
    Identity(
      kind: kind, caller: Caller(issuer: .gateway, tenant: tenant, principal: subject, scopes: grants.scopes),
      role: role, subject: subject, credential: "c", grants: grants)
  }

  static func key(
    id: APIKeyID = APIKeyID(UUID(high: 1, low: 1)), of subject: KeySubject = .user(user), role: Role = .owner,
    isOperator: Bool = false, grants: Grants = [.read, .write], expiresAt: Timestamp? = nil,
    previousUntil: Timestamp? = nil
  ) -> APIKeyRecord {
    APIKeyRecord(
      tenant: tenant, id: id, name: "k", subject: subject, subjectRole: role, isSubjectOperator: isOperator,
      grants: grants, project: nil, expiresAt: expiresAt, previousUntil: previousUntil, lastUsedAt: nil, rotatedAt: nil,
      version: 1, createdBy: "t", createdAt: Timestamp(unixMicroseconds: 0))
  }
}
