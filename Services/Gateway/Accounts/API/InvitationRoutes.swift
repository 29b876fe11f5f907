internal import APIKit
internal import Contracts
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import SystemSources

/// `/api/v1/invitations`
struct InvitationRoutes: Sendable {
  let routes: AccountRoutes

  private var invitations: InvitationStore { routes.storage.invitations }

  var table: [String: AccountRoutes.Answer] {
    [
      "GET /api/v1/invitations": list, "POST /api/v1/invitations": create,
      "DELETE /api/v1/invitations/{id}": revoke,
      "POST /api/v1/invitations/accept": { request, _ in try await accept(request) },
      "GET /api/v1/invitations/{id}": { request, identity in
        let invitation = try await find(request, identity)
        return .json { InvitationRoutes.write(invitation, to: &$0) }
      },
    ]
  }

  private func find(_ request: HTTPRequest, _ identity: Identity) async throws -> Invitation {
    let (tenant, _) = try identity.managing()
    let id = try PathParameter.id(request, InvitationID.self, of: "invitation")
    guard let invitation = try await invitations.invitation(tenant, id) else { throw Problem.notFound("invitation") }
    return invitation
  }

  private func list(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let (tenant, _) = try identity.managing()
    let page = try PageRequest<InvitationKind>(try request.query(), standard: 50, max: 200)
    let rows = try await invitations.invitations(tenant, before: page.cursor, limit: page.rows)
    return .page("invitations", rows, limit: page.limit, cursor: { $0.id.description }) {
      InvitationRoutes.write($0, to: &$1)
    }
  }

  private func create(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let (tenant, rules) = try identity.managing()
    return try await invite(request, to: tenant, by: identity, standardRole: .member) {
      rules.canMake($0, isOperator: $1)
    }
  }

  /// Invites somebody as the document of a request says, if the caller may give the role and the right to configure the
  /// installation.
  func invite(
    _ request: HTTPRequest, to tenant: TenantID, by identity: Identity, standardRole: Role,
    mayGive: (Role, Bool) -> Bool
  ) async throws -> HTTPResponse {
    var fields = JSONFields(try await request.json().root)
    let email = fields.email("email", isRequired: true)
    let role = fields.role("role") ?? standardRole
    let isOperator = fields.bool("is_operator") ?? false
    let seconds =
      fields.int("expires_in_seconds", in: AccountLimits.invitationSeconds) ?? AccountLimits.invitationSecondsStandard
    try fields.finish()
    guard let email else { throw Problem(.invalidInput) }
    guard mayGive(role, isOperator) else { throw Problem(.beyondOwnRights) }
    let (invitation, text) = try await add(
      tenant, email, role, isOperator: isOperator, seconds: seconds, by: identity.subject)
    var response = HTTPResponse.json(.created) { writer in
      InvitationRoutes.write(invitation, to: &writer)
      writer.member("token", text.text)
    }
    response.headers.append(.cacheControl, "no-store")
    response.headers.append(.location, "/api/v1/invitations/\(invitation.id)")
    return response
  }

  /// Adds an invitation. Throws a 409 `Problem`.
  func add(
    _ tenant: TenantID, _ email: EmailAddress, _ role: Role, isOperator: Bool,
    seconds: Int64 = AccountLimits.invitationSecondsStandard, by principal: String
  ) async throws -> (Invitation, SecretText) {
    let text = SecretText(
      .invitation, id: InvitationID.make().uuid, random: SystemRandom.bytes(SecretText.randomBytes))
    let new = NewInvitation(
      id: InvitationID(text.id), email: email, role: role, isOperator: isOperator, seconds: seconds,
      hash: routes.hasher.hash(text.text), createdBy: principal)
    guard let invitation = try await invitations.add(tenant, new) else { throw Problem(.alreadyMember) }
    return (invitation, text)
  }

  private func revoke(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let invitation = try await find(request, identity)
    guard AccountRules(identity).reaches(invitation.role, isOperator: invitation.isOperator) else {
      throw Problem(.beyondOwnRights)
    }
    guard try await invitations.revoke(invitation.tenant, invitation.id) else { throw Problem.notFound("invitation") }
    return HTTPResponse(.noContent)
  }

