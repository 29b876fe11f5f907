internal import Contracts
internal import Crypto
internal import GatewayAccounts
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Telemetry

/// The second step of a sign-in, and authenticator apps.
extension SignInService {
  private static let codeBytesMax = 64

  func addSecondFactor(to router: inout Router, through pipeline: RequestPipeline) {
    pipeline.add(Routes.SignIn.secondFactor, to: &router) { request, _ in try await endSignIn(request) }
    pipeline.add(Routes.SignIn.enrol, to: &router) { request, identity in
      try await enrol(request, try await current(request, identity))
    }
    pipeline.add(Routes.SignIn.confirm, to: &router) { request, identity in
      try await confirmEnrolment(request, try await current(request, identity))
    }
    pipeline.add(Routes.SignIn.remove, to: &router) { request, identity in
      try await remove(request, try await current(request, identity))
    }
  }

  // MARK: Signing in

  /// A page that was sent back by a provider knows no CSRF token; the origin is checked, and nobody else knows a code.
  private func endSignIn(_ request: HTTPRequest) async throws -> HTTPResponse {
    try sessions.browser.checkOrigin(request.head)
    let (code, recoveryCode) = try await SignInService.codes(request)
    guard let token = try sessions.token(of: request),
      let record = try await reaching({ try await store.find(token, isUse: true) }), record.state == .secondFactor
    else { throw sessions.refusal(.sessionInvalid) }
    let owner = token.owner
    guard let account = try await reaching({ try await parts.accounts.account(owner.tenant, owner.user) }),
      record.passwordMark.isEmpty || record.passwordMark == SessionRecord.mark(of: account.passwordHash)
    else { throw sessions.refusal(.sessionInvalid) }
    try await check(code, recoveryCode, of: account, owner, request)
    switch await decide(.secondFactor, record.method, account, hasSecondFactor: true) {
    case .allowed, .needsSecondFactor: break
    case .undecided: throw Problem(.policyUnavailable, retryAfterSeconds: 2)
    case .denied(let reason):
      metrics.signIn(SignInService.label(record.method), .denied)
      await self.record(.refused, owner, method: "second_factor", request)
      throw Problem(.accessDenied, reason)
    }
    let begun = try await begin(account, .full, method: record.method, request, replacing: token)
    metrics.signIn(SignInService.label(record.method), .success)
    await self.record(.signedIn, owner, method: record.method, request)
    return SignInService.answer(begun, account)
  }

  private static func codes(_ request: HTTPRequest) async throws -> (code: String?, recoveryCode: String?) {
    var fields = JSONFields(try await request.json(limits: bodyLimits).root)
    let codes = readCodes(&fields)
    do { try fields.finish() } catch { throw Problem(error) }
    return codes
  }

  private static func readCodes(_ fields: inout JSONFields) -> (code: String?, recoveryCode: String?) {
    let code = fields.string("code", bytesMax: codeBytesMax)
    let recoveryCode = fields.string("recovery_code", bytesMax: codeBytesMax)
    if (code == nil) == (recoveryCode == nil), fields.faults.isEmpty {
      fields.note("code", .required, "A code or a recovery code is required, one of the two.")
    }
    return (code, recoveryCode)
  }

  /// Checks a code of the second factor, once. Throws a 401 `Problem` for a wrong one, 429 after too many.
  private func check(
    _ code: String?, _ recoveryCode: String?, of account: Account, _ owner: SessionOwner, _ request: HTTPRequest
  ) async throws(Problem) {
    let attempt = AttemptLimiter.Attempt.secondFactor(owner, address: parts.clientAddress(request))
    try await count(attempt)
    guard let sealed = account.sealedSecondFactor else { throw Problem(.secondFactorMissing) }
    guard let secret = SecondFactorSecret(sealed, of: owner, by: parts.sealer) else {
      logger.error("a second factor cannot be opened: its key is missing")
      throw Problem(.signInUnavailable, retryAfterSeconds: 30)
    }
    let isRight: Bool
    if let code {
      isRight = try await take(code, secret, owner)
    } else {
      isRight = try await take(recoveryCode: recoveryCode ?? "", sealed, owner, request)
    }
    metrics.secondFactor(isRight ? (code == nil ? "recovery" : "ok") : "failed")
    guard isRight else {
      await record(.refused, owner, method: "second_factor", request)
      throw Problem(.secondFactorFailed)
    }
    await attempts.succeeded(attempt)
  }

  private func take(_ code: String, _ secret: SecondFactorSecret, _ owner: SessionOwner) async throws(Problem) -> Bool {
    let now = clock().unixMicroseconds / 1_000_000
    guard let period = OneTimeCode.period(of: code, secret: secret.secret, unixSeconds: now) else { return false }
    return try await reaching { try await secondFactors.take(period: period, of: owner) }
  }

