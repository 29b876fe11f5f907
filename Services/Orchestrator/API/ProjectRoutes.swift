internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Postgres
internal import Primitives
internal import RunStorage
internal import ServiceKit

/// `/api/v1/projects`
struct ProjectRoutes: Sendable {
  let projects: ProjectStore
  let callers: CallerAuthenticator

  func add(to router: inout Router) {
    let body = RouteOptions(bodyBytesMax: 128 << 10)
    router.on(.get, "/api/v1/projects") { request in try await answering { try await list(request) } }
    router.on(.post, "/api/v1/projects", body) { request in try await answering { try await create(request) } }
    router.on(.get, "/api/v1/projects/{id}") { request in
      try await answering {
        let (_, row) = try await find(request)
        return response(.ok, row)
      }
    }
    router.on(.patch, "/api/v1/projects/{id}", body) { request in try await answering { try await update(request) } }
    router.on(.delete, "/api/v1/projects/{id}") { request in
      try await answering {
        let (caller, row) = try await find(request)
        return try await change(
          caller, row, name: nil, description: nil, archived: true, try Parameter.ifMatch(request))
      }
    }
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, ProjectRow) {
    let caller = try callers.caller(of: request)
    let id = try Parameter.id(request, ProjectID.self)
    guard let row = try await projects.project(caller.tenant, id) else { throw Problem.notFound("project") }
    return (caller, row)
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let query = try request.query()
    let limit = try Parameter.limit(query, standard: 50, max: 200)
    let cursor = try Parameter.cursor(query, ProjectID.self)
    let rows = try await projects.projects(
      caller.tenant, before: cursor, archivedToo: try Parameter.filter(query).isArchivedToo, limit: limit + 1)
    return .page("projects", rows, limit: limit, cursor: { $0.id.description }) { write($0, to: &$1) }
  }

  private func create(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    var fields = JSONFields(try await request.json(limits: .submitted).root)
    let name = fields.string("name", isRequired: true, bytesMax: 200) ?? ""
    let description = fields.string("description", bytesMax: 64 << 10, allowsEmpty: true) ?? ""
    try fields.finish()
    return try await unique {
      guard let row = try await projects.add(caller.tenant, name, description, by: caller.principal) else {
        throw Problem.notFound("project")
      }
      var response = response(.created, row)
      response.headers.append(.location, "/api/v1/projects/\(row.id)")
      return response
    }
  }

  private func update(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    let expected = try Parameter.ifMatch(request)
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
    try await unique {
      guard
        let after = try await projects.update(
          caller.tenant, row.id, name: name, description: description, archived: archived, expected: expected)
      else { throw Problem.outdated() }
      return response(.ok, after)
    }
  }

  private func unique(_ body: () async throws -> HTTPResponse) async throws -> HTTPResponse {
    do { return try await body() } catch let error as PostgresError where error.sqlState == "23505" {
      throw Problem(.conflict, code: "name_taken", "Another project has this name.")
    }
  }

  private func response(_ status: HTTPStatus, _ row: ProjectRow) -> HTTPResponse {
    var response = HTTPResponse.json(status) { write(row, to: &$0) }
    response.headers.append("etag", "\"\(row.version)\"")
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
