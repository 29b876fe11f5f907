internal import CLinux
internal import Dispatch
internal import Glibc
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Reactor
internal import Settings
internal import Synchronization
internal import Telemetry

/// The life of one service process.
enum ServiceProcess<S: Service> {
  static func main() -> Never {
    CoreFiles.forbid()
    let given = Array(CommandLine.arguments.dropFirst())
    // The health check of a container, whose image has no other program that could ask.
    let asksForHealth = given.contains("--health")
    // The migration job of an update, before services of the new version start.
    let onlyMigrates = given.contains("--migrate")
    let arguments = given.filter { !["--health", "--migrate"].contains($0) }
    let environment = SettingsSources.processEnvironment()
    let port = CommonSettings.port(S.defaultPort)
    let adminPort = CommonSettings.adminPort(S.defaultAdminPort)
    let table = SettingsTable(
      [port, adminPort] + CommonSettings.all + [CommonSettings.stallTimeout(S.stallTimeout)] + S.settings,
      permittedVariables: ["CADRE_HOME", "CADRE_TEST_*", "CADRE_ONLY"])
    let outcome: CommandLineOutcome
    do {
      outcome = try CommandLineOptions(arguments).outcome(
        for: table, program: S.program, environment: environment)
    } catch {
      fail("\(error)", status: 2)
    }
    switch outcome {
    case .print(let text):
      write(text, to: 1)
      exit(0)
    case .run(let settings) where asksForHealth:
      exit(isReady(settings, adminPort: settings[adminPort]) ? 0 : 1)
    case .run(let settings) where onlyMigrates:
      migrate(settings, environment: environment)
    case .run(let settings):
      run(settings, port: settings[port], adminPort: settings[adminPort], environment: environment)
    }
  }

  /// Whether the process that runs with the same settings says on its admin listener that it is ready.
  private static func isReady(_ settings: Settings, adminPort: Int) -> Bool {
    let address = settings[CommonSettings.adminAddress]
    let host = address == "0.0.0.0" || address == "::" ? "127.0.0.1" : address
    let group = EventLoopGroup(count: 1, name: "health")
    let client = HTTPClient(group: group, telemetry: .disabled())
    let answer = BlockingResult<Bool>()
    group.loops[0].task {
      do {
        let url = try HTTPURL("http://\(host):\(adminPort)/readyz")
        let ready = try await client.send(
          HTTPClientRequest(.get, url, headers: HTTPHeaders(), body: .none, timeout: .seconds(3)), peer: "health")
        answer.complete(ready.status == .ok)
      } catch { answer.complete(false) }
    }
    return answer.wait()
  }

  /// Migrates once and ends: with 0 when the schema has this program's version. It listens nowhere.
  private static func migrate(_ settings: Settings, environment: [String: String]) -> Never {
    let sink = FileLogSink(descriptor: 2)
    let logger = Logger(
      service: S.program.name, minimum: LogLevel(name: settings[CommonSettings.logLevel]) ?? .info, sink: sink)
    let telemetry = Telemetry(
      service: S.program.name, registry: MetricsRegistry(),
      tracer: Tracer(sampler: Sampler(ratio: 0, followsParent: false), sink: nil), logger: logger)
    let group = EventLoopGroup(count: 1, name: S.program.name)
    let context = ServiceContext(
      name: S.program.name, group: group, settings: settings, telemetry: telemetry,
      client: HTTPClient(group: group, telemetry: telemetry))
    let service: S
    do { service = try S(context) } catch { fail("\(S.program.name): \(error)", status: 2) }
    let failure = BlockingResult<(any Error)?>()
    group.loops[0].task {
      do {
        try await service.migrate()
        failure.complete(nil)
      } catch { failure.complete(error) }
    }
    if let failure = failure.wait() {
      logger.error("the schema could not be migrated", ["reason": .string("\(failure)")])
      sink.flush()
      exit(1)
    }
    logger.info("the schema has this program's version", ["version": .string(CadreVersion.current)])
    sink.flush()
    exit(0)
  }

