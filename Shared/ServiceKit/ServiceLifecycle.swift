internal import Contracts
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import Settings
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Starts a service's parts in order and stops them in reverse.
final class ServiceLifecycle<S: Service>: Sendable {
  private struct State {
    var server: HTTPServer?
    var admin: HTTPServer?
    var background: Task<Void, any Error>?
    var export: Task<Void, any Error>?
    var isPrepared = false
    var isStopping = false
  }

  static var adminConnectionsMax: Int { 256 }

  private let service: S
  private let context: ServiceContext
  private let connectionsMax: Int
  private let startedAt = MonotonicClock.now()
  private let state = Mutex(State())

  /// `connectionsMax` bounds the connections of clients.
  init(service: S, context: ServiceContext, connectionsMax: Int) {
    self.service = service
    self.context = context
    self.connectionsMax = connectionsMax
  }

  /// Listens, and prepares the service in the background. Returns the ports. Throws `ListenError`.
  func start(port: Int, adminPort: Int, export telemetry: TelemetryExport) async throws -> (service: Int, admin: Int) {
    let settings = context.settings
    let endpoints = AdminEndpoints(context, startedAt: startedAt) { [self] in checks }
    let admin = makeAdminServer(endpoints, port: adminPort)
    let server = try makeServer(endpoints, port: port)
    let boundAdmin = try await listen(
      admin, settings[CommonSettings.adminAddress], adminPort, variable: "CADRE_ADMIN_PORT")
    let bound = try await listen(server, settings[CommonSettings.host], port, variable: "CADRE_HTTP_PORT")
    let background = context.group.loops[0].task { [self] in try await prepareAndRun() }
    let export = context.group.loops[0].task { [client = context.client] in await telemetry.run(client) }
    state.withLock {
      $0.server = server
      $0.admin = admin
      $0.background = background
      $0.export = export
    }
    return (bound, boundAdmin)
  }

  private func listen(_ server: HTTPServer, _ host: String, _ port: Int, variable: String) async throws -> Int {
    do { return try await server.start() } catch {
      throw ListenError(address: "\(host):\(port)", variable: variable, cause: error)
    }
  }

  private func makeServer(_ endpoints: AdminEndpoints, port: Int) throws(RouteMismatch) -> HTTPServer {
    let settings = context.settings
    var configuration = HTTPServerConfiguration(address: .host(settings[CommonSettings.host], port: port))
    configuration.connectionsMax = connectionsMax
    configuration.heldBodyBytesMax = settings[CommonSettings.heldBodyBytesMax]
    configuration.headTimeout = settings[CommonSettings.headTimeout]
    configuration.idleTimeout = settings[CommonSettings.idleTimeout]
    configuration.stallTimeout = settings[CommonSettings.stallTimeout(S.stallTimeout)]
    configuration.answersTrace = S.answersTrace
    configuration.edge = service.edge
    configuration.problemResponse = { [service] problem, head, traceID in
      service.response(to: problem, of: head, traceID: traceID)
    }
    var own = S.declaredRoutes.map { Router(declared: $0) } ?? Router()
    service.route(&own)
    try own.check()
    var router = Router()
    for route in own.routes { router.on(route.method, route.pattern, route.options, guarded(route.handler)) }
    endpoints.addHealth(to: &router)
    if S.isReadinessPublic { endpoints.addReadiness(to: &router) }
    return HTTPServer(
      group: context.group, configuration: configuration, router: router, telemetry: context.telemetry)
  }

  /// The listener for those who run the installation. It has metrics of its own, which nobody reads: those of the
  /// service count its users.
  private func makeAdminServer(_ endpoints: AdminEndpoints, port: Int) -> HTTPServer {
    var configuration = HTTPServerConfiguration(
      address: .host(context.settings[CommonSettings.adminAddress], port: port))
    configuration.connectionsMax = ServiceLifecycle.adminConnectionsMax
    configuration.heldBodyBytesMax = 0
    var router = Router()
    endpoints.addAll(to: &router)
    let telemetry = Telemetry(
      service: context.name, registry: MetricsRegistry(), tracer: context.telemetry.tracer,
      logger: context.telemetry.logger)
    return HTTPServer(group: context.group, configuration: configuration, router: router, telemetry: telemetry)
  }

  private func prepareAndRun() async throws {
    var pause = Duration.milliseconds(100)
    while true {
      do {
        try await service.prepare()
        break
      } catch is CancellationError {
        return
      } catch {
        context.telemetry.logger.warning(
          "not ready yet", ["reason": .string("\(error)"), "retry_in_ms": .int(pause.milliseconds)])
        try await EventLoop.sleep(for: pause)
        pause = min(pause * 2, .seconds(2))
      }
    }
    state.withLock { $0.isPrepared = true }
    context.telemetry.logger.info(
      "ready", ["after_ms": .int(Int64((MonotonicClock.now() - startedAt) / 1_000_000))])
    await service.run()
  }

  /// Ends everything: no new work, requests in progress answered, then the rest.
  func stop(export telemetry: TelemetryExport) async {
    let (server, admin, background, export) = state.withLock { state in
      state.isStopping = true
      return (state.server, state.admin, state.background, state.export)
    }
    let delay = context.settings[CommonSettings.shutdownDelay]
    if delay > .zero {
      await server?.announceEnd()
      try? await EventLoop.sleep(for: delay)
    }
    await service.drain()
    await server?.stop(grace: context.settings[CommonSettings.shutdownGrace])
    background?.cancel()
    _ = await background?.result
    await service.close()
    await admin?.stop(grace: .zero)
    export?.cancel()
    _ = await export?.result
    await telemetry.finish(context.client)
    await context.client.close(group: context.group)
  }

  private func guarded(_ handler: @escaping HTTPHandler) -> HTTPHandler {
    { [self] request in
      guard try await isPrepared(within: S.startPatience) else {
        var problem = Problem(
          .starting, "The service is starting and not ready yet; try again in a moment.",
          retryAfterSeconds: 1)
        problem.headers.append(InternalHeader.notServing, "1")
        // Nothing was done: whoever asks again loses nothing.
        problem.headers.append("x-should-retry", "true")
        throw problem
      }
      return try await handler(request)
    }
  }

  private func isPrepared(within patience: Duration) async throws -> Bool {
    if state.withLock({ $0.isPrepared }) { return true }
    let end = MonotonicClock.now() &+ UInt64(clamping: patience.nanoseconds)
    while MonotonicClock.now() < end, state.withLock({ !$0.isStopping }) {
      try await EventLoop.sleep(for: .milliseconds(10))
      if state.withLock({ $0.isPrepared }) { return true }
    }
    return false
  }

  private var checks: [(name: String, isReady: Bool)] {
    let (isPrepared, isStopping) = state.withLock { ($0.isPrepared, $0.isStopping) }
    return [("prepared", isPrepared), ("serving", !isStopping)] + service.readiness()
  }
}

/// A listener that could not be started.
struct ListenError: Error {
  let address: String
  /// The environment name of the setting of its port.
  let variable: String
  let cause: any Error
}
