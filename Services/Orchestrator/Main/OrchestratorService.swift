internal import Artefacts
internal import Contracts
internal import HTTP
internal import OrchestratorAPI
internal import OrchestratorConfiguration
internal import PolicyState
internal import Postgres
internal import RunEngine
internal import RunStorage
internal import Schedules
internal import ServiceKit
internal import Settings
internal import Telemetry
internal import Tenancy

/// Makes the parts of the orchestrator and connects them.
@main
final class OrchestratorService: Service {
  static let program = ProgramDescription(
    name: "orchestrator", summary: "Keeps runs: durable histories, the queue of steps, the protocol of workers.",
    version: CadreVersion.current)
  static let defaultPort = 8081
  static let declaredRoutes: [RouteSpecification]? = Routes.of(.orchestrator)
  static let settings: [any SettingDeclaration] = OrchestratorSettings.all

  private let pool: PostgresPool
  private let reads: PostgresReader
  private let logger: Logger
  private let engine: Engine
  private let timers: TimerService
  private let schedules: ScheduleService
  private let retention: RetentionJob
  private let maintenance: QueueMaintenanceJob
  private let tenants: TenantActivityJob
  private let cleanup: WorkspaceCleanup
  private let deletion: TenantDeletion
  private let policies: FollowedPolicies
  private let routes: OrchestratorRoutes

  init(_ context: ServiceContext) throws {
    let settings = context.settings
    let lease = settings[OrchestratorSettings.lease]
    let stepKeys = try IdentitySettings.stepKeys(settings)
    let callers = try Authenticator(
      .orchestrator, trusting: [try IdentitySettings.gatewayKeys(settings), stepKeys])
    let workers = WorkerAuthenticator(assertions: callers, workers: try IdentitySettings.workerKeys(settings))
    logger = context.telemetry.logger
    (pool, reads) = try OrchestratorService.connect(context)
    let storage = OrchestratorStorage(pool: pool, reads: reads)
    let metrics = RunMetrics(registry: context.telemetry.registry)
    engine = Engine(
      group: context.group, store: storage.runs, queue: storage.runs,
      catalog: WorkflowCatalog(source: storage.workflows),
      submitters: SubmitterCache(source: storage.runs.submitters),
      notifier: ReplicaNotifier(channel: storage.replicas, logger: logger), metrics: metrics,
      tracing: try OrchestratorSettings.tracing(context.telemetry.tracer, settings), logger: logger)
    timers = TimerService(engine: engine, store: storage.runs, lease: lease, telemetry: context.telemetry)
    let workspace = try WorkspaceSettings.workspace(settings, pool: pool, telemetry: context.telemetry)
    let submitter = TaskSubmitter(
      engine: engine, projects: storage.projects, artefacts: workspace.artefacts, limits: workspace.artefactLimits)
    schedules = ScheduleService(
      engine: engine, runs: storage.runs, schedules: storage.schedules, zones: storage.zones, submitter: submitter,
      telemetry: context.telemetry)
    retention = RetentionJob(
      store: storage.runs, archiveAfter: settings[OrchestratorSettings.archiveAfter],
      pruneAfter: settings[OrchestratorSettings.pruneAfter], metrics: metrics, logger: logger)
    maintenance = QueueMaintenanceJob(store: storage.runs, metrics: metrics, logger: logger)
    tenants = TenantActivityJob(store: storage.runs, registry: context.telemetry.registry, logger: logger)
    cleanup = WorkspaceCleanup(
      pool: pool, uploadKeep: workspace.artefactLimits.uploadKeep, registry: context.telemetry.registry, logger: logger)
    deletion = OrchestratorTenants.deletion(pool: pool, engine: engine, runs: storage.runs, logger: logger)
    policies = try FollowedPolicies(
      settings, client: context.client, telemetry: context.telemetry,
      labels: [("service", "orchestrator"), ("version", CadreVersion.current)], pool: pool,
      schema: OrchestratorSchema.name)
    routes = OrchestratorRoutes(
      engine: engine, storage: storage, workspace: workspace, submitter: submitter, schedules: schedules,
      callers: callers, workers: workers,
      assertions: StepAssertions(AssertionSigner(stepKeys)), lease: lease,
      questions: settings[OrchestratorSettings.questions],
      tenants: deletion, approvalPolicy: ApprovalPolicy(policies.engine), policies: policies.state, logger: logger)
  }

  private static func connect(_ context: ServiceContext) throws -> (pool: PostgresPool, reads: PostgresReader) {
    var configuration = try PostgresSettings.configuration(
      context.settings, OrchestratorSettings.connections, schema: OrchestratorSchema.name,
      applicationName: "cadre-orchestrator")
    // The tables grow from nothing to millions of rows while a statement keeps its plan: every plan must go by indexes
    // from the beginning, whatever the statistics say of an empty table.
    configuration.sessionSettings = ["enable_seqscan": "off", "plan_cache_mode": "force_generic_plan", "jit": "off"]
    return PostgresSettings.connect(
      context.settings, configuration, group: context.group, telemetry: context.telemetry)
  }

  func route(_ router: inout Router) { routes.add(to: &router) }

  func prepare() async throws {
    try await migrate()
    try await policies.load()
  }

  func migrate() async throws {
    await pool.start()
    try await Migrator(pool: pool, schema: OrchestratorSchema.name, logger: logger)
      .migrate(OrchestratorSchema.migrations)
  }

  func readiness() -> [(name: String, isReady: Bool)] { [("postgres", pool.isReady)] }

  /// Serves timers and schedules and maintains the queue until the end.
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await timers.run() }
      group.addTask { [self] in await engine.run() }
      group.addTask { [self] in await schedules.run() }
      group.addTask { [self] in await retention.run() }
      group.addTask { [self] in await maintenance.run() }
      group.addTask { [self] in await tenants.run() }
      group.addTask { [self] in await cleanup.run() }
      group.addTask { [self] in await policies.run() }
      group.addTask { [self] in await deletion.run() }
      group.addTask { [self] in await reads.run() }
    }
  }

  /// Ends what only waits, so that the process can end soon.
  func drain() async { engine.drain() }

  func close() async {
    policies.close()
    await reads.close()
    await pool.close()
  }
}
