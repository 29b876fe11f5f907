package import Contracts
package import HTTP
package import HTTPWire

/// Finds out who makes a request.
package protocol RequestAuthenticating: Sendable {
  /// The identity of a request. Throws a 401 `Problem` for credentials that are missing or not good, 403 for those of a
  /// suspended tenant, 503 when nobody can say.
  func identity(of request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity
  /// The identity of a request whose answer is being sent. Throws as `identity` does. It is no use of the credential.
  func recheck(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity
}

extension RequestAuthenticating {
  /// As for a request that begins.
  package func recheck(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity {
    try await identity(of: request, for: route)
  }
}

/// One way to show who makes a request.
package protocol CredentialChecking: Sendable {
  /// The identity; `nil` when the request shows no credential of this kind. Throws a 401 `Problem` for one that is of
  /// this kind and not good, 503 when nobody can say.
  func check(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity?
  /// The same for a request whose answer is being sent, which is no use of the credential.
  func recheck(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity?
}

extension CredentialChecking {
  /// As for a request that begins.
  package func recheck(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity? {
    try await check(request, for: route)
  }
}

/// Whether a tenant may work at the moment.
package protocol TenantAdmitting: Sendable {
  /// Throws a 403 `Problem` for a tenant that is suspended or is not there, 503 when nobody can say.
  func admit(_ tenant: TenantID) async throws(Problem)
}

/// Bounds how much is asked.
package protocol TrafficLimiting: Sendable {
  /// Before anything is known of who asks: load shedding, limits of addresses. Throws a 429 or 503 `Problem`.
  func arrive(_ request: HTTPRequest, at route: RouteSpecification) async throws(Problem) -> TrafficPermit
  /// The limits of a credential and its tenant. Throws a 429 `Problem` with `Retry-After` and `RateLimit` fields.
  func admit(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification
  ) async throws(Problem) -> TrafficPermit
  /// The credentials of a request were not good: who guesses is slowed down.
  func refused(_ request: HTTPRequest, at route: RouteSpecification, _ problem: Problem)
}

extension TrafficLimiting {
  /// Nothing is counted.
  package func refused(_ request: HTTPRequest, at route: RouteSpecification, _ problem: Problem) {}
}

/// Says whether a request is allowed.
package protocol AccessDeciding: Sendable {
  /// Decides. Whatever goes wrong is a refusal.
  func decide(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification
  ) async -> AccessDecision
}

/// What a policy says of a request.
package struct AccessDecision: Sendable, Equatable {
  /// Whether it is allowed.
  package let isAllowed: Bool
  /// Whether nobody could decide. It is not allowed then, and may be later.
  package let isUndecided: Bool
  /// The reason for a refusal, for the caller; no secret.
  package let reason: String
  /// The id of the decision in the decision log; empty for none.
  package let id: String

  /// Makes a decision.
  package init(isAllowed: Bool, isUndecided: Bool = false, reason: String = "", id: String = "") {
    self.isAllowed = isAllowed
    self.isUndecided = isUndecided
    self.reason = reason
    self.id = id
  }

  /// What the caller reads of a refusal.
  package var problem: Problem {
    isUndecided
      ? Problem(.policyUnavailable, retryAfterSeconds: 2) : Problem(.accessDenied, reason.isEmpty ? nil : reason)
  }
}

/// Keeps the answers of requests with an `Idempotency-Key`, for routes that do not keep them themselves.
package protocol IdempotentAnswering: Sendable {
  /// Makes the answer with `make`, or repeats the one that was made for the same key. Throws 409 while the first is
  /// under way, 422 for another body.
  func answer(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification,
    _ make: () async throws -> HTTPResponse
  ) async throws -> HTTPResponse
}

/// Writes the audit log: every change and every refusal.
package protocol AuditRecording: Sendable {
  /// Notes that a change is about to be asked for; `decision` is the id of the decision that allows it. Throws a 503
  /// `Problem` when it cannot be noted: then nothing is changed. Returns what `end` needs; `nil` for what is no change.
  func begin(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification, decision: String
  ) async throws(Problem) -> (any PendingAuditEntry)?
  /// Notes what became of it.
  func end(_ entry: any PendingAuditEntry, _ status: HTTPStatus) async
  /// Notes a refusal: of credentials (`identity` is `nil`), of a policy (with the id of its decision), of a limit, of a
  /// service behind.
  func refused(
    _ identity: Identity?, _ request: HTTPRequest, at route: RouteSpecification, _ problem: Problem, decision: String
  ) async
}

/// An entry of the audit log that waits for its end. Whoever records it adds what it needs.
package protocol PendingAuditEntry: Sendable {}
