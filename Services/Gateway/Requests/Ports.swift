package import Contracts
package import HTTP
package import HTTPWire

/// Finds out who makes a request.
package protocol RequestAuthenticating: Sendable {
  /// The identity of a request. Throws a 401 `Problem` for credentials that are missing or not good, 403 for those of a
  /// suspended tenant, 503 when nobody can say.
  func identity(of request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity
}

/// One way to show who makes a request.
package protocol CredentialChecking: Sendable {
  /// The identity; `nil` when the request shows no credential of this kind. Throws a 401 `Problem` for one that is of
  /// this kind and not good, 503 when nobody can say.
  func check(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity?
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
}

/// What was admitted, until it is given back.
package struct TrafficPermit: Sendable {
  /// Fields of the answer.
  package var fields: HTTPHeaders
  private let release: (@Sendable () -> Void)?

  /// Makes a permit. `release` is called once, when the answer has been made.
  package init(fields: HTTPHeaders = HTTPHeaders(), release: (@Sendable () -> Void)? = nil) {
    self.fields = fields
    self.release = release
  }

  /// Gives it back.
  package func end() { release?() }
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
  /// The reason for a refusal, for the caller; no secret.
  package let reason: String
  /// The id of the decision in the decision log; empty for none.
  package let id: String

  /// Makes a decision.
  package init(isAllowed: Bool, reason: String = "", id: String = "") {
    self.isAllowed = isAllowed
    self.reason = reason
    self.id = id
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
  /// Notes that a change is about to be asked for. Throws a 503 `Problem` when it cannot be noted: then nothing is
  /// changed. Returns what `end` needs.
  func begin(_ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification) async throws(Problem)
    -> PendingAuditEntry?
  /// Notes what became of it.
  func end(_ entry: PendingAuditEntry, _ status: HTTPStatus) async
  /// Notes a refusal: of credentials (`identity` is `nil`), of a policy, of a limit.
  func refused(
    _ identity: Identity?, _ request: HTTPRequest, at route: RouteSpecification, _ problem: Problem
  ) async
}

/// An entry of the audit log that waits for its end.
package struct PendingAuditEntry: Sendable {
  /// The number of the entry in its process.
  package let number: UInt64
  /// The tenant.
  package let tenant: TenantID

  /// Makes a entry.
  package init(number: UInt64, tenant: TenantID) {
    self.number = number
    self.tenant = tenant
  }
}