  /// Takes a recovery code out of those that are left. What somebody else has changed meanwhile is never overwritten:
  /// a code that was used, or an app that was removed, would be good again. Then all is looked at anew.
  private func take(
    recoveryCode: String, _ sealed: [UInt8], _ owner: SessionOwner, _ request: HTTPRequest
  ) async throws(Problem) -> Bool {
    let isTaken = try await reaching {
      var stored: [UInt8]? = sealed
      var isFirst = true
      // All that are left may be used at once: each time one of them is the fastest.
      for _ in 0..<SecondFactorSecret.recoveryCodesCount {
        guard let before = stored, var left = SecondFactorSecret(before, of: owner, by: parts.sealer),
          let place = left.place(of: recoveryCode)
        else { return false }
        let digest = left.recoveryDigests.remove(at: place)
        if isFirst { guard try await secondFactors.take(recoveryDigest: digest, of: owner) else { return false } }
        isFirst = false
        guard let after = left.sealed(for: owner, by: parts.sealer) else { return false }
        if try await parts.changes.replaceSecondFactor(owner.tenant, owner.user, before, by: after) { return true }
        stored = try await parts.accounts.account(owner.tenant, owner.user)?.sealedSecondFactor
      }
      throw Problem(.signInUnavailable, retryAfterSeconds: 2)
    }
    guard isTaken else { return false }
    sessions.accounts.forget(.user(owner.user))
    await record(.recoveryCodeUsed, owner, method: "second_factor", request)
    return true
  }

  // MARK: Apps

  private func enrol(_ request: HTTPRequest, _ current: SessionAuthenticator.Current) async throws -> HTTPResponse {
    var fields = JSONFields(try await request.json(limits: SignInService.bodyLimits).root)
    // Who has shown a first factor minutes ago, maybe at a provider, is not asked for it again.
    let isSigningIn = current.record.state == .enrolment
    let password = fields.string(
      "password", isRequired: !isSigningIn, bytesMax: PasswordHash.passwordBytesMax)
    do { try fields.finish() } catch { throw Problem(error) }
    let account = try await fresh(current)
    guard account.sealedSecondFactor == nil else { throw Problem(.secondFactorExists) }
    if !isSigningIn { try await confirm(password ?? "", of: account, request) }
    let secret = SecondFactorSecret.make()
    guard try await reaching({ try await secondFactors.begin(secret, for: current.token.owner) }) else {
      logger.error("a second factor cannot be sealed: there is no key")
      throw Problem(.signInUnavailable, retryAfterSeconds: 30)
    }
    return SignInService.answer(.created) { json in
      json.member("secret", Base32.encode(secret.secret))
      json.member("uri", secret.address(email: account.user.email))
    }
  }

  private func confirmEnrolment(
    _ request: HTTPRequest, _ current: SessionAuthenticator.Current
  ) async throws -> HTTPResponse {
    var fields = JSONFields(try await request.json(limits: SignInService.bodyLimits).root)
    let code = fields.string("code", isRequired: true, bytesMax: SignInService.codeBytesMax) ?? ""
    do { try fields.finish() } catch { throw Problem(error) }
    let owner = current.token.owner
    let account = try await fresh(current)
    guard account.sealedSecondFactor == nil else { throw Problem(.secondFactorExists) }
    guard var secret = try await reaching({ try await secondFactors.enrolment(of: owner) }) else {
      throw Problem(.secondFactorMissing)
    }
    let attempt = AttemptLimiter.Attempt.secondFactor(owner, address: parts.clientAddress(request))
    try await count(attempt)
    guard try await take(code, secret, owner) else { throw Problem(.secondFactorFailed, status: .unprocessableContent) }
    await attempts.succeeded(attempt)
    let codes = secret.makeRecoveryCodes()
    guard let sealed = secret.sealed(for: owner, by: parts.sealer) else { throw Problem(.signInUnavailable) }
    let isAdded = try await reaching {
      try await parts.changes.replaceSecondFactor(owner.tenant, owner.user, nil, by: sealed)
    }
    sessions.accounts.forget(.user(owner.user))
    // Somebody else was faster: what they have been shown counts.
    guard isAdded else { throw Problem(.secondFactorExists) }
    try await reaching { try await secondFactors.end(owner) }
    await record(.secondFactorAdded, owner, method: current.record.method, request)
    guard current.record.state == .enrolment else {
      try await reaching { try await store.endOthers(than: current.token) }
      return SignInService.answer { $0.member("recovery_codes", codes) }
    }
    // The sign-in that has waited for it is complete.
    let method = current.record.method
    let begun = try await begin(try await fresh(current), .full, method: method, request, replacing: current.token)
    try await reaching { try await store.endOthers(than: begun.token) }
    metrics.signIn(SignInService.label(method), .success)
    await record(.signedIn, owner, method: method, request)
    return SignInService.answer(cookies: begun.cookies) { json in
      json.member("recovery_codes", codes)
      json.member("state", begun.state.rawValue)
      json.member("csrf_token", begun.token.csrfToken)
    }
  }

  private func remove(_ request: HTTPRequest, _ current: SessionAuthenticator.Current) async throws -> HTTPResponse {
    var fields = JSONFields(try await request.json(limits: SignInService.bodyLimits).root)
    let password = fields.string("password", isRequired: true, bytesMax: PasswordHash.passwordBytesMax) ?? ""
    let (code, recoveryCode) = SignInService.readCodes(&fields)
    do { try fields.finish() } catch { throw Problem(error) }
    let account = try await fresh(current)
    guard account.sealedSecondFactor != nil else { throw Problem(.secondFactorMissing) }
    try await confirm(password, of: account, request)
    let owner = current.token.owner
    try await check(code, recoveryCode, of: account, owner, request)
    let isChanged = try await reaching { try await parts.changes.setSecondFactor(owner.tenant, owner.user, nil) }
    sessions.accounts.forget(.user(owner.user))
    guard isChanged else { throw sessions.refusal(.sessionInvalid) }
    await record(.secondFactorRemoved, owner, method: current.record.method, request)
    return try await renew(current, try await fresh(current), request)
  }
}
