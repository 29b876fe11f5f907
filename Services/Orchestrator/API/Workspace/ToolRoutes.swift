internal import APIKit
internal import Artefacts
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import ServiceKit
internal import ToolRegistry

/// `/api/v1/tools`: built-in tools, those that users have uploaded, and those of MCP servers.
struct ToolRoutes: Sendable {
  private static let pageMax = 200

  let registry: ToolRegistry
  let callers: Authenticator
  let metrics: WorkspaceMetrics

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/tools", list)
    router.api(.post, "/api/v1/tools", create)
    router.api(.get, "/api/v1/tools/{name}", get)
    router.api(.delete, "/api/v1/tools/{name}", delete)
  }

  /// A tool of any source.
  enum Entry: Sendable {
    case builtIn(ToolDefinition)
    case user(UserToolRow)
    case mcp(MCPToolRow)

    var name: String {
      switch self {
      case .builtIn(let tool): tool.name
      case .user(let row): row.tool.definition.name
      case .mcp(let row): row.definition.name
      }
    }

    func writeMembers(to writer: inout JSONWriter) {
      switch self {
      case .builtIn(let tool):
        tool.writeMembers(to: &writer)
        writer.member("sha256", tool.sha256)
        writer.member("status", "approved")
      case .user(let row):
        row.tool.writeMembers(to: &writer)
        writer.member("sha256", row.tool.definition.sha256)
        writer.member("status", "approved")
        writer.member("source_bytes", row.sourceBytes)
        writer.member("created_by", row.createdBy)
        writer.member("created_at", row.createdAt.description)
      case .mcp(let row):
        row.definition.writeMembers(to: &writer)
        row.writeApproval(to: &writer)
        writer.member("mcp_server_id", id: row.server)
      }
    }
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let query = try request.query()
    let limit = try QueryParameter.limit(query, standard: 50, max: ToolRoutes.pageMax)
    let after = query["cursor"] ?? ""
    guard after.isEmpty || ToolDefinition.isName(after) else {
      throw Problem.badParameter("?cursor", "Use next_cursor of an earlier answer.")
    }
    let source = try QueryParameter.word(query, "source", allowed: ["built_in", "user", "mcp"])
    var entries: [Entry] = []
    if source ?? "built_in" == "built_in" { entries += BuiltInTools.all.map { .builtIn($0) } }
    if source ?? "user" == "user" {
      entries += try await registry.tools.tools((caller.tenant, after, limit + 1)).map { .user($0) }
    }
    if source ?? "mcp" == "mcp" {
      entries += try await registry.serverTools.tools((caller.tenant, nil, after, limit + 1)).map { .mcp($0) }
    }
    // Names are of ASCII: this is the order of the database, too.
    let rows = entries.filter { $0.name > after }.sorted { $0.name < $1.name }
    return .page("tools", Array(rows.prefix(limit + 1)), limit: limit, cursor: { $0.name }) {
      $0.writeMembers(to: &$1)
    }
  }

  private func find(_ caller: Caller, _ name: String) async throws -> Entry? {
    guard ToolDefinition.isName(name) else { return nil }
    if let tool = BuiltInTools.named(name) { return .builtIn(tool) }
    if let row = try await registry.tools.tool(caller.tenant, name) { return .user(row) }
    return try await registry.serverTools.tool(caller.tenant, name).map { .mcp($0) }
  }

  private func get(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    guard let entry = try await find(caller, try request.parameter("name")) else { throw Problem.notFound("tool") }
    var response = HTTPResponse.json { entry.writeMembers(to: &$0) }
    if case .user(let row) = entry { response.setVersion(Int(row.tool.version)) }
    return response
  }

  private func create(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let manifest = try ToolManifest(try await request.json(limits: .toolUpload).root)
    do {
      let (row, isNew) = try await registry.add(manifest, caller.tenant, by: caller.principal)
      var response = HTTPResponse.json(isNew ? .created : .ok) { Entry.user(row).writeMembers(to: &$0) }
      response.setVersion(Int(row.tool.version))
      response.headers.append(.location, "/api/v1/tools/\(row.tool.definition.name)")
      return response
    } catch let error as RegistryRefusal where error == .toolQuota {
      metrics.refused(.tools)
      throw error
    }
  }

  private func delete(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let name = try request.parameter("name")
    guard let entry = try await find(caller, name) else { throw Problem.notFound("tool") }
    guard case .user = entry else { throw Problem(.notUserTool) }
    guard try await registry.tools.delete(caller.tenant, name) else { throw Problem.notFound("tool") }
    return HTTPResponse(.noContent)
  }
}

extension JSONLimits {
  /// A manifest with a source in it.
  static let toolUpload = JSONLimits(depthMax: 64, bytesMax: 12 << 20, nodesMax: 50_000)
}

extension MCPToolRow {
  /// Writes whether agents get the tool.
  func writeApproval(to writer: inout JSONWriter) {
    writer.member("sha256", sha256)
    writer.member("status", status.rawValue)
    writer.member("seen_at", seenAt.description)
    writer.member("approved_sha256", orNull: approvedSHA256)
    writer.member("approved_by", orNull: approvedBy)
    writer.member("approved_at", orNull: approvedAt?.description)
  }
}
