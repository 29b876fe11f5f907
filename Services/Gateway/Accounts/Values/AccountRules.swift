package import GatewayRequests

/// Who may do what to accounts. Pure: policies may allow less than this, and never more.
///
/// Nobody gives or takes what is above its own: a role, a grant, the right to configure the installation.
package struct AccountRules: Sendable {
  private let identity: Identity

  /// The rules for a caller.
  package init(_ identity: Identity) { self.identity = identity }

  /// Whether it manages the members, keys and service accounts of its tenant.
  package var isManager: Bool {
    identity.role.isAtLeast(.admin) && identity.grants.contains(.admin)
  }

  /// Whether it configures the installation.
  package var isOperator: Bool { identity.grants.contains(.operator) }

  /// Whether it may make secrets: a credential that is meant for less must not turn itself into one for more, or into
  /// one that lasts longer.
  package var canIssueSecrets: Bool {
    switch identity.kind {
    case .session, .token, .configuredKey: true
    case .apiKey: identity.grants.contains(.admin)
    case .virtualKey, .anonymous: false
    }
  }

  /// Whether it may give this role, or change somebody who has it.
  package func reaches(_ role: Role, isOperator: Bool) -> Bool {
    identity.role.isAtLeast(role) && (!isOperator || self.isOperator)
  }

  /// Whether it may make somebody who has this role: with all that the role can have.
  package func canMake(_ role: Role, isOperator: Bool) -> Bool {
    reaches(role, isOperator: isOperator) && canGive(Grants.most(of: role))
  }

  /// Whether it may give these grants.
  package func canGive(_ grants: Grants) -> Bool { identity.grants.isSuperset(of: grants) }

  /// Whether it is this user or service account.
  package func isSelf(_ subject: KeySubject) -> Bool { identity.subject == subject.description }

  /// Whom its own keys stand for; `nil` for a key of the configuration and for tokens of others.
  package var ownSubject: KeySubject? { KeySubject(identity.subject) }

  /// Whether it sees a key.
  package func sees(_ key: APIKeyRecord) -> Bool { isManager || isSelf(key.subject) }

  /// Whether it may make a new secret of a key. A key of another person would let it act as that person.
  package func canRotate(_ key: APIKeyRecord) -> Bool {
    guard canIssueSecrets, canGive(key.effectiveGrants) else { return false }
    if isSelf(key.subject) { return true }
    guard case .serviceAccount = key.subject else { return false }
    return isManager && reaches(key.subjectRole, isOperator: key.isSubjectOperator)
  }

  /// Whether it may end a key.
  package func canRevoke(_ key: APIKeyRecord) -> Bool {
    if isSelf(key.subject) { return identity.grants.isSuperset(of: key.effectiveGrants) || canIssueSecrets }
    return isManager && reaches(key.subjectRole, isOperator: key.isSubjectOperator)
  }
}

extension Role {
  /// Whether it is this role or one above.
  package func isAtLeast(_ other: Role) -> Bool { rank <= other.rank }

  private var rank: Int {
    switch self {
    case .owner: 0
    case .admin: 1
    case .operator: 2
    case .member: 3
    case .viewer: 4
    }
  }
}
