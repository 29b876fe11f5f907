package import Contracts
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import Policy
package import PolicyDecisions
package import Telemetry

/// Asks the policies whether a request is allowed: `data.cadre.http.decision`.
package struct PolicyAccess: AccessDeciding {
  /// The document that is asked for.
  package static let document = ["cadre", "http", "decision"]
  /// Who asks, in the decision log.
  private static let requester = "gateway"
  /// Where the halt switch is released: a halt leaves these to operators.
  private static let switchPrefix = "/operator/v1/policy"

  private let policies: any PolicyDeciding
  private let questions = AccessQuestions()
  private let readsAddress: @Sendable () -> Bool
  private let address: @Sendable (HTTPRequest) -> String?

  /// Makes the check. `readsAddress` says whether the policies look at `input.ip`, which is then what `address` gives.
  package init(
    _ policies: any PolicyDeciding, readsAddress: @escaping @Sendable () -> Bool = { false },
    address: @escaping @Sendable (HTTPRequest) -> String? = { _ in nil }
  ) {
    self.policies = policies
    self.readsAddress = readsAddress
    self.address = address
  }

  /// As `AccessDeciding` says.
  package func decide(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification
  ) async -> AccessDecision {
    await decide(identity, at: route, address: readsAddress() ? address(request) : nil, trace: request.trace)
  }

  /// The same, by what it needs of the request.
  package func decide(
    _ identity: Identity, at route: RouteSpecification, address: String?, trace: TraceContext? = nil
  ) async -> AccessDecision {
    let answer = await policies.decide(questions.question(identity, route, address).traced(trace))
    return AccessDecision(
      isAllowed: answer.isAllowed, isUndecided: answer.isUndecided,
      reason: answer.isAllowed ? "" : PolicyAccess.sentence(answer), id: answer.decisionID)
  }

  // MARK: The question

  /// What a halt leaves: the switch itself, signing in to reach it, and what only takes rights away.
  private static func goesOnWhileHalted(_ route: RouteSpecification) -> Bool {
    if route.access == .operator { return route.pattern.hasPrefix(switchPrefix) || route.pattern.hasSuffix("/suspend") }
    if ["/auth/v1/sign-in", "/auth/v1/second-factor", "/auth/v1/sign-out"].contains(route.pattern) { return true }
    return route.method == .delete && ["/api/v1/keys", "/auth/v1/sessions"].contains { route.pattern.hasPrefix($0) }
  }

  /// What the policies see: small, and without what differs from request to request, so that decisions are remembered.
  package static func query(
    _ identity: Identity, _ route: RouteSpecification, address: String? = nil, trace: TraceContext? = nil
  ) -> PolicyQuery {
    let isReading = route.method == .get || route.method == .head
    let tenant = identity.tenant?.description
    var subject: [(RegoValue, RegoValue)] = [
      (.string("grants"), .array(identity.grants.names.map { .string($0) })),
      (.string("id"), .string(identity.subject)),
      (.string("is_operator"), .bool(identity.caller?.scopes.contains(.operator) ?? false)),
      (.string("kind"), .string(identity.kind.rawValue)),
      (.string("role"), .string(identity.role.rawValue)),
    ]
    if let tenant { subject.append((.string("tenant"), .string(tenant))) }
    let action: [(RegoValue, RegoValue)] = [
      (.string("access"), .string(name(route.access))),
      (.string("is_change"), .bool(!isReading)),
      (.string("method"), .string("\(route.method.name)")),
      (.string("route"), .string(route.pattern)),
      (.string("service"), .string(route.service.rawValue)),
    ]
    var input: [(RegoValue, RegoValue)] = [
      (.string("action"), .object(RegoObject(action))), (.string("subject"), .object(RegoObject(subject))),
    ]
    if let address { input.append((.string("ip"), .string(address))) }
    return PolicyQuery(
      path: document, input: .object(RegoObject(input)), tenant: tenant,
      isReading: isReading || goesOnWhileHalted(route),
      requestedBy: requester, trace: trace)
  }

  private static func name(_ access: RouteSpecification.Access) -> String {
    switch access {
    case .tenant: "tenant"
    case .models: "models"
    case .operator: "operator"
    case .worker: "worker"
    case .step: "step"
    case .anonymous: "anonymous"
    }
  }

  // MARK: The answer

  private static let sentenceBytesMax = 600

  /// Why not, for the caller.
  package static func sentence(_ answer: PolicyAnswer) -> String {
    var sentences: [String] = []
    if answer.effect == .ask { sentences.append("This needs an approval, which cannot be given for requests.") }
    for reason in answer.reasons where !reason.isEmpty {
      let end = reason.hasSuffix(".") || reason.hasSuffix("!") || reason.hasSuffix("?") ? "" : "."
      sentences.append(reason.prefix(1).uppercased() + reason.dropFirst() + end)
    }
    let text = sentences.isEmpty ? "No policy allows this." : sentences.joined(separator: " ")
    guard text.utf8.count > sentenceBytesMax else { return text }
    return String(decoding: text.utf8.prefix(sentenceBytesMax), as: UTF8.self) + "..."
  }
}
