package import Contracts
package import HTTP
package import HTTPWire
internal import Reactor

/// What every request of the gateway passes, in this order: load, identity, limits, base rules, policy, form, audit,
/// repeated requests.
package struct RequestPipeline: Sendable {
  private let authenticator: any RequestAuthenticating
  private let traffic: (any TrafficLimiting)?
  private let access: (any AccessDeciding)?
  private let answers: (any IdempotentAnswering)?
  private let audit: (any AuditRecording)?
  private let open: OpenAnswers?
  private let right: StandingRight
  private let rightIsFreshNanoseconds: UInt64
  private let rules: @Sendable (HTTPRequest, RouteSpecification) throws(Problem) -> Void

  /// Makes a pipeline of what is there. The right that a request began with counts for `rightIsFreshNanoseconds`.
  package init(
    authenticator: any RequestAuthenticating, traffic: (any TrafficLimiting)? = nil,
    access: (any AccessDeciding)? = nil, answers: (any IdempotentAnswering)? = nil, audit: (any AuditRecording)? = nil,
    open: OpenAnswers? = nil, rightIsFreshNanoseconds: UInt64 = 400_000_000,
    rules: @escaping @Sendable (HTTPRequest, RouteSpecification) throws(Problem) -> Void = { _, _ in }
  ) {
    self.authenticator = authenticator
    self.traffic = traffic
    self.access = access
    self.answers = answers
    self.audit = audit
    self.open = open
    self.rightIsFreshNanoseconds = rightIsFreshNanoseconds
    right = StandingRight(authenticator: authenticator, access: access)
    self.rules = rules
  }

  /// Answers a request by `make`, which is called when all that stands before it has admitted the request.
  package func answer(
    _ request: HTTPRequest, at route: RouteSpecification,
    _ make: (HTTPRequest, Identity) async throws -> HTTPResponse
  ) async throws -> HTTPResponse {
    let arrival: TrafficPermit?
    do throws(Problem) {
      arrival = try await traffic?.arrive(request, at: route)
    } catch {
      await audit?.refused(nil, request, at: route, error, decision: "")
      throw error
    }
    do {
      var answer = try await admitted(request, at: route, make)
      arrival?.end(with: &answer)
      if let arrival { answer.headers.append(contentsOf: arrival.fields) }
      return answer
    } catch {
      arrival?.end()
      throw error
    }
  }

  /// Answers a request that was let in.
  private func admitted(
    _ request: HTTPRequest, at route: RouteSpecification,
    _ make: (HTTPRequest, Identity) async throws -> HTTPResponse
  ) async throws -> HTTPResponse {
    let identity: Identity
    do throws(Problem) {
      identity = try await authenticator.identity(of: request, for: route)
    } catch {
      traffic?.refused(request, at: route, error)
      await audit?.refused(nil, request, at: route, error, decision: "")
      throw error
    }
    request.callerName = identity.credential
    // Whoever holds the last byte back does not keep a right that is gone meanwhile.
    if !request.body.isEnded {
      request.body.whenComplete { [weak request] in
        guard let request else { throw CancellationError() }
        try await look(request, identity, route)
      }
    }
    let permit: TrafficPermit?
    do throws(Problem) {
      permit = try await traffic?.admit(identity, request, at: route)
    } catch {
      await audit?.refused(identity, request, at: route, error, decision: "")
      throw error
    }
    do {
      var answer = try await decided(identity, request, at: route, make)
      if RequestPipeline.waits(request, route) {
        do { try await look(request, identity, route) } catch let problem as Problem {
          await audit?.refused(identity, request, at: route, problem, decision: "")
          throw problem
        }
      }
      // Only the llm-router knows whether a virtual key is good: who makes them up is slowed down as others are.
      if identity.kind == .virtualKey, answer.status == .unauthorized {
        traffic?.refused(request, at: route, Problem(.unauthorized))
      }
      if let permit { answer.headers.append(contentsOf: permit.fields) }
      permit?.end(with: &answer)
      return open?.watch(answer, to: request, by: identity, at: route) ?? answer
    } catch {
      permit?.end()
      throw error
    }
  }

  /// Whether an answer says what happened while somebody waited for it. Those of other changes are given in any case:
  /// the change itself may have ended the right.
  private static func waits(_ request: HTTPRequest, _ route: RouteSpecification) -> Bool {
    route.method == .get || route.cancelsOnDisconnect || request.headers.contains("prefer")
  }

  /// Throws a 401 or 403 `Problem` when the right of a request is gone that began a while ago.
  private func look(_ request: HTTPRequest, _ identity: Identity, _ route: RouteSpecification) async throws {
    guard request.loop.now &- request.receivedAt >= rightIsFreshNanoseconds else { return }
    try await right.require(request, by: identity, at: route)
  }

  private func decided(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification,
    _ make: (HTTPRequest, Identity) async throws -> HTTPResponse
  ) async throws -> HTTPResponse {
    let decision = try await allowed(identity, request, at: route)
    try rules(request, route)
    return try await audited(identity, request, at: route, decision, status: \.status) {
      try await repeatable(identity, request, at: route, make)
    } reading: { audit in
      try await reading(identity, request, at: route, decision, audit, make)
    }
  }

  /// Adds an address that the gateway answers itself.
  package func add(
    _ route: RouteSpecification, to router: inout Router,
    _ make: @escaping @Sendable (HTTPRequest, Identity) async throws -> HTTPResponse
  ) {
    let options = RouteOptions(bodyBytesMax: route.bodyBytesMax, cancelsOnDisconnect: route.cancelsOnDisconnect)
    router.on(route.method, route.pattern, options) { [self] request in
      try await answer(request, at: route) { try await make($0, $1) }
    }
  }

  /// Makes a call that a request asks for by other words than its own address, such as a tool of `/mcp`: the rules and
  /// policies of the address that is called and the audit log count as for a request to it. `status` is that of its
  /// answer.
  package func calling<Value>(
    _ request: HTTPRequest, as identity: Identity, at route: RouteSpecification,
    status: (Value) -> HTTPStatus, _ make: () async throws -> Value
  ) async throws -> Value {
    let decision = try await allowed(identity, request, at: route)
    return try await audited(identity, request, at: route, decision, status: status, make) { _ in try await make() }
  }

  /// Throws a 403 `Problem` for what the base rules or the policies refuse; the audit log has it then. Throws 503 when
  /// nobody can decide. Returns the id of the decision.
  private func allowed(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification
  ) async throws(Problem) -> String {
    do throws(Problem) { try BaseRules.check(identity, route) } catch {
      await audit?.refused(identity, request, at: route, error, decision: "")
      throw error
    }
    guard let decision = await access?.decide(identity, request, at: route) else { return "" }
    guard decision.isAllowed else {
      // What nobody has decided is no refusal for the audit log.
      if !decision.isUndecided {
        await audit?.refused(identity, request, at: route, decision.problem, decision: decision.id)
      }
      throw decision.problem
    }
    return decision.id
  }

  /// Makes a change between its two entries of the audit log; what is none is made by `reading`.
  private func audited<Value>(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification, _ decision: String,
    status: (Value) -> HTTPStatus, _ make: () async throws -> Value,
    reading: (any AuditRecording) async throws -> Value
  ) async throws -> Value {
    guard let audit else { return try await make() }
    guard let entry = try await audit.begin(identity, request, at: route, decision: decision) else {
      return try await reading(audit)
    }
    do {
      let value = try await make()
      await audit.end(entry, status(value))
      return value
    } catch {
      await audit.end(entry, (error as? Problem)?.status ?? .internalServerError)
      throw error
    }
  }

  /// What is no change is in the audit log when it is refused behind the pipeline.
  private func reading(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification, _ decision: String,
    _ audit: any AuditRecording, _ make: (HTTPRequest, Identity) async throws -> HTTPResponse
  ) async throws -> HTTPResponse {
    do {
      let answer = try await repeatable(identity, request, at: route, make)
      if answer.status == .forbidden {
        await audit.refused(identity, request, at: route, Problem(.accessDenied), decision: decision)
      }
      return answer
    } catch let problem as Problem where problem.status == .forbidden || problem.status == .unauthorized {
      await audit.refused(identity, request, at: route, problem, decision: decision)
      throw problem
    }
  }

  private func repeatable(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification,
    _ make: (HTTPRequest, Identity) async throws -> HTTPResponse
  ) async throws -> HTTPResponse {
    guard let answers else { return try await make(request, identity) }
    return try await answers.answer(identity, request, at: route) { try await make(request, identity) }
  }
}
