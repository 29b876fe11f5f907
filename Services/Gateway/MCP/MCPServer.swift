internal import Contracts
package import GatewayForwarding
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import JSON
internal import MCP
internal import Primitives
package import Settings
internal import SystemSources
package import Telemetry

/// The platform as a server of the Model Context Protocol, at `/mcp` by streamable HTTP. It keeps nothing between two
/// requests: revision 2026-07-28 has no sessions, and those before it need none here. So any replica answers.
package struct MCPServer: Sendable {
  /// Largest body: that of a task, and what is around it.
  private static let bodyBytesMax = 3 << 20
  /// Messages of a batch (2025-03-26).
  private static let batchMax = 16
  private static let limits: MCPLimits = {
    var limits = MCPLimits()
    limits.messageBytesMax = bodyBytesMax
    limits.batchMax = batchMax
    return limits
  }()

  private let pipeline: RequestPipeline
  private let guards: RequestGuard
  private let metrics: MCPMetrics
  private let dispatcher: MCPDispatcher

  /// Makes the server. Throws when one of its own schemas cannot be compiled.
  package init(
    pipeline: RequestPipeline, orchestrator: Upstream, settings: Settings, version: String, telemetry: Telemetry
  ) throws {
    let waitMax = settings[MCPSettings.waitMax].milliseconds
    let runner = ToolRunner(orchestrator: orchestrator, waitMax: waitMax, waitsMax: settings[MCPSettings.waitsMax])
    self.pipeline = pipeline
    guards = RequestGuard(allowedOrigins: settings[MCPSettings.allowedOrigins], logger: telemetry.logger)
    metrics = MCPMetrics(telemetry.registry) { runner.waiting }
    dispatcher = MCPDispatcher(
      catalog: try ToolCatalog(waitMax: waitMax), runner: runner,
      resources: PlatformResources(orchestrator: orchestrator),
      server: MCPImplementation(name: "cadre", version: version), metrics: metrics, tracer: telemetry.tracer)
  }

  /// Adds the address. Only POST: there are no sessions to end and no stream of a server's own to open.
  package func add(to router: inout Router) {
    let options = RouteOptions(bodyBytesMax: MCPServer.bodyBytesMax, cancelsOnDisconnect: true)
    router.on(.post, MCPProblem.path, options) { request in
      try guards.checkOrigin(request.headers)
      return try await pipeline.answer(request, at: Routes.mcp) { request, identity in
        guard let caller = identity.caller else { throw Problem(.unauthorized) }
        return try await answer(request, caller, identity)
      }
    }
  }

  private func answer(
    _ request: HTTPRequest, _ caller: Caller, _ identity: Identity
  ) async throws -> HTTPResponse {
    try guards.checkContentType(request.headers)
    let takesStream = try guards.takesStream(request.headers)
    let bytes = try await request.body.collect()
    let header = request.headers[MCPHeader.protocolVersion]
    let messages: [MCPMessage]
    do throws(MCPError) {
      messages = try MCPMessage.messages(parsing: bytes, limits: MCPServer.limits)
      // Batches were there in one revision only, whose clients send no header, or name it.
      if bytes.first(where: { !MCPServer.isBlank($0) }) == UInt8(ascii: "["),
        header != nil, header != MCPRevision.march2025.rawValue
      {
        throw MCPError(.invalidMessage, "This revision has no batches.", rpcCode: MCPErrorCode.invalidRequest)
      }
    } catch {
      return refuse(error, header)
    }
    let exchange = MCPExchange(
      request: request, caller: caller, identity: identity, pipeline: pipeline,
      takesStream: takesStream && messages.count == 1, limits: MCPServer.limits)
    if messages.count == 1, let message = messages.first, bytes.first(where: { !MCPServer.isBlank($0) }) != 0x5B {
      return try await dispatcher.answer(message, exchange)
    }
    return try await batch(messages, exchange)
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private func refuse(_ error: MCPError, _ header: String?) -> HTTPResponse {
    let code = error.rpcCode ?? MCPErrorCode.invalidRequest
    metrics.answered("other", header.flatMap { MCPRevision(rawValue: $0) }, code: code)
    return .json(
      .badRequest,
      MCPMessageWriter.failure(
        id: nil, code: code, message: error.message, writesNullID: header != MCPRevision.july2026.rawValue))
  }

  /// The answers to the requests of a batch, in their order.
  private func batch(_ messages: [MCPMessage], _ exchange: MCPExchange) async throws -> HTTPResponse {
    var writer = JSONWriter()
    writer.beginArray()
    var hasAny = false
    for message in messages {
      let answer = try await dispatcher.answer(message, exchange)
      guard case .bytes(let bytes) = answer.body, !bytes.isEmpty else { continue }
      hasAny = true
      writer.raw(bytes)
    }
    writer.endArray()
    return hasAny ? .json(.ok, writer.bytes) : HTTPResponse(.accepted)
  }
}
