internal import Contracts
internal import HTTP
internal import HTTPWire

/// Looks again at the right of a request that takes its time: while its body arrives, while its answer is made, and
/// while that is sent.
struct StandingRight: Sendable {
  enum Outcome: Sendable {
    case good
    case refused(Problem)
    case denied(Problem)
    /// Nobody could decide.
    case undecided(Problem)
  }

  /// For so long what was found out at the beginning of a request counts. Two looks are within a second.
  static let interval = Duration.milliseconds(400)

  private let authenticator: any RequestAuthenticating
  private let access: (any AccessDeciding)?

  init(authenticator: any RequestAuthenticating, access: (any AccessDeciding)?) {
    self.authenticator = authenticator
    self.access = access
  }

  /// Whether the gateway knows enough of somebody to look again.
  static func concerns(_ identity: Identity) -> Bool { identity.kind != .virtualKey && identity.kind != .anonymous }

  /// What would become of the request if it were made now.
  func outcome(
    of request: HTTPRequest, by known: Identity, at route: RouteSpecification
  ) async -> Outcome {
    let identity: Identity
    do throws(Problem) {
      identity = try await authenticator.recheck(request, for: route)
      try BaseRules.check(identity, route)
    } catch {
      // While nobody can say, whoever was let in stays.
      return error.status == .unauthorized || error.status == .forbidden ? .refused(error) : .good
    }
    guard identity.subject == known.subject, identity.tenant == known.tenant else {
      return .refused(Problem(.unauthorized))
    }
    guard let decision = await access?.decide(identity, request, at: route) else { return .good }
    guard !decision.isAllowed else { return .good }
    return decision.isUndecided ? .undecided(decision.problem) : .denied(decision.problem)
  }

  /// Throws the 401 or 403 `Problem` with which the request would be refused now.
  func require(_ request: HTTPRequest, by known: Identity, at route: RouteSpecification) async throws(Problem) {
    guard StandingRight.concerns(known) else { return }
    switch await outcome(of: request, by: known, at: route) {
    // What was allowed when it began, and may be done or paid for by now, is not lost because nobody can decide again.
    case .good, .undecided: return
    case .refused(let problem), .denied(let problem): throw problem
    }
  }
}
