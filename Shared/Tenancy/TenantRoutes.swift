internal import APIKit
public import Contracts
public import HTTP
internal import HTTPWire
internal import JSON
internal import Postgres
internal import Primitives
public import ServiceKit

/// `/internal/v1/…/tenants/{tenant}`: suspension, export and deletion of all that a service has of a tenant. For the
/// gateway, on behalf of operators; it forwards nothing there from outside.
public struct TenantRoutes: Sendable {
  private let service: Audience
  private let deletion: TenantDeletion
  private let callers: Authenticator
  private let changed: @Sendable () async throws -> Void

  /// Makes the routes. `changed` is called when a tenant was suspended, resumed or is to be deleted.
  public init(
    _ service: Audience, deletion: TenantDeletion, callers: Authenticator,
    changed: @escaping @Sendable () async throws -> Void = {}
  ) {
    self.service = service
    self.deletion = deletion
    self.callers = callers
    self.changed = changed
  }

  /// Adds the routes.
  public func add(to router: inout Router) {
    let path = TenantPath.of(service)
    router.api(.get, path, get)
    router.api(.delete, path) { request in
      let tenant = try tenant(request)
      try await deletion.states.requestDeletion(tenant.uuid)
      try await changed()
      return try await describe(tenant, .accepted)
    }
    router.api(.post, path + TenantPath.suspend) { request in
      let tenant = try tenant(request)
      try await deletion.states.suspend(tenant.uuid, version: try version(request))
      try await changed()
      return try await describe(tenant)
    }
    router.api(.post, path + TenantPath.resume) { request in
      let tenant = try tenant(request)
      guard try await deletion.states.resume(tenant.uuid, version: try version(request)) else {
        throw Problem(.tenantDeleted)
      }
      try await changed()
      return try await describe(tenant)
    }
    router.api(.get, path + TenantPath.export, export)
  }

  private func tenant(_ request: HTTPRequest) throws(Problem) -> TenantID {
    try callers.requireOperator(request)
    guard let tenant = TenantID(try request.parameter("tenant")) else {
      throw .badParameter("tenant", "The id of a tenant is expected.")
    }
    return tenant
  }

  /// The number of an order; `nil` for one that counts whatever was before.
  private func version(_ request: HTTPRequest) throws(Problem) -> Int64? {
    guard let text = try request.query()["version"] else { return nil }
    guard let version = Int64(text), version > 0 else {
      throw .badParameter("?version", "A number from 1 on is expected.")
    }
    return version
  }

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let tenant = try tenant(request)
    return try await describe(tenant, counts: try await deletion.counts(tenant.uuid))
  }

  /// The state of the tenant, and how much of it there is when that was asked for: the proof of a deletion. An order
  /// does not wait for the count of large tables.
  private func describe(
    _ tenant: TenantID, _ status: HTTPStatus = .ok, counts: [(name: String, count: Int64)]? = nil
  ) async throws -> HTTPResponse {
    let state = try await deletion.states.state(tenant.uuid)
    return .json(status) { writer in
      writer.member("tenant_id", tenant.description)
      writer.member("suspended_at", orNull: state?.suspendedAt?.description)
      writer.member("deletion_requested_at", orNull: state?.deletionRequestedAt?.description)
      writer.member("deleted_at", orNull: state?.deletedAt?.description)
      writer.member("checked_at", orNull: state?.checkedAt?.description)
      writer.member("version", state?.version ?? 0)
      guard let counts else { return }
      writer.member("total", counts.reduce(0) { $0 &+ $1.count })
      writer.key("counts")
      writer.beginObject()
      for (name, count) in counts { writer.member(name, count) }
      writer.endObject()
    }
  }

  // MARK: Export

  /// A line for each row, one behind each page that says where to go on, and one at the end: an export that lacks it
  /// was cut off. One page is in memory at a time.
  private func export(_ request: HTTPRequest) async throws -> HTTPResponse {
    let tenant = try tenant(request)
    var cursor = deletion.data.exported.first.map { ExportCursor(table: $0.name, keys: nil) }
    if let text = try request.query()["cursor"] {
      guard let wanted = ExportCursor(text), deletion.data.exported.contains(where: { $0.name == wanted.table }) else {
        throw Problem.badParameter("?cursor", "The cursor of an earlier answer is expected.")
      }
      cursor = wanted
    }
    var response = HTTPResponse(
      .ok,
      body: .stream(length: nil) { [exports = deletion.exports(as: service.rawValue), cursor] writer in
        try await exports.send(tenant.uuid, from: cursor, &writer)
        try await writer.write(TenantExport.end)
      })
    response.headers.append(.contentType, "application/x-ndjson")
    return response
  }
}
