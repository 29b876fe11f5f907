internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import MCP
internal import Primitives
internal import SystemSources
internal import Telemetry

/// Answers messages of both eras.
struct MCPDispatcher: Sendable {
  /// How long clients may remember what does not depend on the caller's data.
  private static let lifetimeMilliseconds: Int64 = 300_000

  private static let instructions = """
    Cadre runs teams of AI agents. Submit a task with submit_task, wait for its run with wait_for_run, and read the \
    result of the run. Runs go on when nobody waits. What waits for a person stands in list_approvals.
    """

  let catalog: ToolCatalog
  let runner: ToolRunner
  let resources: PlatformResources
  let server: MCPImplementation
  let metrics: MCPMetrics
  let tracer: Tracer

  /// A JSON-RPC error.
  struct Failure: Error, Sendable {
    let code: Int64
    let message: String
    var data: [UInt8]?
  }

  /// The answer to a message.
  func answer(_ message: MCPMessage, _ exchange: MCPExchange) async throws -> HTTPResponse {
    let header = exchange.headers[MCPHeader.protocolVersion]
    switch message {
    case .request(let request): return try await answer(request, exchange)
    case .notification:
      // Nothing is done for any: cancellation is the end of the response stream, and there is no session to complete.
      if header == MCPRevision.july2026.rawValue { return HTTPResponse(.accepted) }
      do throws(MCPRequestContext.Refusal) {
        _ = try MCPRequestContext.sessionRevision(header, isHandshake: false)
        return HTTPResponse(.accepted)
      } catch { return refuse("other", nil, error) }
    case .response, .failure:
      let refusal = MCPRequestContext.Refusal(
        status: .badRequest, code: MCPErrorCode.invalidRequest, message: "This server sends no requests.")
      return refuse("other", nil, refusal)
    }
  }

  private func refuse(
    _ method: String, _ id: MCPRequestID?, _ refusal: MCPRequestContext.Refusal, _ revision: MCPRevision? = nil
  ) -> HTTPResponse {
    metrics.answered(method, revision, code: refusal.code)
    return .json(
      refusal.status,
      MCPMessageWriter.failure(id: id, code: refusal.code, message: refusal.message, data: refusal.data))
  }

  private func answer(_ request: MCPRequest, _ exchange: MCPExchange) async throws -> HTTPResponse {
    let context: MCPRequestContext
    do throws(MCPRequestContext.Refusal) {
      context = try MCPRequestContext(request, exchange.headers, limits: exchange.limits)
    } catch { return refuse(request.method, request.id, error) }
    let call = MCPCall(
      request: request, context: context, exchange: exchange,
      span: tracer.startSpan("mcp \(MCPMetrics.label(of: request.method))", parent: exchange.request.trace))
    call.span.setAttribute("mcp.method.name", .string(request.method))
    call.span.setAttribute("mcp.protocol.version", .string(context.revision.rawValue))
    do throws(Failure) {
      if request.method == "tools/call" { return try await callTool(call) }
    } catch { return fail(call, error) }
    defer { call.span.end() }
    do {
      let members = try await result(of: call)
      metrics.answered(request.method, context.revision, code: nil)
      return .json(.ok, success(call, members))
    } catch let failure as Failure {
      return fail(call, failure)
    } catch PlatformResources.Failure.notFound(let outcome) {
      let code = context.isStateless ? MCPErrorCode.invalidParams : MCPErrorCode.resourceNotFound
      return fail(call, Failure(code: code, message: outcome.text))
    } catch PlatformResources.Failure.refused(let outcome) {
      return fail(call, Failure(code: MCPProblem.serverError, message: outcome.text))
    } catch let problem as Problem {
      return fail(call, Failure(code: MCPProblem.serverError, message: "\(problem.detail) (\(problem.code))"))
    }
  }

  // MARK: Methods

