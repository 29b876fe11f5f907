internal import APIKit
internal import Artefacts
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Memories
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import ServiceKit
internal import Telemetry

/// `/api/v1/memories`: what agents and people have stored for a project.
struct MemoryRoutes: Sendable {
  private static let pageMax = 200

  let memories: MemoryStore
  let projects: ProjectStore
  let callers: Authenticator
  let metrics: WorkspaceMetrics

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/memories", list)
    router.api(.post, "/api/v1/memories", create)
    router.api(.get, "/api/v1/memories/{id}") { request in
      let caller = try callers.caller(of: request)
      let id = try PathParameter.id(request, MemoryID.self)
      guard let memory = try await memories.memory(caller.tenant, id) else { throw Problem.notFound("memory") }
      return .json { memory.writeMembers(to: &$0) }
    }
    router.api(.delete, "/api/v1/memories/{id}") { request in
      let caller = try callers.caller(of: request)
      let id = try PathParameter.id(request, MemoryID.self)
      guard try await memories.delete(caller.tenant, id) else { throw Problem.notFound("memory") }
      return HTTPResponse(.noContent)
    }
  }

  /// The memories of a project, or of no project.
  private func scope(_ caller: Caller, _ project: ProjectID?) async throws -> MemoryScope {
    if let project, try await projects.project(caller.tenant, project) == nil { throw Problem.notFound("project") }
    return MemoryScope(caller.tenant, project)
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let query = try request.query()
    let page = try PageRequest<MemoryKind>(query, standard: 50, max: MemoryRoutes.pageMax)
    let scope = try await scope(caller, try QueryParameter.id(query, "project_id"))
    guard let text = query["q"] else {
      let rows = try await memories.memories((scope, page.cursor, page.rows))
      return .page("memories", rows, limit: page.limit, cursor: { $0.id.description }) { $0.writeMembers(to: &$1) }
    }
    guard text.utf8.count <= WorkspaceLimits.memoryQueryBytesMax, page.cursor == nil else {
      throw Problem.badParameter(
        "?q", "At most \(WorkspaceLimits.memoryQueryBytesMax) bytes, without a cursor, are expected.")
    }
    metrics.searches.add()
    let rows = try await memories.search((scope, text, min(page.limit, WorkspaceLimits.memoriesFoundMax)))
    return .page("memories", rows, limit: rows.count, cursor: { $0.id.description }) { $0.writeMembers(to: &$1) }
  }

  private func create(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    var project: String?
    let memory = try NewMemory(try await request.json().root) { fields in
      project = fields.string("project_id", bytesMax: 64)
      if let project, ProjectID(project) == nil {
        fields.note("project_id", .malformed, "The id of a project is expected.")
      }
    }
    let header = try IdempotencyKey.header(of: request)
    let keyed = NewMemory(text: memory.text, tags: memory.tags, key: memory.key ?? header.map { "key:\($0)" })
    let scope = try await scope(caller, project.flatMap { ProjectID($0) })
    let (stored, isNew) = try await memories.add(keyed, to: scope, run: nil, by: caller.principal, fence: nil)
    if isNew { metrics.memories.add() }
    var response = HTTPResponse.json(isNew ? .created : .ok) { stored.writeMembers(to: &$0) }
    response.headers.append(.location, "/api/v1/memories/\(stored.id)")
    return response
  }
}
