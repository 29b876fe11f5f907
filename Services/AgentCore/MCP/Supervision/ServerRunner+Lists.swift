internal import Contracts
internal import JSON
internal import MCP
internal import Primitives
internal import Reactor
internal import SystemSources
internal import Telemetry

extension ServerRunner {
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
    let lifetime = connection.revision?.era == .stateless ? tools.lifetimeMilliseconds : nil
    freshness.listed(
      now: MonotonicClock.now(), lifetime: lifetime.map { UInt64(clamping: $0) &* 1_000_000 },
      jitter: ServerRunner.jitter())
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
    readAgain(connection, after: .nanoseconds(Int64(clamping: freshness.noticed(now: MonotonicClock.now()))))
  }

  /// Waits until the list is no older than the server allows.
  func refresh(_ connection: any MCPConnection, by deadline: UInt64) async throws(MCPError) {
    guard freshness.isExpired(now: MonotonicClock.now()), connection === self.connection else { return }
    readAgain(connection, after: .zero)
    let promise = Promise<Void>(on: loop)
    listWaiters.append(promise)
    do { try await promise.value(deadline: deadline) } catch let error as MCPError {
      throw error
    } catch {
      listWaiters.removeAll { $0 === promise }
      if error is CancellationError { throw MCPError(.cancelled, "the caller gave up") }
      throw MCPError(.timedOut, "the tools of the server could not be read again in time")
    }
  }

  /// Reads the tools now and then, whether the server says something or not.
  func watchList() {
    if let listTimer { loop.cancel(listTimer) }
    listTimer = nil
    guard connection != nil, freshness.checkAt != .max else { return }
    listTimer = loop.schedule(at: freshness.checkAt) { [weak self] in
      guard let self, let connection else { return }
      listTimer = nil
      readAgain(connection, after: .zero)
    }
  }

  /// Reads the list, once for all who want it at the time.
  private func readAgain(_ connection: any MCPConnection, after pause: Duration) {
    guard !isRelisting else { return }
    isRelisting = true
    loop.task { [self] in
      if pause > .zero { try? await EventLoop.sleep(for: pause) }
      let error = await readOnce(connection)
      isRelisting = false
      if connection === self.connection { watchList() }
      let waiting = listWaiters
      listWaiters = []
      for waiter in waiting { if let error { waiter.fail(error) } else { waiter.succeed(()) } }
    }
  }

  private func readOnce(_ connection: any MCPConnection) async -> MCPError? {
    guard connection === self.connection else { return MCPError(.closed, "the connection was closed") }
    let metrics = environment.metrics
    let deadline = MonotonicClock.now() &+ UInt64(clamping: ServerRunner.relistTime.nanoseconds)
    do throws(MCPError) {
      let fresh = try await list(connection, deadline)
      guard connection === self.connection else { return MCPError(.closed, "the connection was closed") }
      let isSame = catalogue.map { fresh.isSame(as: $0) } ?? false
      metrics.checks.with(isSame ? "same" : "changed").add()
      catalogue = fresh
      if !isSame {
        environment.telemetry.logger.warning(
          "An MCP server offers other tools than before", ["mcp_server": .string(server.id.description)])
        await report(.ready, tools: fresh.definitions)
      }
      return nil
    } catch {
      metrics.checks.with("failed").add()
      metrics.faults.with(error.reason.rawValue).add()
      guard connection === self.connection else { return error }
      freshness.failed(now: MonotonicClock.now())
      listFailed(error, connection)
      return error
    }
  }

  // MARK: Reports of tools

  /// A report of tools has ended.
  func toolsReported() {
    toolReports -= 1
    toolsReportedAt = MonotonicClock.now()
    guard toolReports == 0 else { return }
    let waiting = reportWaiters
    reportWaiters = []
    for waiter in waiting { waiter.succeed(()) }
  }

  /// Whether a report of tools has ended since a moment; waits for those on their way.
  func hasReportedTools(since moment: UInt64, deadline: UInt64) async -> Bool {
    if toolReports > 0 {
      let promise = Promise<Void>(on: loop)
      reportWaiters.append(promise)
      do { try await promise.value(deadline: deadline) } catch { reportWaiters.removeAll { $0 === promise } }
    }
    return toolsReportedAt >= moment
  }
}