  private func result(of call: MCPCall) async throws -> (inout JSONWriter) -> Void {
    let isStateless = call.context.isStateless
    let cursor = try cursor(call.request)
    switch (call.request.method, isStateless) {
    case ("server/discover", true): return { handshake(MCPRequestContext.revisions).writeDiscovery(to: &$0) }
    case ("initialize", false):
      let asked = call.request.params?["protocolVersion"]?.string.flatMap { MCPRevision(rawValue: $0) }
      let known = asked.flatMap { MCPRequestContext.revisions.contains($0) && $0.era == .session ? $0 : nil }
      return { handshake([known ?? .newestWithSessions]).writeInitialization(to: &$0) }
    case ("ping", false): return { _ in }
    case ("tools/list", _):
      guard cursor == nil else { throw Failure(code: MCPErrorCode.invalidParams, message: "There is one page only.") }
      return { writer in
        MCPListPage(entries: catalog.entries).write(
          "tools", stateless: isStateless, lifetimeMilliseconds: MCPDispatcher.lifetimeMilliseconds, to: &writer
        ) { $0.definition.write(to: &$1) }
      }
    case ("resources/list", _):
      try await call.exchange.checkReading("/api/v1/runs")
      let page = try await resources.list(cursor, as: call.exchange.caller, trace: call.span.context)
      return { writer in
        cacheable(isStateless, 0, &writer)
        page(&writer)
      }
    case ("resources/templates/list", _):
      return { writer in
        cacheable(isStateless, MCPDispatcher.lifetimeMilliseconds, &writer)
        PlatformResources.writeTemplates(to: &writer)
      }
    case ("resources/read", _):
      guard let uri = call.request.params?["uri"]?.string, uri.utf8.count <= call.exchange.limits.cursorBytesMax else {
        throw Failure(code: MCPErrorCode.invalidParams, message: "params.uri is missing or too long.")
      }
      try await call.exchange.checkReading(
        uri.hasPrefix(PlatformResources.artefacts) ? "/api/v1/artefacts/x/content" : "/api/v1/runs/x")
      let contents = try await resources.read(uri: uri, as: call.exchange.caller, trace: call.span.context)
      return { writer in
        cacheable(isStateless, 0, &writer)
        contents(&writer)
      }
    default:
      throw Failure(code: MCPErrorCode.methodNotFound, message: "This method is not offered in this revision.")
    }
  }

  private func cursor(_ request: MCPRequest) throws(Failure) -> String? {
    guard let value = request.params?["cursor"], !value.isNull else { return nil }
    guard let cursor = value.string, (1...200).contains(cursor.utf8.count) else {
      throw Failure(code: MCPErrorCode.invalidParams, message: "params.cursor is not one of a page before.")
    }
    return cursor
  }

  private func handshake(_ revisions: [MCPRevision]) -> MCPHandshake {
    var capabilities = MCPServerCapabilities()
    capabilities.tools = true
    capabilities.resources = true
    return MCPHandshake(
      revisions: revisions.map(\.rawValue), capabilities: capabilities, server: server,
      instructions: MCPDispatcher.instructions, lifetimeMilliseconds: MCPDispatcher.lifetimeMilliseconds)
  }

  private func cacheable(_ isStateless: Bool, _ milliseconds: Int64, _ writer: inout JSONWriter) {
    guard isStateless else { return }
    writer.member("resultType", "complete")
    writer.member("ttlMs", milliseconds)
    writer.member("cacheScope", "private")
  }

  // MARK: Answers

  func success(_ call: MCPCall, _ members: (inout JSONWriter) -> Void) -> [UInt8] {
    MCPMessageWriter.response(id: call.request.id) { writer in
      members(&writer)
      // The discovery has it already.
      if call.context.isStateless, call.request.method != "server/discover" {
        MCPHandshake.writeServer(server, to: &writer)
      }
    }
  }

  private func fail(_ call: MCPCall, _ failure: Failure) -> HTTPResponse {
    call.span.recordError(type: String(failure.code), message: failure.message)
    call.span.end()
    metrics.answered(call.request.method, call.context.revision, code: failure.code)
    // Before 2026-07-28 a 404 would say that a session is lost.
    let isUnknown = failure.code == MCPErrorCode.methodNotFound && call.context.isStateless
    return .json(
      isUnknown ? .notFound : .ok,
      MCPMessageWriter.failure(
        id: call.request.id, code: failure.code, message: failure.message, data: failure.data))
  }
}

/// A request that is being answered.
struct MCPCall: Sendable {
  let request: MCPRequest
  let context: MCPRequestContext
  let exchange: MCPExchange
  let span: Span
}