  private static func run(
    _ settings: Settings, port: Int, adminPort: Int, environment: [String: String]
  ) -> Never {
    cadre_keep_freed_memory(4 << 20, 1 << 20)
    let descriptors = DescriptorLimit.raise()
    let signals = ServiceSignals()
    let open = OTelSettings(environment: environment)
    guard open.faults.isEmpty else { fail(open.faults.joined(separator: "\n"), status: 2) }
    let sink = FileLogSink(descriptor: 2)
    let telemetry = ServiceTelemetry(
      service: S.program.name, settings: open,
      minimum: LogLevel(name: settings[CommonSettings.logLevel]) ?? .info, sink: sink)
    let logger = telemetry.telemetry.logger
    let connectionsMax = descriptors.connectionsMax(
      configured: settings[CommonSettings.connectionsMax],
      adminConnectionsMax: ServiceLifecycle<S>.adminConnectionsMax, callsMax: S.httpClient.connectionsPerOriginMax)
    let short = descriptors.warning(
      connectionsMax: connectionsMax,
      adminConnectionsMax: ServiceLifecycle<S>.adminConnectionsMax, callsMax: S.httpClient.connectionsPerOriginMax)
    for warning in settings.warnings + [short].compactMap(\.self) {
      logger.warning("configuration", ["warning": .string(warning)])
    }
    let loops = settings[CommonSettings.loops]
    let group = EventLoopGroup(count: loops == 0 ? nil : loops, name: S.program.name)
    LoopMetrics.register(in: telemetry.telemetry.registry, group: group)
    let client = HTTPClient(group: group, configuration: S.httpClient, telemetry: telemetry.telemetry)
    let context = ServiceContext(
      name: S.program.name, group: group, settings: settings, telemetry: telemetry.telemetry, client: client)
    let service: S
    do { service = try S(context) } catch { fail("\(S.program.name): \(error)", status: 2) }

    let lifecycle = ServiceLifecycle(service: service, context: context, connectionsMax: connectionsMax)
    let started = BlockingResult<Result<(service: Int, admin: Int), any Error>>()
    group.loops[0].task {
      do {
        started.complete(
          .success(try await lifecycle.start(port: port, adminPort: adminPort, export: telemetry.export)))
      } catch { started.complete(.failure(error)) }
    }
    switch started.wait() {
    case .success(let ports):
      logger.info(
        "listening",
        [
          "port": .int(Int64(ports.service)), "admin_port": .int(Int64(ports.admin)),
          "version": .string(CadreVersion.current), "descriptors_max": .int(Int64(clamping: descriptors.current)),
          "connections_max": .int(Int64(connectionsMax)),
        ])
    case .failure(let error): fail("\(S.program.name): \(reason(error))", status: 1)
    }
    let signal = signals.wait()
    logger.info("stopping", ["signal": .int(Int64(signal))])
    signals.exitOnNext()
    let ended = BlockingResult<Void>()
    group.loops[0].task {
      await lifecycle.stop(export: telemetry.export)
      ended.complete(())
    }
    ended.wait()
    logger.info("stopped")
    sink.flush()
    exit(0)
  }

  private static func reason(_ error: any Error) -> String {
    guard let error = error as? ListenError else { return "cannot start: \(error)" }
    return (error.cause as? ReactorError)?.errno == EADDRINUSE
      ? "\(error.address) is taken by another process. Stop it, or choose another port with \(error.variable)."
      : "cannot listen on \(error.address): \(error.cause)"
  }

  private static func write(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(descriptor, bytes, bytes.count)
  }

  private static func fail(_ message: String, status: Int32) -> Never {
    write(message + "\n", to: 2)
    exit(status)
  }
}

/// A value that a loop makes and the main thread, which may block, waits for.
private final class BlockingResult<Value: Sendable>: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  private let value = Mutex<Value?>(nil)

  func complete(_ value: Value) {
    self.value.withLock { $0 = value }
    semaphore.signal()
  }

  @discardableResult
  func wait() -> Value {
    semaphore.wait()
    // Signalled only by `complete`, which sets the value first.
    guard let value = value.withLock({ $0 }) else { preconditionFailure("the semaphore was signalled without a value") }
    return value
  }
}

/// SIGTERM and SIGINT, blocked for all threads and waited for by the main one. SIGPIPE is ignored.
private struct ServiceSignals {
  private var set = sigset_t()

  init() {
    signal(SIGPIPE, SIG_IGN)
    sigemptyset(&set)
    sigaddset(&set, SIGTERM)
    sigaddset(&set, SIGINT)
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  func wait() -> Int32 {
    var signal: Int32 = 0
    var set = set
    while sigwait(&set, &signal) != 0 {}
    return signal
  }

  /// From now on a further signal ends the process at once: somebody is in a hurry.
  func exitOnNext() {
    var set = set
    signal(SIGTERM) { _ in _exit(130) }
    signal(SIGINT) { _ in _exit(130) }
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }
}
