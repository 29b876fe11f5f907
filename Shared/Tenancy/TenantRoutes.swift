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
      try await deletion.states.suspend(tenant.uuid)
      try await changed()
      return try await describe(tenant)
    }
    router.api(.post, path + TenantPath.resume) { request in
      let tenant = try tenant(request)
      guard try await deletion.states.resume(tenant.uuid) else { throw Problem(.tenantDeleted) }
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

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse { try await describe(try tenant(request)) }

  /// The state of the tenant, and how much of it there is: the proof of a deletion.
  private func describe(_ tenant: TenantID, _ status: HTTPStatus = .ok) async throws -> HTTPResponse {
    let state = try await deletion.states.state(tenant.uuid)
    let counts = try await deletion.counts(tenant.uuid)
    return .json(status) { writer in
      writer.member("tenant_id", tenant.description)
      writer.member("suspended_at", orNull: state?.suspendedAt?.description)
      writer.member("deletion_requested_at", orNull: state?.deletionRequestedAt?.description)
      writer.member("deleted_at", orNull: state?.deletedAt?.description)
      writer.member("checked_at", orNull: state?.checkedAt?.description)
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
      body: .stream(length: nil) { [data = deletion.data, cursor] writer in
        try await TenantRoutes.send(data, tenant, from: cursor, &writer)
      })
    response.headers.append(.contentType, "application/x-ndjson")
    return response
  }

  private static func send(
    _ data: TenantData, _ tenant: TenantID, from start: ExportCursor?, _ writer: inout HTTPResponseWriter
  ) async throws {
    var cursor = start
    while let place = cursor, let page = try await data.page(tenant.uuid, at: place) {
      cursor = page.next
      var lines: [UInt8] = []
      for row in page.rows {
        lines += line {
          $0.member("table", page.table)
          $0.member("row", raw: row.utf8)
        }
      }
      if let next = page.next { lines += line { $0.member("cursor", next.text) } }
      try await writer.write(lines)
    }
    try await writer.write(line { $0.member("end", true) })
  }

  private static func line(_ build: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    build(&writer)
    writer.endObject()
    return writer.bytes + [UInt8(ascii: "\n")]
  }
}
