package import Contracts

/// A step of a session that policies are asked about.
package struct SessionQuestion: Sendable {
  /// What is about to happen.
  package enum Step: String, Sendable, CaseIterable {
    /// A first factor was right.
    case signIn = "sign_in"
    /// The second one was, too.
    case secondFactor = "second_factor"
    /// A session that is there is used.
    case refresh
  }

  /// What is about to happen.
  package let step: Step
  /// `password` or `oidc`.
  package let method: String
  /// Whether the session has passed a second factor.
  package let hasSecondFactor: Bool
  /// The user.
  package let user: UserID
  /// The role of the user.
  package let role: Role
  /// Its tenant.
  package let tenant: TenantID

  /// Makes a question.
  package init(
    _ step: Step, method: String, hasSecondFactor: Bool, user: UserID, role: Role, tenant: TenantID
  ) {
    self.step = step
    self.method = method
    self.hasSecondFactor = hasSecondFactor
    self.user = user
    self.role = role
    self.tenant = tenant
  }
}

/// What policies say of a step of a session.
package enum SessionDecision: Sendable, Equatable {
  /// It may go on.
  case allowed
  /// It may with a second factor.
  case needsSecondFactor
  /// It may not; the reason is for the user.
  case denied(String)
  /// Nobody can decide at the moment.
  case undecided
}

/// Asks policies about sessions.
package protocol SessionDeciding: Sendable {
  /// Decides. Whatever goes wrong is a refusal.
  func decide(_ question: SessionQuestion) async -> SessionDecision
}
