package import Contracts
internal import GatewayAccounts
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import Redis

/// Finds out who makes a request by the cookie of a session.
package struct SessionAuthenticator: CredentialChecking {
  let store: SessionStore
  let cookies: CookieJar
  let browser: BrowserGuard
  let accounts: AccountCache
  let metrics: SignInMetrics
  let policy: (any SessionDeciding)?

  /// A session that was looked up.
  struct Current: Sendable {
    let token: SessionToken
    let record: SessionRecord
    let account: Account
  }

  /// As `CredentialChecking` says. A key or token beside the cookie is what counts: programs send no cookies, and pages
  /// send no keys.
  package func check(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity? {
    try await check(request, for: route, isUse: true)
  }

  /// As `CredentialChecking` says: a page that only reads a stream does not keep its session alive.
  package func recheck(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity? {
    try await check(request, for: route, isUse: false)
  }

  private func check(
    _ request: HTTPRequest, for route: RouteSpecification, isUse: Bool
  ) async throws(Problem) -> Identity? {
    guard SessionAuthenticator.isForBrowsers(route), !request.headers.contains(.authorization),
      !request.headers.contains(.xAPIKey), let token = try token(of: request)
    else { return nil }
    try checkChange(request, token)
    let session = try await session(token, isUse: isUse)
    try await checkState(session, at: route)
    let user = session.account.user
    return Identity(
      kind: .session,
      caller: Caller(
        issuer: .gateway, tenant: user.tenant, principal: "\(user.id)", scopes: user.grants.scopes,
        role: user.role.rawValue),
      role: user.role, subject: "\(user.id)", credential: "\(session.record.id)", grants: user.grants)
  }

  /// Throws a 401 `Problem` for a sign-in that is not complete, 403 for a session that the policies end, 503 when
  /// nobody can decide. Where a second
  /// factor is added, both kinds may go.
  private func checkState(_ session: Current, at route: RouteSpecification) async throws(Problem) {
    let isEnrolling = [Routes.SignIn.enrol, Routes.SignIn.confirm, Routes.SignIn.session].contains(route)
    let (record, account) = (session.record, session.account)
    switch record.state {
    case .secondFactor: throw refusal(.secondFactorRequired)
    case .enrolment: if !isEnrolling { throw refusal(.secondFactorEnrolmentRequired) }
    case .full:
      let question = SessionQuestion(.refresh, by: record.method, account, hasSecondFactor: account.hasSecondFactor)
      switch await policy?.decide(question) ?? .allowed {
      case .allowed: return
      case .undecided: throw Problem(.policyUnavailable, retryAfterSeconds: 2)
      case .needsSecondFactor, .denied:
        if isEnrolling, !account.hasSecondFactor { return }
        metrics.session("denied")
        throw refusal(.sessionDenied)
      }
    }
  }

  private static func isForBrowsers(_ route: RouteSpecification) -> Bool {
    switch route.access {
    case .tenant, .models, .operator: true
    case .worker, .step, .anonymous: false
    }
  }

  /// The token in the cookie of a request; `nil` without a cookie. Throws a 401 or 400 `Problem` for one that is none.
  func token(of request: HTTPRequest) throws(Problem) -> SessionToken? {
    switch cookies.find(cookies.session, in: request.headers) {
    case .none: return nil
    case .unclear: throw Problem(.tooManyCredentials, "The request has the cookie of the session twice. Send one.")
    case .one(let text):
      guard let token = SessionToken(text) else { throw refusal(.sessionInvalid) }
      return token
    }
  }

  /// Throws a 403 `Problem` for a change that a page of another origin could have made.
  func checkChange(_ request: HTTPRequest, _ token: SessionToken) throws(Problem) {
    guard BrowserGuard.isUnsafe(request.head) else { return }
    try browser.checkOrigin(request.head)
    // A page cannot add fields to the request of a WebSocket; its origin was compared.
    if request.head.method == .get, request.headers.contains(.origin) { return }
    try browser.checkToken(request.headers, of: token)
  }

  /// The session of a token. Throws a 401 `Problem` for one that is over, 403 for a tenant that may not work, 503 when
  /// nobody can say.
  func session(_ token: SessionToken, isUse: Bool = true) async throws(Problem) -> Current {
    let record: SessionRecord?
    let account: Account?
    do {
      record = try await store.find(token, isUse: isUse)
      account = record == nil ? nil : try await accounts.account(token.owner)
    } catch { throw Problem(.signInUnavailable, retryAfterSeconds: 2) }
    guard let record else { throw refusal(.sessionInvalid) }
    guard let account,
      record.passwordMark.isEmpty || record.passwordMark == SessionRecord.mark(of: account.passwordHash)
    else {
      metrics.session("revoked")
      // It stays refused when this does not succeed.
      try? await store.end(token)
      throw refusal(.sessionInvalid)
    }
    guard account.tenantState == .active else {
      throw Problem(.accessDenied, "The tenant is suspended, or is being deleted.")
    }
    return Current(token: token, record: record, account: account)
  }

  /// A refusal that also removes a cookie that is worth nothing.
  func refusal(_ code: ProblemCode) -> Problem {
    var headers = HTTPHeaders()
    if code == .sessionInvalid { headers.append(.setCookie, cookies.clear(cookies.session)) }
    return Problem(code, headers: headers)
  }
}
