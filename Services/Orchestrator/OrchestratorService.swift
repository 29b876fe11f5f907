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

  private static let sweepInterval = Duration.seconds(1)

  private let context: ServiceContext
  private let token: InternalToken
  private let pool: PostgresPool
  private let engine: RunEngine
  private let metrics: RunMetrics

  init(_ context: ServiceContext) throws {
    self.context = context
    token = try InternalToken(context.settings[CommonSettings.internalToken])
    var configuration = PostgresConfiguration(
      connectionString: context.settings[OrchestratorSettings.postgres].reveal(), schema: OrchestratorSchema.name,
      applicationName: "cadre-orchestrator")
    configuration.sharedConnectionsPerLoop = context.settings[OrchestratorSettings.connections]
    pool = PostgresPool(group: context.group, configuration: configuration, telemetry: context.telemetry)
    metrics = RunMetrics(registry: context.telemetry.registry)
    engine = RunEngine(group: context.group, store: RunStore(pool: pool), metrics: metrics)
  }

  func route(_ router: inout Router) {
    TaskRoutes(engine: engine, token: token).add(to: &router)
    RunRoutes(engine: engine, token: token).add(to: &router)
    WorkerRoutes(engine: engine, token: token, settings: context.settings).add(to: &router)
  }

  func prepare() async throws {
    await pool.start()
    try await Migrator(pool: pool, schema: OrchestratorSchema.name, logger: context.telemetry.logger)
      .migrate(OrchestratorSchema.migrations)
  }

  func readiness() -> [(name: String, isReady: Bool)] { [("postgres", pool.isReady)] }

  /// Sweeps until the end: leases that ran out, and the depth of the queue.
  func run() async {
    while !Task.isCancelled {
      do {
        try await EventLoop.sleep(for: OrchestratorService.sweepInterval)
        _ = try await engine.rescueOverdue()
        let depth = try await engine.store.queueDepth()
        metrics.readySteps.set(depth.ready)
        metrics.leasedNow.set(depth.leased)
      } catch is CancellationError {
        return
      } catch {
        context.telemetry.logger.warning("the sweep failed", ["reason": .string("\(error)")])
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
    Migration(version: 1, name: "runs", sql: String(decoding: PackageResources._001_runs_sql, as: UTF8.self))
  ]
}
