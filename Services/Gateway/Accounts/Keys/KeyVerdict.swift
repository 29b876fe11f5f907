internal import Contracts
package import GatewayRequests
package import Primitives

/// What a presented key is worth.
package enum KeyVerdict: Sendable, Equatable {
  /// It is good.
  case good
  /// Its secret is another one.
  case wrong
  /// It has expired.
  case expired

  /// Judges a text against what is stored, at a time.
  package init(_ text: String, _ stored: StoredKey, _ hasher: SecretHasher, at now: Timestamp) {
    // Both are always compared: the time does not tell which one it was.
    let isCurrent = hasher.matches(text, stored.hash)
    let isPrevious = stored.previous.map { hasher.matches(text, $0) } ?? false
    let isInOverlap = stored.record.previousUntil.map { now < $0 } ?? false
    guard isCurrent || (isPrevious && isInOverlap) else {
      self = .wrong
      return
    }
    if let expiresAt = stored.record.expiresAt, now >= expiresAt {
      self = .expired
      return
    }
    self = .good
  }
}

extension APIKeyRecord {
  /// Whom a request with this key is from.
  package var identity: Identity {
    let grants = effectiveGrants
    let subject = subject.description
    return Identity(
      kind: .apiKey,
      caller: Caller(
        issuer: .gateway, tenant: tenant, principal: subject, scopes: grants.scopes, project: project,
        role: subjectRole.rawValue),
      role: subjectRole, subject: subject, credential: id.description, grants: grants)
  }
}
