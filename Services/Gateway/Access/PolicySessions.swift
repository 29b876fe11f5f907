internal import Contracts
package import GatewayRequests
internal import Policy
package import PolicyDecisions

/// Asks the policies how somebody may sign in, and whether a session goes on: `data.cadre.sessions.decision`.
package struct PolicySessions: SessionDeciding {
  /// The document that is asked for.
  package static let document = ["cadre", "sessions", "decision"]

  private let policies: any PolicyDeciding

  /// Makes the check.
  package init(_ policies: any PolicyDeciding) { self.policies = policies }

  /// As `SessionDeciding` says.
  package func decide(_ question: SessionQuestion) async -> SessionDecision {
    let answer = await policies.decide(PolicySessions.query(question))
    switch answer.effect {
    case .allow: return .allowed
    case .ask: return .needsSecondFactor
    case .deny where answer.isUndecided: return .undecided
    case .deny: return .denied(PolicyAccess.sentence(answer))
    }
  }

  /// What the policies see.
  package static func query(_ question: SessionQuestion) -> PolicyQuery {
    let tenant = question.tenant.description
    let subject: [(RegoValue, RegoValue)] = [
      (.string("id"), .string("\(question.user)")), (.string("role"), .string(question.role.rawValue)),
      (.string("tenant"), .string(tenant)),
    ]
    let action: [(RegoValue, RegoValue)] = [
      (.string("has_second_factor"), .bool(question.hasSecondFactor)),
      (.string("kind"), .string(question.step.rawValue)), (.string("method"), .string(question.method)),
    ]
    // Signing in changes nothing but the own session: a halt is released by somebody who has signed in.
    return PolicyQuery(
      path: document,
      input: .object(
        RegoObject([
          (.string("action"), .object(RegoObject(action))), (.string("subject"), .object(RegoObject(subject))),
        ])),
      tenant: tenant, isReading: true, requestedBy: "gateway", trace: nil)
  }
}
