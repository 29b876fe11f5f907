internal import APIKit
internal import Contracts
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import SystemSources

/// `/operator/v1/tenants`
struct TenantRoutes: Sendable {
  let routes: AccountRoutes

  private var tenants: TenantStore { routes.storage.tenants }

  var table: [String: AccountRoutes.Answer] {
    [
      "GET /operator/v1/tenants": list, "POST /operator/v1/tenants": create,
      "POST /operator/v1/tenants/{id}/suspend": { try await set(.suspended, $0, $1) },
      "POST /operator/v1/tenants/{id}/resume": { try await set(.active, $0, $1) },
      "POST /operator/v1/tenants/{id}/invitations": invite, "GET /operator/v1/tenants/{id}/export": export,
      "DELETE /operator/v1/tenants/{id}": erase,
      "GET /operator/v1/tenants/{id}": { request, identity in
        TenantRoutes.response(.ok, try await find(request, identity))
      },
    ]
  }

  private func find(_ request: HTTPRequest, _ identity: Identity) async throws -> Tenant {
    _ = try identity.operating()
    let id = try PathParameter.id(request, TenantID.self)
    guard let tenant = try await tenants.tenant(id) else { throw Problem.notFound("tenant") }
    return tenant
  }

  private func list(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    _ = try identity.operating()
    let page = try PageRequest<TenantKind>(try request.query(), standard: 50, max: 200)
    let rows = try await tenants.tenants(before: page.cursor, limit: page.rows)
    return .page("tenants", rows, limit: page.limit, cursor: { $0.id.description }) {
      TenantRoutes.write($0, to: &$1)
    }
  }

  private func create(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    _ = try identity.operating()
    var fields = JSONFields(try await request.json().root)
    let name = fields.label("name", isRequired: true, bytesMax: AccountLimits.tenantNameBytesMax) ?? ""
    let email = fields.email("owner_email")
    try fields.finish()
    guard let tenant = try await tenants.add(.make(), name, by: identity.subject) else {
      throw Problem(.internalError)
    }
    var invited: (invitation: Invitation, text: SecretText)?
    if let email {
      invited = try await InvitationRoutes(routes: routes).add(
        tenant.id, email, .owner, isOperator: false, by: identity.subject)
    }
    var response = HTTPResponse.json(.created) { writer in
      TenantRoutes.write(tenant, to: &writer)
      guard let invited else { return }
      writer.key("invitation")
      writer.beginObject()
      InvitationRoutes.write(invited.invitation, to: &writer)
      writer.member("token", invited.text.text)
      writer.endObject()
    }
    response.setVersion(tenant.version)
    response.headers.append(.cacheControl, "no-store")
    response.headers.append(.location, "/operator/v1/tenants/\(tenant.id)")
    return response
  }

  private func set(
    _ state: Tenant.State, _ request: HTTPRequest, _ identity: Identity
  ) async throws -> HTTPResponse {
    let before = try await find(request, identity)
    let demanded = try EntityTag.demanded(by: request)
    // What it is already is no change.
    if before.state == state, demanded == nil || demanded == before.version {
      return TenantRoutes.response(.ok, before)
    }
    let after = try await tenants.setState(before.id, state, expected: demanded).row(of: "tenant")
    routes.directory?.apply(.tenant(after.id))
    return TenantRoutes.response(.ok, after)
  }

  private func invite(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let rules = try identity.operating()
    let tenant = try await find(request, identity)
    guard tenant.state != .deleting else { throw Problem.notFound("tenant") }
    // Whoever configures the installation gives tenants their owners, whatever its own role in its own tenant.
    return try await InvitationRoutes(routes: routes).invite(
      request, to: tenant.id, by: identity, standardRole: .owner
    ) { !$1 || rules.isOperator }
  }

  private func export(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let tenant = try await find(request, identity)
    guard let exporter = routes.exporter else { throw Problem(.tenantEngineMissing) }
    return try await exporter.export(tenant.id)
  }

  private func erase(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let before = try await find(request, identity)
    guard before.id != identity.tenant else {
      throw Problem(.beyondOwnRights, "The tenant of the caller cannot be deleted by it.")
    }
    guard let eraser = routes.eraser else { throw Problem(.tenantEngineMissing) }
    var tenant = before
    if before.state != .deleting {
      let demanded = try EntityTag.demanded(by: request)
      tenant = try await tenants.setState(before.id, .deleting, expected: demanded).row(of: "tenant")
      routes.directory?.apply(.tenant(tenant.id))
    }
    try await eraser.erase(tenant.id)
    return TenantRoutes.response(.accepted, tenant)
  }

  private static func response(_ status: HTTPStatus, _ tenant: Tenant) -> HTTPResponse {
    var response = HTTPResponse.json(status) { write(tenant, to: &$0) }
    response.setVersion(tenant.version)
    return response
  }

  private static func write(_ tenant: Tenant, to writer: inout JSONWriter) {
    writer.member("id", tenant.id.description)
    writer.member("name", tenant.name)
    writer.member("state", tenant.state.rawValue)
    writer.member("version", Int64(tenant.version))
    writer.member("created_at", tenant.createdAt.description)
    writer.member("created_by", tenant.createdBy)
    writer.member("updated_at", tenant.updatedAt.description)
    writer.member("suspended_at", orNull: tenant.suspendedAt?.description)
  }
}
