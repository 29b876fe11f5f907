internal import APIKit
internal import Contracts
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives

/// `/api/v1/users`: the members of the tenant.
struct UserRoutes: Sendable {
  let routes: AccountRoutes

  private var users: UserStore { routes.storage.users }

  var table: [String: AccountRoutes.Answer] {
    [
      "GET /api/v1/users": list, "PATCH /api/v1/users/{id}": change, "DELETE /api/v1/users/{id}": remove,
      "GET /api/v1/users/{id}": { request, identity in
        UserRoutes.response(.ok, try await find(request, identity))
      },
    ]
  }

  /// A user that the caller sees: itself, or any of the tenant for those who manage it.
  private func find(_ request: HTTPRequest, _ identity: Identity) async throws -> User {
    let id = try PathParameter.id(request, UserID.self)
    let rules = AccountRules(identity)
    guard rules.isManager || rules.isSelf(.user(id)) else { throw Problem(.roleRequired) }
    guard let user = try await users.user(try identity.ownTenant(), id) else { throw Problem.notFound("user") }
    return user
  }

  private func list(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let (tenant, _) = try identity.managing()
    let page = try PageRequest<UserKind>(try request.query(), standard: 50, max: 200)
    let rows = try await users.users(tenant, before: page.cursor, limit: page.rows)
    return .page("users", rows, limit: page.limit, cursor: { $0.id.description }) { UserRoutes.write($0, to: &$1) }
  }

  private func change(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let before = try await find(request, identity)
    let demanded = try EntityTag.demanded(by: request)
    var fields = JSONFields(try await request.json().root)
    let name = fields.label("name", allowsEmpty: true)
    let role = fields.role("role")
    let isOperator = fields.bool("is_operator")
    try fields.finish()
    let rules = AccountRules(identity)
    if role != nil || isOperator != nil || !rules.isSelf(.user(before.id)) {
      guard rules.isManager else { throw Problem(.roleRequired) }
      guard rules.reaches(before.role, isOperator: before.isOperator),
        role.map({ rules.canMake($0, isOperator: isOperator ?? false) })
          ?? rules.reaches(.viewer, isOperator: isOperator ?? false)
      else { throw Problem(.beyondOwnRights) }
    } else {
      guard !identity.grants.isDisjoint(with: [.write, .admin]) else { throw Problem(.roleRequired) }
    }
    // The rights were judged by what was read: nothing else may be changed.
    guard demanded == nil || demanded == before.version else { throw Problem.outdated() }
    let after = try await users.change(
      before.tenant, before.id, name: name, role: role, isOperator: isOperator, expected: before.version
    ).row(of: "user")
    routes.directory?.apply(.user(after.id))
    return UserRoutes.response(.ok, after)
  }

  private func remove(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let before = try await find(request, identity)
    let demanded = try EntityTag.demanded(by: request)
    let rules = AccountRules(identity)
    guard rules.isManager else { throw Problem(.roleRequired) }
    guard rules.reaches(before.role, isOperator: before.isOperator) else { throw Problem(.beyondOwnRights) }
    guard demanded == nil || demanded == before.version else { throw Problem.outdated() }
    _ = try await users.remove(before.tenant, before.id, expected: before.version).row(of: "user")
    routes.directory?.apply(.user(before.id))
    return HTTPResponse(.noContent)
  }

  static func response(_ status: HTTPStatus, _ user: User) -> HTTPResponse {
    var response = HTTPResponse.json(status) { write(user, to: &$0) }
    response.setVersion(user.version)
    return response
  }

  static func write(_ user: User, to writer: inout JSONWriter) {
    writer.member("id", user.id.description)
    writer.member("email", user.email)
    writer.member("name", user.name)
    writer.member("role", user.role.rawValue)
    writer.member("is_operator", user.isOperator)
    writer.member("has_password", user.hasPassword)
    writer.member("has_second_factor", user.hasSecondFactor)
    writer.member("version", Int64(user.version))
    writer.member("created_at", user.createdAt.description)
    writer.member("created_by", user.createdBy)
    writer.member("updated_at", user.updatedAt.description)
    writer.member("last_sign_in_at", orNull: user.lastSignInAt?.description)
  }
}
