internal import Contracts
internal import Glibc
internal import HTTP
internal import HTTPWire
internal import JSON
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
    var background: Task<Void, any Error>?
    var export: Task<Void, any Error>?
    var isPrepared = false
    var isStopping = false
  }

  private let service: S
  private let context: ServiceContext
  private let startedAt = MonotonicClock.now()
  private let state = Mutex(State())

  init(service: S, context: ServiceContext, sink: FileLogSink) {
    self.service = service
    self.context = context
  }

  /// Listens, and prepares the service in the background. Returns the port.
  func start(port: Int, export exporter: TraceExport?) async throws -> Int {
    let settings = context.settings
    var configuration = HTTPServerConfiguration(address: .host(settings[CommonSettings.host], port: port))
    configuration.connectionsMax = settings[CommonSettings.connectionsMax]
    configuration.heldBodyBytesMax = settings[CommonSettings.heldBodyBytesMax]
    configuration.headTimeout = settings[CommonSettings.headTimeout]
    configuration.idleTimeout = settings[CommonSettings.idleTimeout]
    configuration.stallTimeout = settings[CommonSettings.stallTimeout(S.stallTimeout)]
    configuration.problemResponse = { [service] problem, head, traceID in
      service.response(to: problem, of: head, traceID: traceID)
    }
    var own = Router()
    service.route(&own)
    var router = Router()
    for route in own.routes { router.on(route.method, route.pattern, route.options, guarded(route.handler)) }
    addAdmin(&router)
    let server = HTTPServer(
      group: context.group, configuration: configuration, router: router, telemetry: context.telemetry)
    let bound = try await server.start()
    let background = context.group.loops[0].task { [self] in try await prepareAndRun() }
    let export = exporter.map { exporter in
      context.group.loops[0].task { [client = context.client] in await exporter.run(client) }
    }
    state.withLock {
      $0.server = server
      $0.background = background
      $0.export = export
    }
    return bound
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
  func stop(exporter: TraceExport?) async {
    let (server, background, export) = state.withLock { state in
      state.isStopping = true
      return (state.server, state.background, state.export)
    }
    await service.drain()
    await server?.stop(grace: context.settings[CommonSettings.shutdownGrace])
    background?.cancel()
    _ = await background?.result
    await service.close()
    export?.cancel()
    await exporter?.flush(context.client)
    await context.client.close(group: context.group)
  }

  private func guarded(_ handler: @escaping HTTPHandler) -> HTTPHandler {
    { [self] request in
      guard state.withLock({ $0.isPrepared }) else {
        var problem = Problem(
          .serviceUnavailable, code: "starting", "The service is starting and not ready yet; try again in a moment.",
          retryAfterSeconds: 1)
        problem.headers.append(InternalHeader.notServing, "1")
        // Nothing was done: whoever asks again loses nothing.
        problem.headers.append("x-should-retry", "true")
        throw problem
      }
      return try await handler(request)
    }
  }

  // MARK: Admin endpoints

  private func addAdmin(_ router: inout Router) {
    let quiet = RouteOptions(bodyBytesMax: 0, isObserved: false)
    router.on(.get, "/healthz", quiet) { _ in .text(.ok, "ok\n") }
    router.on(.get, "/readyz", quiet) { [self] _ in readiness() }
    router.on(.get, "/metrics", quiet) { [registry = context.telemetry.registry] request in
      let format = ExpositionFormat.negotiate(accept: request.headers[.accept])
      var response = HTTPResponse(.ok, body: .bytes(registry.render(format)))
      response.headers.append(.contentType, format.contentType)
      return response
    }
    router.on(.get, "/statusz", quiet) { [self] _ in status() }
  }

  private var checks: [(name: String, isReady: Bool)] {
    let (isPrepared, isStopping) = state.withLock { ($0.isPrepared, $0.isStopping) }
    return [("prepared", isPrepared), ("serving", !isStopping)] + service.readiness()
  }

  private func readiness() -> HTTPResponse {
    let checks = checks
    let isReady = checks.allSatisfy(\.isReady)
    return .json(isReady ? .ok : .serviceUnavailable) { writer in
      writer.member("ready", isReady)
      writer.key("checks")
      writer.beginObject()
      for check in checks { writer.member(check.name, check.isReady) }
      writer.endObject()
    }
  }

  private func status() -> HTTPResponse {
    let (context, checks, startedAt) = (context, checks, startedAt)
    return .json { writer in
      writer.member("service", context.name)
      writer.member("version", CadreVersion.current)
      writer.member("uptime_seconds", Int64((MonotonicClock.now() - startedAt) / 1_000_000_000))
      writer.member("process_id", Int64(getpid()))
      writer.member("loops", Int64(context.group.loops.count))
      writer.key("checks")
      writer.beginObject()
      for check in checks { writer.member(check.name, check.isReady) }
      writer.endObject()
      writer.key("settings")
      writer.beginArray()
      for setting in context.settings.redactedDump {
        writer.beginObject()
        writer.member("key", setting.key)
        writer.member("value", setting.value)
        writer.member("source", setting.source)
        writer.endObject()
      }
      writer.endArray()
    }
  }
}
