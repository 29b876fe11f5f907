internal import Contracts
internal import Crypto
internal import GatewayAccounts
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives

/// Signing in with a password, the own session, all sessions, the password.
extension SignInService {
  private static let passwordBytesMax = PasswordHash.passwordBytesMax

  func addSessions(to router: inout Router, through pipeline: RequestPipeline) {
    pipeline.add(Routes.SignIn.signIn, to: &router) { request, _ in try await signIn(request) }
    pipeline.add(Routes.SignIn.signOut, to: &router) { request, _ in try await signOut(request) }
    pipeline.add(Routes.SignIn.session, to: &router) { request, identity in
      let current = try await current(request, identity)
      return SignInService.answer { SignInService.write(current, to: &$0) }
    }
    pipeline.add(Routes.SignIn.sessions, to: &router) { request, identity in
      try await list(try await current(request, identity))
    }
    pipeline.add(Routes.SignIn.endSession, to: &router) { request, identity in
      try await end(try request.parameter("id"), of: try await current(request, identity))
    }
    pipeline.add(Routes.SignIn.endSessions, to: &router) { request, identity in
      let owner = try await current(request, identity).token.owner
      try await endAll(of: owner, request)
      return SignInService.done(cookies: [sessions.cookies.clear(sessions.cookies.session)])
    }
    pipeline.add(Routes.SignIn.password, to: &router) { request, identity in
      try await changePassword(request, try await current(request, identity))
    }
  }

  /// The session behind an identity. Throws a 403 `Problem` for another kind of credential.
  func current(_ request: HTTPRequest, _ identity: Identity) async throws(Problem) -> SessionAuthenticator.Current {
    guard identity.kind == .session, let token = try sessions.token(of: request) else {
      throw Problem(.sessionRequired)
    }
    return try await sessions.session(token)
  }

  // MARK: Signing in

  private func signIn(_ request: HTTPRequest) async throws -> HTTPResponse {
    try sessions.browser.checkOrigin(request.head)
    var fields = JSONFields(try await request.json(limits: SignInService.bodyLimits).root)
    let shown = fields.string("email", isRequired: true, bytesMax: 256)
    let password = fields.string("password", isRequired: true, bytesMax: SignInService.passwordBytesMax)
    let tenantText = fields.string("tenant", bytesMax: 64)
    let tenant = tenantText.flatMap { TenantID($0) }
    if tenantText != nil, tenant == nil { fields.note("tenant", .malformed, "A tenant id is expected.") }
    do { try fields.finish() } catch { throw Problem(error) }
    guard let email = EmailForm.normalized(shown ?? ""), let password else { throw Problem(.signInFailed) }

    let account = try await reaching {
      // Without a tenant the oldest account is meant. Anybody can invite an address into a tenant of its own: that
      // must change nothing for who has signed in by it before.
      try await parts.accounts.accounts(email: email, in: tenant).first
    }
    let owner = account.map { SessionOwner(tenant: $0.user.tenant, user: $0.user.id) }
    // Whether there is an account must not show in what is looked up.
    let device = try await device(of: owner ?? SignInService.nobody, request)
    let attempt = AttemptLimiter.Attempt.password(
      email: email, address: parts.clientAddress(request), device: owner == nil ? nil : device)
    do throws(Problem) { try await count(attempt) } catch {
      metrics.signIn(SignInService.passwordMethod, error.status == .tooManyRequests ? .blocked : .unavailable)
      await record(.blocked, owner, tenant: tenant, method: SignInService.passwordMethod, request)
      throw error
    }
    let outcome = try await passwords.check(password, against: account?.passwordHash)
    guard case .right(let isOutdated) = outcome, var account, let owner else {
      metrics.signIn(SignInService.passwordMethod, .failed)
      await record(.refused, owner, tenant: tenant, method: SignInService.passwordMethod, request)
      throw Problem(.signInFailed)
    }
    await attempts.succeeded(attempt)
    if isOutdated { account = await renewHash(password, account, owner) }
    let begun = try await begin(account, method: SignInService.passwordMethod, request)
    if begun.state == .full { await record(.signedIn, owner, method: SignInService.passwordMethod, request) }
    return SignInService.answer(begun, account)
  }

  static var bodyLimits: JSONLimits { JSONLimits(depthMax: 4, bytesMax: 8192, nodesMax: 64) }

  private static let nobody = SessionOwner(
    tenant: TenantID(UUID(high: 0, low: 0)), user: UserID(UUID(high: 0, low: 0)))

  /// Stores the password at the cost of today. What does not succeed is tried at the next sign-in.
  private func renewHash(_ password: String, _ account: Account, _ owner: SessionOwner) async -> Account {
    guard let hash = try? await passwords.rehash(password),
      (try? await parts.changes.setPasswordHash(owner.tenant, owner.user, hash, replacing: account.passwordHash))
        == true
    else { return account }
    sessions.accounts.forget(.user(owner.user))
    return (try? await parts.accounts.account(owner.tenant, owner.user)) ?? account
  }

  static func answer(_ begun: Begun, _ account: Account) -> HTTPResponse {
    answer(cookies: begun.cookies) { json in
      json.member("state", begun.state.rawValue)
      guard begun.state != .secondFactor else { return json.member("methods", ["totp", "recovery_code"]) }
      write(account.user, to: &json)
      json.member("csrf_token", begun.token.csrfToken)
    }
  }

  private static func write(_ user: User, to json: inout JSONWriter) {
    json.member("tenant", "\(user.tenant)")
    json.key("user")
    json.beginObject()
    json.member("id", "\(user.id)")
    json.member("email", user.email)
    json.member("name", user.name)
    json.member("role", user.role.rawValue)
    json.member("is_operator", user.isOperator)
    json.member("has_second_factor", user.hasSecondFactor)
    json.endObject()
  }

