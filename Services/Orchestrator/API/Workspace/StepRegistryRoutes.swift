internal import APIKit
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import RunStorage
internal import ServiceKit
internal import Telemetry
internal import ToolRegistry

/// What workers read of the registry on behalf of a step, and what they report of MCP servers.
struct StepRegistryRoutes: Sendable {
  private static let reportLimits = JSONLimits(
    depthMax: 80, bytesMax: WorkspaceLimits.mcpReportBytesMax, nodesMax: 400_000)

  let access: StepAccess
  let workers: WorkerAuthenticator
  let registry: ToolRegistry
  let metrics: WorkspaceMetrics

  func add(to router: inout Router) {
    router.api(.get, WorkspacePath.registry("{id}"), read)
    router.api(.get, WorkspacePath.toolSource("{id}", "{name}"), source)
    router.api(.get, WorkspacePath.mcpSecrets("{id}", "{server}"), secrets)
    router.api(.post, WorkspacePath.mcpReport("{server}"), report)
  }

  /// The registry; 304 for a revision that the worker has. Then one row is read.
  private func read(_ request: HTTPRequest) async throws -> HTTPResponse {
    let proof = try await access.proof(request)
    let known = request.headers[.ifNoneMatch]
    if let known {
      let revision = try await registry.revision(proof.lease.tenant)
      if known == "\"\(revision)\"" {
        metrics.registryRead[false]?.add()
        var response = HTTPResponse(.notModified)
        response.headers.append(.eTag, known)
        return response
      }
    }
    let snapshot = try await registry.snapshot(proof.lease.tenant)
    metrics.registryRead[true]?.add()
    var response = HTTPResponse.json { snapshot.writeMembers(to: &$0) }
    response.headers.append(.eTag, "\"\(snapshot.revision)\"")
    return response
  }

  /// The source of a tool: of the version with the digest that `?sha256=` names, else of the newest.
  private func source(_ request: HTTPRequest) async throws -> HTTPResponse {
    let proof = try await access.proof(request)
    let name = try request.parameter("name")
    let text = try request.query()["sha256"]
    let sha256 = text.flatMap { Hex.decode($0) }
    if text != nil, sha256?.count != 32 {
      throw Problem.badParameter("?sha256", "64 hexadecimal digits are expected.")
    }
    guard ToolDefinition.isName(name),
      let (row, bytes) = try await registry.source(proof.lease.tenant, name, sha256: sha256)
    else { throw Problem.notFound("tool") }
    var response = HTTPResponse(.ok, body: .bytes(bytes))
    response.headers.append(.contentType, MediaType.unknown)
    response.headers.append(.xContentTypeOptions, "nosniff")
    response.headers.append(.eTag, "\"\(row.tool.sourceSHA256)\"")
    return response
  }

  private func secrets(_ request: HTTPRequest) async throws -> HTTPResponse {
    let proof = try await access.proof(request)
    guard let id = request.parameters["server"].flatMap({ MCPServerID($0) }),
      let secrets = try await registry.secrets(proof.lease.tenant, id)
    else { throw Problem.notFound("mcp server") }
    var response = HTTPResponse.json { secrets.writeMembers(to: &$0) }
    response.headers.append(.cacheControl, "no-store")
    return response
  }

  private func report(_ request: HTTPRequest) async throws -> HTTPResponse {
    try workers.require(request)
    let report = try MCPReport(try await request.json(limits: StepRegistryRoutes.reportLimits).root)
    guard let id = request.parameters["server"].flatMap({ MCPServerID($0) }),
      let server = try await registry.server(report.tenant, id)
    else { throw Problem.notFound("mcp server") }
    let isCurrent = try await registry.take(report, on: server)
    metrics.reported(report.state)
    return .json { $0.member("current", isCurrent) }
  }
}
