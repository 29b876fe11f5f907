internal import Contracts
internal import GatewayRequests
internal import PolicyDecisions
internal import Synchronization

/// Questions that were asked before: the same caller comes to the same address again and again, and to write down what
/// the policies see costs more than to find the decision.
final class AccessQuestions: Sendable {
  /// Everything that a question is made of.
  private struct Key: Hashable {
    let kind: Identity.Kind
    let role: Role
    let grants: Grants
    let isOperator: Bool
    let subject: String
    let tenant: TenantID?
    let route: RouteSpecification
    let address: String?

    /// By what differs most.
    func hash(into hasher: inout Hasher) {
      hasher.combine(subject)
      hasher.combine(route.pattern)
      hasher.combine(route.method)
      hasher.combine(address)
    }
  }

  /// More are forgotten, all at once: they are made again.
  private static let countMax = 4096

  private let known = Mutex<[Key: PolicyQuery]>([:])

  /// What the policies are asked.
  func question(_ identity: Identity, _ route: RouteSpecification, _ address: String?) -> PolicyQuery {
    let key = Key(
      kind: identity.kind, role: identity.role, grants: identity.grants,
      isOperator: identity.caller?.scopes.contains(.operator) ?? false, subject: identity.subject,
      tenant: identity.tenant, route: route, address: address)
    if let question = known.withLock({ $0[key] }) { return question }
    let question = PolicyAccess.query(identity, route, address: address).forRepetition()
    known.withLock { known in
      if known.count >= AccessQuestions.countMax { known.removeAll(keepingCapacity: true) }
      known[key] = question
    }
    return question
  }
}
