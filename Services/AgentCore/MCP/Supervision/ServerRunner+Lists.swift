internal import Contracts
internal import JSON
internal import MCP
internal import Primitives
internal import Reactor
internal import SystemSources
internal import Telemetry

extension ServerRunner {
  /// Pause between a notification of a change and the reading of the list, in which further ones are met by the same.
  private static let relistPause = Duration.milliseconds(200)
  private static let relistTime = Duration.seconds(20)

  /// The tools of the server, as definitions of the platform.
  func list(_ connection: any MCPConnection, _ deadline: UInt64) async throws(MCPError) -> ServerCatalogue {
    var tools = ListCollector<MCPTool>(entriesMax: environment.configuration.listMax)
    if capabilities.tools {
      let limits = environment.configuration.limits
      try await pages("tools/list", connection, deadline, nil) { (result) throws(MCPError) in
        try tools.take(MCPListPage<MCPTool>(tools: result, limits: limits))
      }
    }
    let catalogue = ServerCatalogue(
      DefinitionMapping.Server(server), tools: tools.entries, capabilities, faults: tools.faults)
    for fault in catalogue.faults { environment.metrics.faults.with(fault.reason.rawValue).add() }
    return catalogue
  }

  /// Reads the pages of a list. `take` takes a page and returns the cursor of the next one.
  func pages(
    _ method: String, _ connection: any MCPConnection, _ deadline: UInt64, _ traceparent: String?,
    _ take: (JSONView) throws(MCPError) -> String?
  ) async throws(MCPError) {
    var cursor: String?
    repeat {
      let current = cursor
      let result = try await measured(
        connection,
        ClientRequest(method, deadline: deadline, traceparent: traceparent) { writer in
          writer.member("cursor", ifPresent: current)
        })
      if try MCPInputRequired(result, limits: environment.configuration.limits) != nil {
        throw MCPError(.invalidResult, "\(method) must not ask for input")
      }
      cursor = try take(result)
    } while cursor != nil
  }

  /// Makes a request and counts it.
  func measured(_ connection: any MCPConnection, _ request: ClientRequest) async throws(MCPError) -> JSONView {
    let started = MonotonicClock.now()
    let method = MCPMetrics.label(request.method)
    let metrics = environment.metrics
    defer { metrics.durations.with(method).observe(nanoseconds: MonotonicClock.now() &- started) }
    do throws(MCPError) {
      let result = try await connection.request(request)
      metrics.requests.with(method, "ok").add()
      return result
    } catch {
      metrics.requests.with(method, error.reason.rawValue).add()
      throw error
    }
  }

  /// Reads the tools again because the server says that they changed. Changed definitions are reported; until they are
  /// approved their calls are refused.
  func relist(_ connection: any MCPConnection) {
    guard !isRelisting else { return }
    isRelisting = true
    loop.task { [self] in
      defer { isRelisting = false }
      try await EventLoop.sleep(for: ServerRunner.relistPause)
      guard connection === self.connection else { return }
      let deadline = MonotonicClock.now() &+ UInt64(clamping: ServerRunner.relistTime.nanoseconds)
      do throws(MCPError) {
        let fresh = try await list(connection, deadline)
        guard connection === self.connection else { return }
        catalogue = fresh
        await report(.ready, tools: fresh.definitions)
      } catch { environment.metrics.faults.with(error.reason.rawValue).add() }
    }
  }
}
