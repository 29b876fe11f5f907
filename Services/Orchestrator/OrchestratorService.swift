internal import Contracts
internal import Decider
internal import HTTP
internal import Postgres
internal import Primitives
internal import Reactor
internal import ServiceKit
internal import Settings
internal import Telemetry

@main
final class OrchestratorService: Service {
  static let program = ProgramDescription(
    name: "orchestrator", summary: "Keeps runs: durable histories, the queue of steps, the protocol of workers.",
    version: CadreVersion.current)
  static let defaultPort = 8081
  static let settings: [any SettingDeclaration] = OrchestratorSettings.all

  private static let depthInterval = Duration.seconds(5)

  private let context: ServiceContext
  private let token: InternalToken
  private let pool: PostgresPool
  private let engine: RunEngine
  private let metrics: RunMetrics
  private let timers: TimerService

  init(_ context: ServiceContext) throws {
    self.context = context
    token = try InternalToken(context.settings[CommonSettings.internalToken])
    var configuration = PostgresConfiguration(
      connectionString: context.settings[OrchestratorSettings.postgres].reveal(), schema: OrchestratorSchema.name,
      applicationName: "cadre-orchestrator")
    configuration.sharedConnectionsPerLoop = context.settings[OrchestratorSettings.connections]
    pool = PostgresPool(group: context.group, configuration: configuration, telemetry: context.telemetry)
    metrics = RunMetrics(registry: context.telemetry.registry)
    engine = RunEngine(
      group: context.group, store: RunStore(pool: pool), catalog: WorkflowCatalog(store: WorkflowStore(pool: pool)),
      metrics: metrics)
    timers = TimerService(
      engine: engine, inputs: StepInputs(store: engine.store), logger: context.telemetry.logger)
  }

  func route(_ router: inout Router) {
    let submitter = TaskSubmitter(engine: engine, projects: ProjectStore(pool: pool))
    TaskRoutes(engine: engine, submitter: submitter, token: token).add(to: &router)
    RunRoutes(engine: engine, token: token).add(to: &router)
    WorkerRoutes(engine: engine, token: token, settings: context.settings).add(to: &router)
  }

  func prepare() async throws {
    await pool.start()
    try await Migrator(pool: pool, schema: OrchestratorSchema.name, logger: context.telemetry.logger)
      .migrate(OrchestratorSchema.migrations)
  }

  func readiness() -> [(name: String, isReady: Bool)] { [("postgres", pool.isReady)] }

  /// Serves timers and looks after the queue until the end.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await timers.run() }
      group.addTask { [self] in await engine.dispatcher.lookPeriodically() }
      group.addTask { [self] in await watchDepth() }
    }
  }

  private func watchDepth() async {
    while !Task.isCancelled {
      do {
        try await EventLoop.sleep(for: OrchestratorService.depthInterval)
        let depth = try await engine.store.queueDepth()
        metrics.readySteps.set(depth.ready)
        metrics.leasedNow.set(depth.leased)
        metrics.delayedSteps.set(depth.delayed)
        metrics.timers.set(depth.timers)
      } catch is CancellationError {
        return
      } catch {
        context.telemetry.logger.warning("the queue could not be measured", ["reason": .string("\(error)")])
      }
    }
  }

  func close() async { await pool.close() }
}

/// The orchestrator's own settings.
enum OrchestratorSettings {
  static let postgres = Setting(
    "postgres.url", .secret, "libpq connection string or URI of the database, for example postgresql://cadre@db/cadre.")
  static let connections = Setting(
    "postgres.connections_per_loop", .int(in: 1...32), default: 2, "Pipelined connections of each event loop.")
  static let lease = Setting(
    "lease.duration_ms", .milliseconds(in: 500...3_600_000), default: .seconds(15),
    "Time after which a step of a silent worker is given to another.")
  static let all: [any SettingDeclaration] = [CommonSettings.internalToken, postgres, connections, lease]
}

/// The schema `orchestrator`.
enum OrchestratorSchema {
  static let name = "orchestrator"
  static let migrations = [
    Migration(version: 1, name: "runs", sql: String(decoding: PackageResources._001_runs_sql, as: UTF8.self)),
    Migration(version: 2, name: "workflows", sql: String(decoding: PackageResources._002_workflows_sql, as: UTF8.self)),
  ]
}