  // MARK: Accepting

  private func accept(_ request: HTTPRequest) async throws -> HTTPResponse {
    var fields = JSONFields(try await request.json().root)
    let token = fields.string("token", isRequired: true, bytesMax: 200) ?? ""
    let name = fields.label("name", allowsEmpty: true) ?? ""
    let password = fields.string("password", bytesMax: AccountLimits.passwordBytesMax)
    let keyName = fields.object("key") { $0.label("name", isRequired: true) ?? "" }
    if password == nil, keyName == nil { fields.note("password", .required, "A password or a key is needed.") }
    try fields.finish()
    guard let text = SecretText(.invitation, token),
      let stored = try await invitations.stored(InvitationID(text.id)),
      routes.hasher.matches(text.text, stored.hash), WallClock.now() < stored.invitation.expiresAt
    else { throw Problem(.invitationInvalid) }
    guard stored.tenantState == .active else { throw Problem(.tenantNotActive) }
    let user = UserID.make()
    if keyName != nil { try await checkKey(of: user, stored.invitation) }
    var passwordHash: String?
    if let password {
      guard let passwords = routes.passwords else { throw Problem(.passwordsNotAvailable) }
      passwordHash = try await passwords.hash(password)
    }
    let accepted = AcceptedInvitation(
      tenant: stored.invitation.tenant, id: stored.invitation.id, hash: stored.hash.bytes, user: user, name: name,
      passwordHash: passwordHash)
    guard let added = try await invitations.accept(accepted) else { throw Problem(.invitationInvalid) }
    var key: (id: APIKeyID, text: SecretText)?
    if let keyName { key = try await firstKey(of: added, keyName) }
    var response = HTTPResponse.json(.created) { writer in
      UserRoutes.write(added, to: &writer)
      writer.member("tenant_id", added.tenant.description)
      if let key {
        writer.member("key_id", key.id.description)
        writer.member("key", key.text.text)
      }
    }
    response.setVersion(added.version)
    response.headers.append(.cacheControl, "no-store")
    return response
  }

  /// Whoever gets a key with the invitation is in without another sign-in. Throws a 403 `Problem` when the policies do
  /// not allow that, or ask for a second factor, which nobody has at this place.
  private func checkKey(of user: UserID, _ invitation: Invitation) async throws(Problem) {
    let question = SessionQuestion(
      .signIn, method: "invitation", hasSecondFactor: false, user: user, role: invitation.role,
      tenant: invitation.tenant)
    switch await routes.sessions?.decide(question) ?? .allowed {
    case .allowed: return
    case .needsSecondFactor:
      throw Problem(
        .accessDenied,
        "The tenant asks for a second factor: accept with a password and without a key, sign in and add one.")
    case .denied(let reason): throw Problem(.accessDenied, reason)
    case .undecided: throw Problem(.policyUnavailable, retryAfterSeconds: 2)
    }
  }

  /// A key with all that a new user may do.
  private func firstKey(of user: User, _ name: String) async throws -> (APIKeyID, SecretText)? {
    let text = SecretText(.key, id: APIKeyID.make().uuid, random: SystemRandom.bytes(SecretText.randomBytes))
    let new = NewAPIKey(
      id: APIKeyID(text.id), name: name, subject: .user(user.id), grants: user.grants, project: nil, expiresAt: nil,
      hash: routes.hasher.hash(text.text), createdBy: user.id.description)
    guard try await routes.storage.keys.add(user.tenant, new) else { return nil }
    return (new.id, text)
  }

  static func write(_ invitation: Invitation, to writer: inout JSONWriter) {
    writer.member("id", invitation.id.description)
    writer.member("email", invitation.email)
    writer.member("role", invitation.role.rawValue)
    writer.member("is_operator", invitation.isOperator)
    writer.member("expires_at", invitation.expiresAt.description)
    writer.member("created_at", invitation.createdAt.description)
    writer.member("created_by", invitation.createdBy)
  }
}
