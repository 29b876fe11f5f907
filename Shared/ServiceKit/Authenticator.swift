public import Contracts
public import HTTP
public import HTTPWire
public import Primitives
internal import SystemSources

/// Says who calls a service: the one place that reads identity from requests. Only a signed assertion is a source of
/// it; plain headers say nothing.
public final class Authenticator: Sendable {
  private let verified: VerifiedAssertions

  /// For the service `audience`, trusting the issuers whose keys are given. Throws `KeyListError` when two issuers
  /// share a secret.
  public init(_ audience: Audience, trusting keys: [SigningKeys]) throws(KeyListError) {
    try SigningKeys.requireDistinct(keys)
    verified = VerifiedAssertions(AssertionVerifier(audience: audience, trusting: keys))
  }

  /// The caller of a request, who must have a right. Throws a 401 or 403 `Problem`.
  public func authenticate(_ request: HTTPRequest, scope: Scope) throws(Problem) -> Caller {
    try authenticate(request.headers, scope: scope, now: WallClock.now())
  }

  /// The same at a given time.
  public func authenticate(
    _ headers: HTTPHeaders, scope: Scope, now: Timestamp, late: Int64 = 0
  ) throws(Problem) -> Caller {
    try authenticate(headers[InternalHeader.assertion], scope: scope, now: now, late: late)
  }

  /// The caller behind the text of an assertion. `late` accepts one that ended so many seconds ago: only where
  /// something else decides whether the caller may still act.
  public func authenticate(
    _ text: String?, scope: Scope, now: Timestamp, late: Int64 = 0
  ) throws(Problem) -> Caller {
    guard let text else { throw .noAssertion() }
    let caller: Caller
    do { caller = try verified.verify(text, now: now, late: late).caller } catch { throw Problem(error) }
    guard caller.has(scope) else { throw .scopeMissing(scope) }
    return caller
  }
}

extension Problem {
  /// 401: nobody has said who calls.
  static func noAssertion() -> Problem {
    Problem(
      .assertionMissing,
      "This address is for the services of the installation: the request has no \(InternalHeader.assertion).")
  }

  /// 403: the caller is known, and may not.
  static func scopeMissing(_ scope: Scope) -> Problem {
    switch scope {
    case .operator:
      Problem(.operatorRequired, "Only a key of an operator may see and change what all tenants use.")
    default: Problem(.scopeMissing, "The caller has no right to this address (\(scope.rawValue)).")
    }
  }

  /// 401 for an assertion that is not believed.
  public init(_ error: AssertionError) {
    self.init(
      .unauthorized, code: error == .expired ? "assertion_expired" : "assertion_invalid", error.description)
  }
}
