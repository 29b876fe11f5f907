internal import APIKit
internal import Contracts
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import SystemSources

/// `/api/v1/keys`
struct KeyRoutes: Sendable {
  let routes: AccountRoutes

  private var keys: APIKeyStore { routes.storage.keys }

  var table: [String: AccountRoutes.Answer] {
    [
      "GET /api/v1/keys": list, "POST /api/v1/keys": create, "POST /api/v1/keys/{id}/rotate": rotate,
      "DELETE /api/v1/keys/{id}": revoke,
      "GET /api/v1/keys/{id}": { request, identity in
        KeyRoutes.response(.ok, try await find(request, identity))
      },
    ]
  }

  /// A key that the caller sees; all others are not there for it.
  private func find(_ request: HTTPRequest, _ identity: Identity) async throws -> APIKeyRecord {
    let id = try PathParameter.id(request, APIKeyID.self, of: "api key")
    guard let key = try await keys.key(try identity.ownTenant(), id), AccountRules(identity).sees(key) else {
      throw Problem.notFound("api key")
    }
    return key
  }

  private func list(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let tenant = try identity.ownTenant()
    let query = try request.query()
    let page = try PageRequest<APIKeyKind>(query, standard: 50, max: 200)
    var subject: KeySubject?
    if let text = query["subject"] {
      guard let named = KeySubject(text) else {
        throw Problem.badParameter("?subject", "The id of a user or of a service account is expected.")
      }
      subject = named
    }
    let rules = AccountRules(identity)
    if !rules.isManager {
      guard let own = rules.ownSubject, subject == nil || subject == own else { throw Problem(.roleRequired) }
      subject = own
    }
    let rows = try await keys.keys(tenant, of: subject, before: page.cursor, limit: page.rows)
    return .page("keys", rows, limit: page.limit, cursor: { $0.id.description }) { KeyRoutes.write($0, to: &$1) }
  }

  private func create(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let tenant = try identity.ownTenant()
    let rules = AccountRules(identity)
    var fields = JSONFields(try await request.json().root)
    let name = fields.label("name", isRequired: true) ?? ""
    let asked = fields.grants("grants")
    let project = fields.label("project", bytesMax: AccountLimits.projectBytesMax)
    let expiresAt = fields.future("expires_at", after: WallClock.now())
    let serviceAccount = fields.string("service_account_id", bytesMax: 64)
    if serviceAccount == nil, rules.ownSubject == nil {
      fields.note("service_account_id", .required, "The caller is no user: say for which service account the key is.")
    }
    try fields.finish()
    guard rules.canIssueSecrets else {
      throw Problem(.beyondOwnRights, "Keys are made by people, or with a key that has the grant \"admin\".")
    }
    let subject: KeySubject
    let most: Grants
    if let serviceAccount {
      (subject, most) = try await self.serviceAccount(serviceAccount, tenant, rules)
    } else if let own = rules.ownSubject {
      (subject, most) = (own, identity.grants)
    } else {
      throw Problem(.roleRequired)
    }
    let grants = asked ?? most.intersection(identity.grants).intersection([.read, .write, .models])
    guard most.isSuperset(of: grants), rules.canGive(grants), !grants.isEmpty else {
      throw Problem(.beyondOwnRights, "The key would be good for more than the caller or than whom it stands for.")
    }
    guard identity.caller?.project == nil || project == identity.caller?.project else {
      throw Problem(.beyondOwnRights, "A key of a project makes keys of this project only.")
    }
    let text = SecretText(.key, id: APIKeyID.make().uuid, random: SystemRandom.bytes(SecretText.randomBytes))
    let new = NewAPIKey(
      id: APIKeyID(text.id), name: name, subject: subject, grants: grants, project: project, expiresAt: expiresAt,
      hash: routes.hasher.hash(text.text), createdBy: identity.subject)
    guard try await keys.add(tenant, new) else {
      throw Problem(.tooMany, "\(subject) has \(AccountLimits.keysOfSubjectMax) keys; revoke one first.")
    }
    guard let key = try await keys.key(tenant, new.id) else { throw Problem.notFound("api key") }
    var response = KeyRoutes.response(.created, key, text: text)
    response.headers.append(.location, "/api/v1/keys/\(key.id)")
    return response
  }

  private func serviceAccount(
    _ text: String, _ tenant: TenantID, _ rules: AccountRules
  ) async throws -> (KeySubject, Grants) {
    guard let id = ServiceAccountID(text), let account = try await routes.storage.serviceAccounts.account(tenant, id)
    else { throw Problem.notFound("service account") }
    let subject = KeySubject.serviceAccount(id)
    guard rules.isSelf(subject) || rules.isManager else { throw Problem(.roleRequired) }
    guard rules.reaches(account.role, isOperator: account.isOperator) else { throw Problem(.beyondOwnRights) }
    return (subject, account.grants)
  }

  private func rotate(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let before = try await find(request, identity)
    let demanded = try EntityTag.demanded(by: request)
    var overlap = AccountLimits.overlapSecondsStandard
    if !request.body.isEnded {
      var fields = JSONFields(try await request.json().root)
      overlap = fields.int("overlap_seconds", in: AccountLimits.overlapSeconds) ?? overlap
      try fields.finish()
    }
    guard AccountRules(identity).canRotate(before) else { throw Problem(.beyondOwnRights) }
    let text = SecretText(.key, id: before.id.uuid, random: SystemRandom.bytes(SecretText.randomBytes))
    let after = try await keys.rotate(
      before.tenant, before.id, to: routes.hasher.hash(text.text), overlap: overlap, expected: demanded
    ).row(of: "api key")
    routes.directory?.apply(.key(after.id))
    return KeyRoutes.response(.ok, after, text: text)
  }

  private func revoke(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let key = try await find(request, identity)
    guard AccountRules(identity).canRevoke(key) else { throw Problem(.beyondOwnRights) }
    let demanded = try EntityTag.demanded(by: request)
    _ = try await keys.revoke(key.tenant, key.id, expected: demanded).row(of: "api key")
    routes.directory?.apply(.key(key.id))
    return HTTPResponse(.noContent)
  }

  static func response(_ status: HTTPStatus, _ key: APIKeyRecord, text: SecretText? = nil) -> HTTPResponse {
    var response = HTTPResponse.json(status) { writer in
      write(key, to: &writer)
      writer.member("key", ifPresent: text?.text)
    }
    response.setVersion(key.version)
    response.headers.append(.cacheControl, "no-store")
    return response
  }

  private static func write(_ key: APIKeyRecord, to writer: inout JSONWriter) {
    writer.member("id", key.id.description)
    writer.member("name", key.name)
    writer.member("subject", key.subject.description)
    writer.member("grants", key.effectiveGrants.names)
    writer.member("project", orNull: key.project)
    writer.member("version", Int64(key.version))
    writer.member("created_at", key.createdAt.description)
    writer.member("created_by", key.createdBy)
    writer.member("expires_at", orNull: key.expiresAt?.description)
    writer.member("last_used_at", orNull: key.lastUsedAt?.description)
    writer.member("rotated_at", orNull: key.rotatedAt?.description)
    writer.member("previous_until", orNull: key.previousUntil?.description)
  }
}