  private static func write(_ current: SessionAuthenticator.Current, to json: inout JSONWriter) {
    json.member("state", current.record.state.rawValue)
    write(current.account.user, to: &json)
    json.member("csrf_token", current.token.csrfToken)
    json.key("session")
    json.beginObject()
    write(current.record, isCurrent: true, to: &json)
    json.endObject()
  }

  private static func write(_ record: SessionRecord, isCurrent: Bool, to json: inout JSONWriter) {
    func time(_ milliseconds: Int64) -> String { "\(Timestamp(unixMicroseconds: milliseconds &* 1000))" }
    json.member("id", "\(record.id)")
    json.member("method", record.method)
    json.member("agent", record.agent)
    json.member("address", record.address)
    json.member("created_at", time(record.createdAt))
    json.member("last_used_at", time(record.seenAt))
    json.member("ends_at", time(record.endsAt))
    json.member("idle_seconds", record.idleMilliseconds / 1000)
    json.member("is_current", isCurrent)
  }

  // MARK: Ending

  private func signOut(_ request: HTTPRequest) async throws -> HTTPResponse {
    let cleared = SignInService.done(cookies: [sessions.cookies.clear(sessions.cookies.session)])
    try sessions.browser.checkOrigin(request.head)
    guard let token = try sessions.token(of: request) else { return cleared }
    try sessions.browser.checkToken(request.headers, of: token)
    var isEverywhere = false
    if request.head.framing != .none, request.head.framing != .length(0) {
      var fields = JSONFields(try await request.json(limits: SignInService.bodyLimits).root)
      isEverywhere = fields.bool("everywhere") ?? false
      do { try fields.finish() } catch { throw Problem(error) }
    }
    // Who shows no session of a user must not end those of the user.
    guard let session = try await reaching({ try await store.find(token, isUse: true) }) else { return cleared }
    if isEverywhere, session.state == .full {
      try await endAll(of: token.owner, request)
    } else {
      try await reaching { try await store.end(token) }
      metrics.session("ended")
      await record(.signedOut, token.owner, method: session.method, request)
    }
    return cleared
  }

  private func endAll(of owner: SessionOwner, _ request: HTTPRequest) async throws(Problem) {
    try await reaching { try await store.endAll(of: owner) }
    metrics.session("ended")
    await record(.signedOut, owner, method: "all", request)
  }

  private func list(_ current: SessionAuthenticator.Current) async throws(Problem) -> HTTPResponse {
    let found = try await reaching { try await store.list(of: current.token.owner) }
    let sorted = found.filter { $0.record.state == .full }.sorted { $0.record.seenAt > $1.record.seenAt }
    let digest = current.token.digest
    return SignInService.answer { json in
      json.objects("sessions", sorted) { SignInService.write($0.record, isCurrent: $0.digest == digest, to: &$1) }
    }
  }

  private func end(_ id: String, of current: SessionAuthenticator.Current) async throws(Problem) -> HTTPResponse {
    let owner = current.token.owner
    let found = try await reaching { try await store.list(of: owner) }
    guard let id = SessionID(id), let session = found.first(where: { $0.record.id == id }) else {
      throw .notFound("session")
    }
    try await reaching { try await store.end(owner, session.digest) }
    metrics.session("ended")
    let isOwn = session.digest == current.token.digest
    return SignInService.done(cookies: isOwn ? [sessions.cookies.clear(sessions.cookies.session)] : [])
  }

  // MARK: The password

  private func changePassword(
    _ request: HTTPRequest, _ current: SessionAuthenticator.Current
  ) async throws -> HTTPResponse {
    var fields = JSONFields(try await request.json(limits: SignInService.bodyLimits).root)
    let old = fields.string("current_password", isRequired: true, bytesMax: SignInService.passwordBytesMax) ?? ""
    let new = fields.string("new_password", isRequired: true, bytesMax: SignInService.passwordBytesMax) ?? ""
    do { try fields.finish() } catch { throw Problem(error) }
    let account = try await fresh(current)
    try await confirm(old, of: account, request)
    guard new != old, new.lowercased() != account.user.email else { throw Problem(.passwordRefused) }
    let hash = try await passwords.hash(new)
    let owner = current.token.owner
    let isChanged = try await reaching {
      try await parts.changes.setPasswordHash(owner.tenant, owner.user, hash, replacing: account.passwordHash)
    }
    sessions.accounts.forget(.user(owner.user))
    // Somebody else was faster.
    guard isChanged else { throw Problem(.signInFailed, "The password has just been changed.") }
    await record(.passwordChanged, owner, method: current.record.method, request)
    return try await renew(current, try await fresh(current), request)
  }

  /// The account of a session as it is now.
  func fresh(_ current: SessionAuthenticator.Current) async throws(Problem) -> Account {
    let owner = current.token.owner
    guard let account = try await reaching({ try await parts.accounts.account(owner.tenant, owner.user) }) else {
      throw sessions.refusal(.sessionInvalid)
    }
    return account
  }

  /// Gives the browser a fresh token and ends all other sessions of the user: after a change of what they began with.
  func renew(
    _ current: SessionAuthenticator.Current, _ account: Account, _ request: HTTPRequest
  ) async throws(Problem) -> HTTPResponse {
    let begun = try await begin(account, .full, method: current.record.method, request, replacing: current.token)
    try await reaching { try await store.endOthers(than: begun.token) }
    return SignInService.answer(begun, account)
  }
}
