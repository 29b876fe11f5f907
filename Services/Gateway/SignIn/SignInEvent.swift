package import Contracts

/// What happens when browsers sign in, for the audit log.
package struct SignInEvent: Sendable {
  /// What happened.
  package enum Kind: String, Sendable, CaseIterable {
    case signedIn = "signed_in"
    case refused
    case blocked
    case signedOut = "signed_out"
    case passwordChanged = "password_changed"
    case secondFactorAdded = "second_factor_added"
    case secondFactorRemoved = "second_factor_removed"
    case recoveryCodeUsed = "recovery_code_used"
  }

  /// What happened.
  package let kind: Kind
  /// The tenant, where it is known.
  package let tenant: TenantID?
  /// The user, where it is known.
  package let user: UserID?
  /// `password`, `oidc:NAME`.
  package let method: String
  /// The address of the browser, where it is known.
  package let address: String?
}

/// Records what happens when browsers sign in. It must not fail what it records.
package protocol SignInRecording: Sendable {
  /// Records an event.
  func record(_ event: SignInEvent) async
}
