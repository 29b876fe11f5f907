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
  static let declaredRoutes: [RouteSpecification]? = Routes.of(.orchestrator)
  static let settings: [any SettingDeclaration] = OrchestratorSettings.all

  private static let depthInterval = Duration.seconds(5)
  private static let gatherMax = 5000

  private let context: ServiceContext
  private let token: InternalToken
  private let workers: WorkerCredentials
  private let assertions: StepAssertions
  private let pool: PostgresPool
  private let engine: RunEngine
  private let metrics: RunMetrics
  private let timers: TimerService
  private let submitter: TaskSubmitter
  private let schedules: ScheduleService
  private let zones: TimeZoneStore
  private let keeper: HistoryKeeper

  init(_ context: ServiceContext) throws {
    self.context = context
    let stepKeys = try IdentitySettings.stepKeys(context.settings)
    token = try Authenticator(
      .orchestrator, trusting: [try IdentitySettings.gatewayKeys(context.settings), stepKeys])
    workers = try IdentitySettings.workerKeys(context.settings)
    assertions = StepAssertions(AssertionSigner(stepKeys))
    var configuration = PostgresConfiguration(
      connectionString: context.settings[OrchestratorSettings.postgres].reveal(), schema: OrchestratorSchema.name,
      applicationName: "cadre-orchestrator")
    // The tables grow from nothing to millions of rows while a statement keeps its plan: every plan must go by indexes
    // from the beginning, whatever the statistics say of an empty table.
    configuration.sessionSettings = ["enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "jit": "off"]
    configuration.sharedConnectionsPerLoop = context.settings[OrchestratorSettings.connections]
    pool = PostgresPool(group: context.group, configuration: configuration, telemetry: context.telemetry)
    metrics = RunMetrics(registry: context.telemetry.registry)
    engine = RunEngine(
      group: context.group, store: RunStore(pool: pool), catalog: WorkflowCatalog(store: WorkflowStore(pool: pool)),
      notices: ReplicaNotices(pool: pool, logger: context.telemetry.logger), metrics: metrics,
      logger: context.telemetry.logger)
    timers = TimerService(
      engine: engine, inputs: StepInputs(store: engine.store), lease: context.settings[OrchestratorSettings.lease],
      telemetry: context.telemetry)
    submitter = TaskSubmitter(engine: engine, projects: ProjectStore(pool: pool))
    zones = TimeZoneStore(pool: pool)
    schedules = ScheduleService(
      engine: engine, schedules: ScheduleStore(pool: pool), zones: zones, submitter: submitter,
      telemetry: context.telemetry)
    keeper = HistoryKeeper(
      store: engine.store, archiveAfter: context.settings[OrchestratorSettings.archiveAfter],
      pruneAfter: context.settings[OrchestratorSettings.pruneAfter], metrics: metrics,
      logger: context.telemetry.logger)
  }

  func route(_ router: inout Router) {
    TaskRoutes(engine: engine, submitter: submitter, token: token).add(to: &router)
    RunRoutes(engine: engine, token: token).add(to: &router)
    HistoryRoutes(engine: engine, token: token).add(to: &router)
    StepRoutes(engine: engine, token: token).add(to: &router)
    ApprovalRoutes(engine: engine, approvals: ApprovalStore(pool: pool), token: token).add(to: &router)
    WorkflowRoutes(engine: engine, workflows: WorkflowStore(pool: pool), token: token).add(to: &router)
    ProjectRoutes(projects: ProjectStore(pool: pool), token: token).add(to: &router)
    ScheduleRoutes(
      schedules: ScheduleStore(pool: pool), zones: zones, service: schedules, token: token
    ).add(to: &router)
    LimitRoutes(limits: LimitStore(pool: pool), dispatcher: engine.dispatcher, token: token).add(to: &router)
    WeightRoutes(limits: LimitStore(pool: pool), token: token).add(to: &router)
    WorkerRoutes(
      engine: engine, token: token, workers: workers, assertions: assertions, settings: context.settings
    ).add(to: &router)
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
      group.addTask { [self] in
        await engine.notices.run(hub: engine.hub, dispatcher: engine.dispatcher, timerBell: engine.timerBell)
      }
      group.addTask { [self] in await engine.dispatcher.lookPeriodically() }
      group.addTask { [self] in await gatherBacklog() }
      group.addTask { [self] in await schedules.run() }
      group.addTask { [self] in await keeper.run() }
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

  /// Keeps the cost of claims from growing with the age of a backlog.
  private func gatherBacklog() async {
    while !Task.isCancelled {
      do {
        try await EventLoop.sleep(for: OrchestratorService.depthInterval)
        while try await engine.store.gatherBacklog(limit: OrchestratorService.gatherMax)
          >= OrchestratorService.gatherMax
        {}
      } catch is CancellationError {
        return
      } catch {
        context.telemetry.logger.warning("the backlog could not be gathered", ["reason": .string("\(error)")])
      }
    }
  }

  /// Ends what only waits, so that the process can end soon.
  func drain() async {
    engine.dispatcher.drain()
    engine.hub.drain()
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
  static let archiveAfter = Setting(
    "history.archive_after_ms", .milliseconds(in: 0...(3650 * 86_400_000)), default: .seconds(7 * 86_400),
    "Time after its end at which the history of a run is moved into the archive, compressed; 0 keeps it as it is.")
  static let pruneAfter = Setting(
    "history.prune_after_ms", .milliseconds(in: 0...(3650 * 86_400_000)), default: .zero,
    "Time after its end at which a run is forgotten with everything that belongs to it; 0 keeps it for ever.")
  static let all: [any SettingDeclaration] = [
    IdentitySettings.gatewayKeys, IdentitySettings.stepKeys, IdentitySettings.workerKeys, postgres, connections, lease,
    archiveAfter, pruneAfter,
  ]
}

/// The schema `orchestrator`.
enum OrchestratorSchema {
  static let name = "orchestrator"
  static let migrations = [
    Migration(version: 1, name: "runs", sql: String(decoding: PackageResources._001_runs_sql, as: UTF8.self)),
    Migration(version: 2, name: "workflows", sql: String(decoding: PackageResources._002_workflows_sql, as: UTF8.self)),
    Migration(version: 3, name: "histories", sql: String(decoding: PackageResources._003_histories_sql, as: UTF8.self)),
    Migration(version: 4, name: "claims", sql: String(decoding: PackageResources._004_claims_sql, as: UTF8.self)),
    Migration(version: 5, name: "lists", sql: String(decoding: PackageResources._005_lists_sql, as: UTF8.self)),
    Migration(
      version: 6, name: "deleted_workflows",
      sql: String(decoding: PackageResources._006_deleted_workflows_sql, as: UTF8.self)),
  ]
}
