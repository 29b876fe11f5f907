internal import APIKit
internal import Contracts
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives

/// `/api/v1/service-accounts`
struct ServiceAccountRoutes: Sendable {
  let routes: AccountRoutes

  private var accounts: ServiceAccountStore { routes.storage.serviceAccounts }

  var table: [String: AccountRoutes.Answer] {
    [
      "GET /api/v1/service-accounts": list, "POST /api/v1/service-accounts": create,
      "PATCH /api/v1/service-accounts/{id}": change, "DELETE /api/v1/service-accounts/{id}": remove,
      "GET /api/v1/service-accounts/{id}": { request, identity in
        ServiceAccountRoutes.response(.ok, try await find(request, identity))
      },
    ]
  }

  private func find(_ request: HTTPRequest, _ identity: Identity) async throws -> ServiceAccount {
    let id = try PathParameter.id(request, ServiceAccountID.self, of: "service account")
    let rules = AccountRules(identity)
    guard rules.isManager || rules.isSelf(.serviceAccount(id)) else { throw Problem(.roleRequired) }
    guard let account = try await accounts.account(try identity.ownTenant(), id) else {
      throw Problem.notFound("service account")
    }
    return account
  }

  private func list(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let (tenant, _) = try identity.managing()
    let page = try PageRequest<ServiceAccountKind>(try request.query(), standard: 50, max: 200)
    let rows = try await accounts.accounts(tenant, before: page.cursor, limit: page.rows)
    return .page("service_accounts", rows, limit: page.limit, cursor: { $0.id.description }) {
      ServiceAccountRoutes.write($0, to: &$1)
    }
  }

  private func create(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let (tenant, rules) = try identity.managing()
    var fields = JSONFields(try await request.json().root)
    let name = fields.label("name", isRequired: true) ?? ""
    let description = fields.string(
      "description", bytesMax: AccountLimits.descriptionBytesMax, allowsEmpty: true)
    let role = fields.role("role") ?? .member
    let isOperator = fields.bool("is_operator") ?? false
    try fields.finish()
    guard rules.canMake(role, isOperator: isOperator) else { throw Problem(.beyondOwnRights) }
    let new = NewServiceAccount(
      name: name, description: description ?? "", role: role, isOperator: isOperator, createdBy: identity.subject)
    guard let account = try await accounts.add(tenant, new) else {
      throw Problem(.tooMany, "The tenant has \(AccountLimits.serviceAccountsMax) service accounts; remove one first.")
    }
    var response = ServiceAccountRoutes.response(.created, account)
    response.headers.append(.location, "/api/v1/service-accounts/\(account.id)")
    return response
  }

  private func change(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let (tenant, rules) = try identity.managing()
    let before = try await find(request, identity)
    let demanded = try EntityTag.demanded(by: request)
    var fields = JSONFields(try await request.json().root)
    let change = ServiceAccountChange(
      name: fields.label("name"),
      description: fields.string("description", bytesMax: AccountLimits.descriptionBytesMax, allowsEmpty: true),
      role: fields.role("role"), isOperator: fields.bool("is_operator"))
    try fields.finish()
    guard rules.reaches(before.role, isOperator: before.isOperator),
      rules.reaches(change.role ?? .viewer, isOperator: change.isOperator ?? false)
    else { throw Problem(.beyondOwnRights) }
    guard demanded == nil || demanded == before.version else { throw Problem.outdated() }
    let after = try await accounts.change(tenant, before.id, change, expected: before.version)
      .row(of: "service account")
    routes.directory?.apply(.serviceAccount(after.id))
    return ServiceAccountRoutes.response(.ok, after)
  }

  private func remove(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let (tenant, rules) = try identity.managing()
    let before = try await find(request, identity)
    let demanded = try EntityTag.demanded(by: request)
    guard rules.reaches(before.role, isOperator: before.isOperator) else { throw Problem(.beyondOwnRights) }
    guard demanded == nil || demanded == before.version else { throw Problem.outdated() }
    _ = try await accounts.remove(tenant, before.id, expected: before.version).row(of: "service account")
    routes.directory?.apply(.serviceAccount(before.id))
    return HTTPResponse(.noContent)
  }

  private static func response(_ status: HTTPStatus, _ account: ServiceAccount) -> HTTPResponse {
    var response = HTTPResponse.json(status) { write(account, to: &$0) }
    response.setVersion(account.version)
    return response
  }

  private static func write(_ account: ServiceAccount, to writer: inout JSONWriter) {
    writer.member("id", account.id.description)
    writer.member("name", account.name)
    writer.member("description", account.description)
    writer.member("role", account.role.rawValue)
    writer.member("is_operator", account.isOperator)
    writer.member("version", Int64(account.version))
    writer.member("created_at", account.createdAt.description)
    writer.member("created_by", account.createdBy)
    writer.member("updated_at", account.updatedAt.description)
  }
}
