internal import APIKit
internal import Contracts
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import SystemSources
internal import Tenancy

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
        try await describe(.ok, try await find(request, identity))
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
      return try await describe(.ok, try await followed(before))
    }
    let after = try await tenants.setState(before.id, state, expected: demanded).row(of: "tenant")
    routes.directory?.apply(.tenant(after.id))
    return try await describe(.ok, try await followed(after))
  }

  private func invite(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let rules = try identity.operating()
    let tenant = try await find(request, identity)
    guard [.active, .suspended].contains(tenant.state) else { throw Problem.notFound("tenant") }
    // Whoever configures the installation gives tenants their owners, whatever its own role in its own tenant.
    return try await InvitationRoutes(routes: routes).invite(
      request, to: tenant.id, by: identity, standardRole: .owner
    ) { !$1 || rules.isOperator }
  }

  private func export(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let tenant = try await find(request, identity)
    guard tenant.state != .deleted else { throw Problem.notFound("tenant") }
    guard let exporter = routes.exporter else { throw Problem(.tenantEngineMissing) }
    return try await exporter.export(tenant.id)
  }

  private func erase(_ request: HTTPRequest, _ identity: Identity) async throws -> HTTPResponse {
    let before = try await find(request, identity)
    guard before.id != identity.tenant else {
      throw Problem(.beyondOwnRights, "The tenant of the caller cannot be deleted by it.")
    }
    guard let orders = routes.orders else { throw Problem(.tenantEngineMissing) }
    if before.state == .deleting || before.state == .deleted { return try await describe(.accepted, before) }
    let demanded = try EntityTag.demanded(by: request)
    guard demanded == nil || demanded == before.version else { throw Problem.outdated() }
    try await orders.audit?.begin(deletionOf: before.id, by: identity, request)
    let tenant = try await tenants.setState(before.id, .deleting, expected: demanded).row(of: "tenant")
    routes.directory?.apply(.tenant(tenant.id))
    return try await describe(.accepted, try await followed(tenant))
  }

  /// Has the services follow at once. What does not answer is asked again by every gateway.
  private func followed(_ tenant: Tenant) async throws -> Tenant {
    guard let orders = routes.orders, !tenant.isConfirmed else { return tenant }
    try await orders.perform(tenant)
    return try await tenants.tenant(tenant.id) ?? tenant
  }

  /// A tenant with how far the services are, and what the gateway itself still has of one that is deleted.
  private func describe(_ status: HTTPStatus, _ tenant: Tenant) async throws -> HTTPResponse {
    var own: (counts: [(name: String, count: Int64)], deletedAt: Timestamp?)?
    if let deletion = routes.orders?.deletion, [.deleting, .deleted].contains(tenant.state),
      // Tables that are too large to be counted in time are shown when less is left.
      let counts = try? await deletion.counts(tenant.id.uuid)
    {
      own = (counts, try await deletion.states.state(tenant.id.uuid)?.deletedAt)
    }
    let progress = try await tenants.progress(tenant.id)
    var response = HTTPResponse.json(status) { [own] writer in
      TenantRoutes.write(tenant, to: &writer)
      writer.key("services")
      writer.beginArray()
      if let own { TenantRoutes.write(own.counts, deletedAt: own.deletedAt, to: &writer) }
      for item in progress { TenantRoutes.write(item, of: tenant, to: &writer) }
      writer.endArray()
    }
    response.setVersion(tenant.version)
    return response
  }

  private static func write(
    _ counts: [(name: String, count: Int64)], deletedAt: Timestamp?, to writer: inout JSONWriter
  ) {
    writer.beginObject()
    writer.member("service", GatewayTenants.service)
    writer.member("confirmed", true)
    writer.member("total", counts.reduce(0) { $0 &+ $1.count })
    writer.key("counts")
    writer.beginObject()
    for (name, count) in counts { writer.member(name, count) }
    writer.endObject()
    writer.member("deleted_at", orNull: deletedAt?.description)
    writer.endObject()
  }

  private static func write(_ progress: TenantProgress, of tenant: Tenant, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("service", progress.service)
    writer.member("confirmed", progress.confirmedVersion >= tenant.version)
    if let total = progress.report.total { writer.member("total", total) }
    if let counts = progress.report.counts { writer.member("counts", raw: counts.utf8) }
    writer.member("deleted_at", orNull: progress.report.deletedAt?.description)
    writer.member("checked_at", progress.checkedAt.description)
    writer.member("failure", orNull: progress.failure)
    writer.endObject()
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
    writer.member("deleted_at", orNull: tenant.deletedAt?.description)
    writer.member("confirmed", tenant.isConfirmed)
  }
}
