internal import AgentWorkspace
internal import Contracts
internal import HTTPWire
internal import JSON
internal import MCP
internal import Primitives
internal import Process
internal import Reactor
internal import SandboxProtocol
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// What runners share.
package struct RunnerEnvironment: Sendable {
  let configuration: MCPConfiguration
  let egress: any MCPEgress
  let registry: any RegistryReading
  let slots: ProcessSlots
  let metrics: MCPMetrics
  let telemetry: Telemetry
  let worker: String
}

/// Runs one server of one tenant: opens the connection when a call needs it, watches it, opens it anew after a pause
/// when it broke, and closes it when nobody uses it.
///
/// `@unchecked Sendable`: confined to its loop, which every entry point checks.
package final class ServerRunner: @unchecked Sendable {
  let server: RegisteredMCPServer
  let tenant: TenantID
  let loop: EventLoop
  let environment: RunnerEnvironment
  var machine: SupervisionStateMachine
  var connection: (any MCPConnection)?
  var capabilities = MCPServerCapabilities()
  /// What the server offers; kept when the connection is closed for want of calls.
  package internal(set) var catalogue: ServerCatalogue?
  var era: MCPRevision.Era?
  var isRelisting = false
  var freshness: ListFreshness
  /// Those who wait for the list to be read again.
  var listWaiters: [Promise<Void>] = []
  var listTimer: Timer?
  private var calls = 0
  /// Calls that wait or run.
  package var pendingCalls: Int { calls }
  private let isUsed = Atomic<Bool>(false)
  /// Whether there is a connection, or one is being opened, or a call waits. From any thread.
  package var isInUse: Bool { isUsed.load(ordering: .acquiring) }
  private var waiters: [Promise<Void>] = []
  private var idleTimer: Timer?
  private var isRetired = false
  private var lastReport: MCPReport?
  /// Reports of tools that are on their way to the registry.
  var toolReports = 0
  /// When the last one was there, in monotonic nanoseconds.
  var toolsReportedAt: UInt64 = 0
  var reportWaiters: [Promise<Void>] = []

  init(_ server: RegisteredMCPServer, tenant: TenantID, loop: EventLoop, _ environment: RunnerEnvironment) {
    self.server = server
    self.tenant = tenant
    self.loop = loop
    self.environment = environment
    machine = SupervisionStateMachine(environment.configuration.supervision)
    freshness = ListFreshness(
      interval: UInt64(clamping: environment.configuration.checkTime.nanoseconds),
      lifetimeMin: UInt64(clamping: environment.configuration.listLifetimeMin.nanoseconds))
  }

  // MARK: Calls

  /// Runs `body` with an open connection. Ends by `deadline`, whatever the server does.
  func use<Value: Sendable>(
    _ step: WorkspaceStep, deadline: UInt64,
    _ body: (any MCPConnection, ServerCatalogue) async throws(MCPError) -> Value
  ) async throws(MCPError) -> Value {
    loop.preconditionCurrent()
    guard !isRetired else { throw MCPError(.unavailable, "the registration of the server has changed") }
    guard calls < environment.configuration.callsMax else {
      throw MCPError(.overloaded, "\(calls) calls of the server wait or run")
    }
    calls += 1
    noteUse()
    environment.metrics.waiting.add(1)
    defer {
      calls -= 1
      noteUse()
      environment.metrics.waiting.add(-1)
      if isRetired, calls == 0 { stop() }
    }
    let connection = try await connected(step, deadline)
    do throws(MCPError) {
      try await refresh(connection, by: deadline)
      let value = try await body(connection, catalogue ?? .empty)
      _ = machine.callEnded(nil, now: MonotonicClock.now())
      return value
    } catch {
      let isSilent = machine.callEnded(error, now: MonotonicClock.now())
      if isSilent || error.reason == .cannotConnect, connection === self.connection {
        lost(connection, isSilent ? MCPError(.timedOut, "the server did not answer several calls in time") : error)
      }
      throw error
    }
  }

  private func connected(_ step: WorkspaceStep, _ deadline: UInt64) async throws(MCPError) -> any MCPConnection {
    while true {
      let now = MonotonicClock.now()
      guard now < deadline else { throw MCPError(.timedOut, "the server was not ready in time") }
      switch machine.callArrives(now: now, deadline: deadline) {
      case .use:
        if let connection { return connection }
        throw MCPError(.closed, "the connection was closed")
      case .refuse(let error): throw error
      case .start:
        // The opening belongs to no caller: who gives up does not end it for the others.
        loop.task { [self] in await open(step) }
        try await change(by: deadline)
      case .wait: try await change(by: deadline)
      case .pause(let until): try await change(by: min(until, deadline), isPause: true)
      }
    }
  }

  /// Waits until the state changes.
  private func change(by deadline: UInt64, isPause: Bool = false) async throws(MCPError) {
    let promise = Promise<Void>(on: loop)
    waiters.append(promise)
    do { try await promise.value(deadline: deadline) } catch let error as MCPError {
      throw error
    } catch {
      waiters.removeAll { $0 === promise }
      if error is CancellationError { throw MCPError(.cancelled, "the caller gave up") }
      if !isPause { throw MCPError(.timedOut, "the server was not ready in time") }
    }
  }

  /// Lets those who wait look again, or fails them: who waited for an opening that failed learns why.
  private func wake(_ error: MCPError? = nil) {
    let waiting = waiters
    waiters = []
    for waiter in waiting { if let error { waiter.fail(error) } else { waiter.succeed(()) } }
  }

  private func noteUse() {
    isUsed.store(calls > 0 || connection != nil || machine.state == .starting, ordering: .releasing)
  }

  /// Whether the server is left alone at the moment.
  var isPausing: Bool {
    if case .pausing(let until) = machine.state { until > MonotonicClock.now() } else { false }
  }

  /// Whether a connection is being opened.
  var isOpening: Bool { machine.state == .starting }

  // MARK: Opening and closing

  private func open(_ step: WorkspaceStep) async {
    await report(.connecting, step: step)
    let deadline = MonotonicClock.now() &+ UInt64(clamping: environment.configuration.startTime.nanoseconds)
    var outcome = await attempt(step, deadline)
    // Some old servers end at a request that they do not know: they are started again without the question.
    if outcome != nil, era == .session, connection == nil, wasProbed {
      wasProbed = false
      outcome = await attempt(step, deadline)
    }
    environment.metrics.starts.with(server.transport.kind, outcome?.reason.rawValue ?? "ok").add()
    if let error = outcome {
      machine.failed(error, now: MonotonicClock.now(), jitter: ServerRunner.jitter())
      environment.telemetry.logger.warning(
        "An MCP server cannot be used",
        ["mcp_server": .string(server.id.description), "reason": .string(error.description)])
      wake(error)
      await report(.failed, error)
    } else {
      machine.started()
      environment.metrics.connections.with(server.transport.kind).add(1)
      watchIdleness()
      watchList()
      noteJail()
      // The registry hears of the tools before a step asks it again.
      await report(.ready, tools: catalogue?.definitions)
      wake()
    }
    noteUse()
    if isRetired, calls == 0 { stop() }
  }

  private func noteJail() {
    guard let layers = (connection as? StdioConnection)?.layers else { return }
    environment.telemetry.logger.info(
      "An MCP server runs in the jail",
      [
        "mcp_server": .string(server.id.description), "landlock": .int(layers.landlock),
        "own_user": .bool(layers.hasOwnUser), "uses_network": .bool(server.usesNetwork),
      ])
  }

  /// Set when a program ended while it was asked for its era.
  private var wasProbed = false

  /// Opens a connection and lists the tools; the error when that failed.
  private func attempt(_ step: WorkspaceStep, _ deadline: UInt64) async -> MCPError? {
    do throws(MCPError) {
      let connection = try await make(step)
      do throws(MCPError) {
        let handshake = try await connection.open(deadline: deadline)
        capabilities = handshake.capabilities
        catalogue = try await list(connection, deadline)
        era = connection.revision?.era
        self.connection = connection
        return nil
      } catch {
        if let stdio = connection as? StdioConnection, stdio.diedProbing, era == nil {
          era = .session
          wasProbed = true
        }
        connection.onEvent = nil
        await connection.close()
        throw error
      }
    } catch { return error }
  }

  private func make(_ step: WorkspaceStep) async throws(MCPError) -> any MCPConnection {
    let secrets: MCPSecrets
    do {
      secrets = try await environment.registry.secrets(of: server.id, for: step)
    } catch { throw MCPError(.cannotStart, "the values of the server's registration cannot be read") }
    let configuration = environment.configuration
    let connection: any MCPConnection
    switch server.transport {
    case .stdio(let command, let arguments, let names):
      guard configuration.allows(command: command) else {
        throw MCPError(.cannotStart, "the operator does not allow to start \(MCPText.plain(command, bytesMax: 200))")
      }
      guard let slot = environment.slots.take(tenant) else {
        throw MCPError(.overloaded, "no more programs of MCP servers may run at the same time")
      }
      var specification = ProcessSpecification(command, arguments, name: "MCP server \(server.name)")
      specification.environment = secrets.values.filter { names.contains($0.key) }
      specification.folder = "/"
      specification.limits = [.coreBytes(0)]
      if configuration.memoryBytesMax > 0 { specification.limits.append(.dataBytes(configuration.memoryBytesMax)) }
      connection = StdioConnection(
        specification, launcher: configuration.launcher,
        in: configuration.jail.map { .init(jail: $0, usesNetwork: server.usesNetwork) }, slot: slot,
        secrets: Array(secrets.values.values), era: era, probeTime: configuration.probeTime,
        limits: configuration.limits, on: loop)
    case .http(let text, let names):
      guard let url = try? HTTPURL(text) else { throw MCPError(.refusedAddress, "the URL of the server is not valid") }
      connection = HTTPConnection(
        url: url, headers: secrets.values.filter { names.contains($0.key) }.map { ($0.key, $0.value) },
        egress: environment.egress, limits: configuration.limits, on: loop)
    }
    connection.onEvent = { [weak self, weak connection] event in
      guard let self, let connection else { return }
      happened(event, on: connection)
    }
    return connection
  }

  /// Closes the connection for good once its calls are over: its registration is another now, or the worker ends.
  func retire() {
    isRetired = true
    if calls == 0 { stop() }
  }

  /// Closes at once and waits until nothing is left.
  func shutDown() async {
    isRetired = true
    let time = UInt64(clamping: environment.configuration.startTime.nanoseconds)
    if machine.state == .starting { try? await change(by: MonotonicClock.now() &+ time) }
    guard let connection else { return }
    forget()
    machine.stopped()
    await connection.close()
  }

  private func stop() {
    guard let connection else { return }
    forget()
    machine.stopped()
    wake()
    loop.task { [self] in
      await connection.close()
      await report(.stopped)
    }
  }

  private func forget() {
    connection?.onEvent = nil
    connection = nil
    for timer in [idleTimer, listTimer].compactMap({ $0 }) { loop.cancel(timer) }
    idleTimer = nil
    listTimer = nil
    freshness.forget()
    noteUse()
    environment.metrics.connections.with(server.transport.kind).add(-1)
  }

  private func watchIdleness() {
    let pause = max(1_000_000, environment.configuration.supervision.idle / 4)
    idleTimer = loop.schedule(at: MonotonicClock.now() &+ pause) { [weak self] in
      guard let self, connection != nil else { return }
      idleTimer = nil
      if machine.becomesIdle(now: MonotonicClock.now(), pendingCalls: calls) { stop() } else { watchIdleness() }
    }
  }

  // MARK: Events

  private func happened(_ event: ConnectionEvent, on connection: any MCPConnection) {
    let metrics = environment.metrics
    switch event {
    case .progress: metrics.notifications.with("progress").add()
    case .listChanged(let list):
      metrics.notifications.with("list_changed").add()
      if list == .tools, connection === self.connection { relist(connection) }
    case .fault(let error): metrics.faults.with(error.reason.rawValue).add()
    case .log(let line):
      environment.telemetry.logger.info(
        "An MCP server wrote to its error output",
        ["mcp_server": .string(server.id.description), "line": .string(line)])
    case .refused(let refused): metrics.refusals.with(refused.label).add()
    case .exceeded(let limit): metrics.kills.with(limit.rawValue).add()
    case .closed(let error): if connection === self.connection { lost(connection, error) }
    }
  }

  /// The connection broke: it is closed, and opened anew when a call needs it.
  private func lost(_ connection: any MCPConnection, _ error: MCPError) {
    metricsOfLoss(error)
    forget()
    machine.failed(error, now: MonotonicClock.now(), jitter: ServerRunner.jitter())
    wake()
    loop.task { [self] in
      await connection.close()
      await report(.failed, error)
    }
  }

  /// The list could not be read. A server that does not answer several times in a row is connected anew.
  func listFailed(_ error: MCPError, _ connection: any MCPConnection) {
    if machine.callEnded(error, now: MonotonicClock.now()), connection === self.connection {
      lost(connection, MCPError(.timedOut, "the server did not answer several times"))
    }
  }

  private func metricsOfLoss(_ error: MCPError) {
    if error.kind == .protocol { environment.metrics.faults.with(error.reason.rawValue).add() }
    environment.telemetry.logger.warning(
      "The connection to an MCP server broke",
      ["mcp_server": .string(server.id.description), "reason": .string(error.description)])
  }

  static func jitter() -> Double {
    var random = SystemRandom.shared
    return Double(random.next() >> 11) / Double(1 << 53)
  }

  // MARK: Reports

  /// Says how the server is; what was reported before is not reported again. A report that cannot be delivered is lost:
  /// the next change brings another.
  func report(
    _ state: MCPReport.State, _ error: MCPError? = nil, tools: [ToolDefinition]? = nil, step: WorkspaceStep? = nil
  ) async {
    let report = MCPReport(
      tenant: tenant, worker: environment.worker, version: server.version, state: state,
      fault: error.flatMap { MCPReport.Fault(rawValue: $0.kind.rawValue) },
      message: error.map { "\($0.reason.rawValue): \($0.message)" }, tools: tools)
    guard report != lastReport else { return }
    lastReport = report
    if tools != nil { toolReports += 1 }
    defer { if tools != nil { toolsReported() } }
    do {
      try await environment.registry.report(report, on: server.id)
    } catch {
      lastReport = nil
      environment.telemetry.logger.debug(
        "The state of an MCP server could not be reported", ["mcp_server": .string(server.id.description)])
    }
  }
}
