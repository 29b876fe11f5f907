internal import APIKit
internal import Artefacts
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import ServiceKit
internal import ToolRegistry

/// `/api/v1/mcp-servers`: servers whose tools agents of the tenant may use.
struct MCPServerRoutes: Sendable {
  private static let pageMax = 100

  let registry: ToolRegistry
  let callers: Authenticator
  let metrics: WorkspaceMetrics

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/mcp-servers", list)
    router.api(.post, "/api/v1/mcp-servers", create)
    router.api(.get, "/api/v1/mcp-servers/{id}", get)
    router.api(.patch, "/api/v1/mcp-servers/{id}", update)
    router.api(.delete, "/api/v1/mcp-servers/{id}", delete)
    router.api(.get, "/api/v1/mcp-servers/{id}/tools", tools)
    router.api(.post, "/api/v1/mcp-servers/{id}/tools/{name}/approve", approve)
    router.api(.post, "/operator/v1/mcp-servers/secrets/rotation", rotateSecrets)
  }

  /// One part of a change of keys; whoever asks goes on with `next_cursor` until there is none.
  private func rotateSecrets(_ request: HTTPRequest) async throws -> HTTPResponse {
    try callers.requireOperator(request)
    let cursor: MCPServerID? = try QueryParameter.id(
      try request.query(), "cursor", hint: "Use next_cursor of an earlier answer.")
    let rotation = try await registry.rotateSecrets(after: cursor, limit: MCPServerRoutes.pageMax)
    return .json { writer in
      writer.member("examined", Int64(rotation.examined))
      writer.member("resealed", Int64(rotation.resealed))
      writer.member("unreadable", Int64(rotation.unreadable))
      writer.member("next_cursor", orNull: rotation.cursor.map { "\($0)" })
    }
  }

  // MARK: Reading

  /// A server with what is known of it.
  enum Entry: Sendable {
    case registered(MCPServerRow, isAllowed: Bool)
    case declared(RegisteredMCPServer, MCPStatus?)

    var server: RegisteredMCPServer {
      switch self {
      case .registered(let row, _): row.server
      case .declared(let server, _): server
      }
    }

    func writeMembers(to writer: inout JSONWriter) {
      let server = server
      writer.member("id", id: server.id)
      writer.member("name", server.name)
      server.transport.writeMembers(to: &writer)
      writer.member("trust", server.trust.rawValue)
      if server.usesNetwork { writer.member("network", true) }
      writer.member("timeout_ms", server.timeoutMilliseconds)
      writer.member("version", server.version)
      let status: MCPStatus?
      switch self {
      case .registered(let row, let isAllowed):
        status = row.status
        writer.member("source", "api")
        writer.member("enabled", row.isEnabled)
        writer.member("allowed", isAllowed)
        writer.member("created_by", row.createdBy)
        writer.member("created_at", row.createdAt.description)
        writer.member("updated_at", row.updatedAt.description)
      case .declared(_, let reported):
        status = reported
        writer.member("source", "configuration")
        writer.member("enabled", true)
        writer.member("allowed", true)
      }
      writer.member("state", status?.state.rawValue ?? "unknown")
      writer.key("error")
      if let fault = status?.fault {
        writer.beginObject()
        writer.member("kind", fault.rawValue)
        writer.member("message", status?.message ?? "")
        writer.endObject()
      } else {
        writer.null()
      }
      writer.member("reported_by", orNull: status?.worker)
      writer.member("reported_at", orNull: status?.reportedAt.description)
    }
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, Entry) {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, MCPServerID.self, of: "mcp server")
    if let declared = registry.declaredServers(caller.tenant).first(where: { $0.id == id }) {
      return (caller, .declared(declared, try await registry.servers.status(caller.tenant, id)))
    }
    guard let row = try await registry.servers.server(caller.tenant, id) else { throw Problem.notFound("mcp server") }
    return (caller, .registered(row, isAllowed: registry.isAllowed(row.server.transport)))
  }

  private func response(_ status: HTTPStatus, _ entry: Entry) -> HTTPResponse {
    var response = HTTPResponse.json(status) { entry.writeMembers(to: &$0) }
    response.setVersion(Int(entry.server.version))
    return response
  }

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (_, entry) = try await find(request)
    return response(.ok, entry)
  }

  /// Those of the tenant, newest first; those of the configuration stand in front of the first page.
  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let page = try PageRequest<MCPServerKind>(try request.query(), standard: 50, max: MCPServerRoutes.pageMax)
    var entries: [Entry] = []
    if page.cursor == nil {
      for server in registry.declaredServers(caller.tenant) {
        entries.append(.declared(server, try await registry.servers.status(caller.tenant, server.id)))
      }
    }
    entries += try await registry.servers.servers((caller.tenant, page.cursor, page.rows)).map { row in
      .registered(row, isAllowed: registry.isAllowed(row.server.transport))
    }
    let declared = entries.count { if case .declared = $0 { true } else { false } }
    return .page("mcp_servers", entries, limit: page.limit + declared, cursor: { $0.server.id.description }) {
      $0.writeMembers(to: &$1)
    }
  }

  // MARK: Changing

  private func create(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let input = try MCPServerInput(try await request.json().root)
    do {
      let row = try await registry.add(input, caller.tenant, by: caller.principal)
      var response = response(.created, .registered(row, isAllowed: true))
      response.headers.append(.location, "/api/v1/mcp-servers/\(row.server.id)")
      return response
    } catch let error as RegistryRefusal where error == .serverQuota {
      metrics.refused(.mcpServers)
      throw error
    }
  }

  /// A server of the tenant itself, which can be changed. Throws a 409 `Problem` for one of the configuration.
  private func own(_ request: HTTPRequest) async throws -> (Caller, MCPServerRow) {
    let (caller, entry) = try await find(request)
    guard case .registered(let row, _) = entry else { throw RegistryRefusal.declared }
    return (caller, row)
  }

  private func update(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await own(request)
    if let expected = try EntityTag.demanded(by: request), Int64(expected) != row.server.version {
      throw Problem.outdated()
    }
    let input = try MCPServerInput(try await request.json().root, over: row)
    let after = try await registry.change(row, to: input, caller.tenant)
    return response(.ok, .registered(after, isAllowed: registry.isAllowed(after.server.transport)))
  }

  private func delete(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await own(request)
    guard try await registry.servers.delete(caller.tenant, row.server.id) else { throw Problem.notFound("mcp server") }
    return HTTPResponse(.noContent)
  }

  // MARK: Tools

  private func tools(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, entry) = try await find(request)
    let query = try request.query()
    let limit = try QueryParameter.limit(query, standard: 50, max: 200)
    let cursor = query["cursor"] ?? ""
    guard cursor.isEmpty || ToolDefinition.isName(cursor) else {
      throw Problem.badParameter("?cursor", "Use next_cursor of an earlier answer.")
    }
    let rows = try await registry.serverTools.tools((caller.tenant, entry.server.id, cursor, limit + 1))
    return .page("tools", rows, limit: limit, cursor: { $0.definition.name }) { row, writer in
      row.definition.writeMembers(to: &writer)
      row.writeApproval(to: &writer)
    }
  }

  private func approve(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, entry) = try await find(request)
    let name = try request.parameter("name")
    var fields = JSONFields(try await request.json().root)
    let text = fields.string("sha256", isRequired: true, bytesMax: 64)
    let sha256 = text.flatMap { Hex.decode($0) }
    if text != nil, sha256?.count != 32 { fields.note("sha256", .malformed, "64 hexadecimal digits are expected.") }
    try fields.finish()
    guard let sha256,
      let row = try await registry.approve((caller.tenant, entry.server.id, name), sha256: sha256, by: caller.principal)
    else { throw Problem.notFound("tool") }
    return .json { writer in
      row.definition.writeMembers(to: &writer)
      row.writeApproval(to: &writer)
    }
  }
}
