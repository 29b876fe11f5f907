internal import Contracts
internal import GatewayAccounts
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import SystemSources
internal import Telemetry

/// How a session begins.
extension SignInService {
  /// Time in which the second factor has to follow.
  private static let secondFactorTime = Duration.seconds(300)
  /// Time in which one has to be added.
  private static let enrolmentTime = Duration.seconds(600)
  private static let agentBytesMax = 200

  /// What a sign-in has led to.
  struct Begun: Sendable {
    let token: SessionToken
    let state: SessionRecord.State
    let cookies: [String]
  }

  /// Runs what reads or writes Redis or accounts; whoever cannot read them lets nobody in.
  func reaching<Value>(_ body: () async throws -> Value) async throws(Problem) -> Value {
    do { return try await body() } catch {
      if let problem = error as? Problem { throw problem }
      logger.warning("a sign-in could not go on", ["reason": .string("\(error)")])
      throw Problem(.signInUnavailable, retryAfterSeconds: 2)
    }
  }

  /// Begins a session for somebody whose first factor was right: a full one, or one that waits for the second factor.
  /// Its token is always fresh, and whatever the browser had before ends.
  func begin(_ account: Account, method: String, _ request: HTTPRequest) async throws(Problem) -> Begun {
    guard account.tenantState == .active else {
      metrics.signIn(SignInService.label(method), .suspended)
      throw Problem(.accessDenied, "The tenant is suspended, or is being deleted.")
    }
    let state: SessionRecord.State
    switch await decide(.signIn, method, account, hasSecondFactor: false) {
    case .denied(let reason):
      metrics.signIn(SignInService.label(method), .denied)
      let owner = SessionOwner(tenant: account.user.tenant, user: account.user.id)
      await record(.refused, owner, method: method, request)
      throw Problem(.accessDenied, reason)
    case .undecided: throw Problem(.policyUnavailable, retryAfterSeconds: 2)
    case .needsSecondFactor: state = account.hasSecondFactor ? .secondFactor : .enrolment
    case .allowed: state = account.hasSecondFactor ? .secondFactor : .full
    }
    let begun = try await begin(account, state, method: method, request, replacing: nil)
    if let old = try? sessions.token(of: request) { try? await store.end(old) }
    metrics.signIn(SignInService.label(method), state.outcome)
    return begun
  }

  /// What the policies say of a step.
  func decide(
    _ step: SessionQuestion.Step, _ method: String, _ account: Account, hasSecondFactor: Bool
  ) async -> SessionDecision {
    await parts.policy?.decide(SessionQuestion(step, by: method, account, hasSecondFactor: hasSecondFactor)) ?? .allowed
  }

  /// Stores a session and makes its cookies. With `replacing`, that session must still be there, and ends.
  func begin(
    _ account: Account, _ state: SessionRecord.State, method: String, _ request: HTTPRequest, replacing: SessionToken?
  ) async throws(Problem) -> Begun {
    let owner = SessionOwner(tenant: account.user.tenant, user: account.user.id)
    let token = SessionToken(for: owner)
    let time =
      switch state {
      case .full: lifetime
      case .secondFactor: SignInService.secondFactorTime
      case .enrolment: SignInService.enrolmentTime
      }
    let record = SessionRecord(
      id: .make(), state: state, method: method,
      passwordMark: method == SignInService.passwordMethod ? SessionRecord.mark(of: account.passwordHash) : "",
      agent: SignInService.plain(request.headers[.userAgent] ?? ""), address: parts.clientAddress(request) ?? "",
      idleMilliseconds: min(idle, time).milliseconds, lifetimeMilliseconds: time.milliseconds)
    let isStored = try await reaching {
      try await store.begin(record, token, replacing: replacing, mustExist: replacing != nil)
    }
    guard isStored else { throw sessions.refusal(.sessionInvalid) }
    metrics.session(replacing == nil ? "begun" : "rotated")
    let jar = sessions.cookies
    var cookies = [jar.set(jar.session, token.text, seconds: time.milliseconds / 1000)]
    if state == .full {
      let shown = SignInService.only(jar.find(jar.device, in: request.headers))
      if let device = await attempts.know(shown, of: owner) {
        cookies.append(jar.set(jar.device, device, seconds: AttemptLimiter.deviceSeconds))
      }
      _ = try? await parts.changes.noteSignIn(owner.tenant, owner.user, at: clock())
    }
    return Begun(token: token, state: state, cookies: cookies)
  }

  /// The method of sessions that a password has begun.
  static var passwordMethod: String { "password" }

  /// A method as a label: the names of providers are not in it.
  static func label(_ method: String) -> String { SessionRecord.label(of: method) }

  static func only(_ found: CookieJar.Found) -> String? { if case .one(let value) = found { value } else { nil } }

  /// One line of printable ASCII.
  private static func plain(_ text: String) -> String {
    String(decoding: text.utf8.lazy.filter { (0x20...0x7E).contains($0) }.prefix(agentBytesMax), as: UTF8.self)
  }

  /// Notes what has happened.
  func record(
    _ kind: SignInEvent.Kind, _ owner: SessionOwner?, tenant: TenantID? = nil, method: String, _ request: HTTPRequest
  ) async {
    await parts.recorder?.record(
      SignInEvent(
        kind: kind, tenant: owner?.tenant ?? tenant, user: owner?.user, method: method,
        address: parts.clientAddress(request)))
  }

  // MARK: Attempts

  /// Counts an attempt. Throws a 429 `Problem` when there were too many.
  func count(_ attempt: AttemptLimiter.Attempt) async throws(Problem) {
    guard let (milliseconds, block) = try await reaching({ try await attempts.begin(attempt) }) else { return }
    metrics.blocked(by: block.rawValue)
    throw Problem(.signInBlocked, retryAfterSeconds: Int(clamping: (milliseconds + 999) / 1000))
  }

  /// Checks the password of a user who has a session, as a sign-in would.
  func confirm(_ password: String, of account: Account, _ request: HTTPRequest) async throws(Problem) {
    let user = account.user
    let attempt = AttemptLimiter.Attempt.password(
      email: user.email, address: parts.clientAddress(request),
      device: try await device(of: SessionOwner(tenant: user.tenant, user: user.id), request))
    try await count(attempt)
    guard case .right = try await passwords.check(password, against: account.passwordHash) else {
      throw Problem(.signInFailed, "The password is not right.")
    }
    await attempts.succeeded(attempt)
  }

  /// The name of a browser that has signed in to an account before.
  func device(of owner: SessionOwner, _ request: HTTPRequest) async throws(Problem) -> String? {
    let jar = sessions.cookies
    guard let shown = SignInService.only(jar.find(jar.device, in: request.headers)) else { return nil }
    return try await reaching { try await attempts.device(shown, of: owner) }
  }

  // MARK: Answers

  /// An answer that nobody keeps.
  static func answer(
    _ status: HTTPStatus = .ok, cookies: [String] = [], _ build: (inout JSONWriter) -> Void
  ) -> HTTPResponse {
    uncached(HTTPResponse.json(status, build), cookies)
  }

  /// An answer without content.
  static func done(cookies: [String] = []) -> HTTPResponse { uncached(HTTPResponse(.noContent), cookies) }

  static func uncached(_ response: HTTPResponse, _ cookies: [String]) -> HTTPResponse {
    var response = response
    response.headers.set(.cacheControl, "no-store")
    for cookie in cookies { response.headers.append(.setCookie, cookie) }
    return response
  }
}
