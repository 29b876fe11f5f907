internal import APIKit
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import RunStorage
internal import ServiceKit

/// `/api/v1/projects`
struct ProjectRoutes: Sendable {
  let projects: ProjectStore
  let callers: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/projects", list)
    router.api(.post, "/api/v1/projects", create)
    router.api(.get, "/api/v1/projects/{id}") { request in
      let (_, row) = try await find(request)
      return response(.ok, row)
    }
    router.api(.patch, "/api/v1/projects/{id}", update)
    router.api(.delete, "/api/v1/projects/{id}") { request in
      let (caller, row) = try await find(request)
      return try await change(
        caller, row, name: nil, description: nil, archived: true, try EntityTag.demanded(by: request))
    }
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, ProjectRow) {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, ProjectID.self)
    guard let row = try await projects.project(caller.tenant, id) else { throw Problem.notFound("project") }
    return (caller, row)
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let query = try request.query()
    let page = try PageRequest<ProjectKind>(query, standard: 50, max: 200)
    let rows = try await projects.projects(
      caller.tenant, before: page.cursor, archivedToo: try RunFilter(query).isArchivedToo, limit: page.rows)
    return .page("projects", rows, limit: page.limit, cursor: { $0.id.description }) { write($0, to: &$1) }
  }

  private func create(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    let name = fields.string("name", isRequired: true, bytesMax: 200) ?? ""
    let description = fields.string("description", bytesMax: 64 << 10, allowsEmpty: true) ?? ""
    try fields.finish()
    guard let row = try await projects.add(caller.tenant, name, description, by: caller.principal) else {
      throw Problem.notFound("project")
    }
    var response = response(.created, row)
    response.headers.append(.location, "/api/v1/projects/\(row.id)")
    return response
  }

  private func update(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    let expected = try EntityTag.demanded(by: request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    let name = fields.string("name", bytesMax: 200)
    let description = fields.string("description", bytesMax: 64 << 10, allowsEmpty: true)
    let archived = fields.bool("archived")
    try fields.finish()
    return try await change(caller, row, name: name, description: description, archived: archived, expected)
  }

  private func change(
    _ caller: Caller, _ row: ProjectRow, name: String?, description: String?, archived: Bool?, _ expected: Int?
  ) async throws -> HTTPResponse {
    guard
      let after = try await projects.update(
        caller.tenant, row.id, name: name, description: description, archived: archived, expected: expected)
    else { throw Problem.outdated() }
    return response(.ok, after)
  }

  private func response(_ status: HTTPStatus, _ row: ProjectRow) -> HTTPResponse {
    var response = HTTPResponse.json(status) { write(row, to: &$0) }
    response.setVersion(row.version)
    return response
  }

  private func write(_ row: ProjectRow, to writer: inout JSONWriter) {
    writer.member("id", row.id.description)
    writer.member("name", row.name)
    writer.member("description", row.description)
    writer.member("version", Int64(row.version))
    writer.member("created_at", row.createdAt.description)
    writer.member("created_by", row.createdBy)
    writer.member("updated_at", row.updatedAt.description)
    writer.member("archived_at", orNull: row.archivedAt?.description)
  }
}
