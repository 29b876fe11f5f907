internal import Contracts
internal import HTTP
internal import Postgres
internal import Primitives
internal import Reactor
internal import Redis
internal import Routing
internal import ServiceKit
internal import Settings
internal import SystemSources
internal import Telemetry

@main
final class LLMRouterService: Service {
  static let program = ProgramDescription(
    name: "llm-router", summary: "Routes model calls to providers, caches, meters and refuses to overspend.",
    version: CadreVersion.current)
  static let defaultPort = 8082
  static let declaredRoutes: [RouteSpecification]? = Routes.of(.router)
  /// Each stream has a connection of its own behind it.
  static let httpClient: HTTPClientConfiguration = {
    var configuration = HTTPClientConfiguration()
    configuration.connectionsPerOriginMax = 16_384
    configuration.waitersPerOriginMax = 16_384
    return configuration
  }()
  static let settings: [any SettingDeclaration] = RouterSettings.all

  private let context: ServiceContext
  private let pool: PostgresPool
  private let redis: RedisPool
  private let catalog: CatalogKeeper
  private let ledger: Ledger
  private let budgets: BudgetGuard
  private let calls: CallService
  private let prober: HealthProber
  private let spoolFolder: String
  private let token: InternalToken

  init(_ context: ServiceContext) throws {
    self.context = context
    let settings = context.settings
    let (telemetry, registry) = (context.telemetry, context.telemetry.registry)
    token = try Authenticator(
      .router, trusting: [try IdentitySettings.gatewayKeys(settings), try IdentitySettings.stepKeys(settings)])
    var configuration = PostgresConfiguration(
      connectionString: settings[RouterSettings.postgres].reveal(), schema: RouterSchema.name,
      applicationName: "cadre-llm-router")
    configuration.sharedConnectionsPerLoop = settings[RouterSettings.connections]
    pool = PostgresPool(group: context.group, configuration: configuration, telemetry: telemetry)
    redis = RedisPool(
      group: context.group, configuration: try RedisAddress.configuration(settings[RouterSettings.redis].reveal()),
      registry: registry)
    catalog = CatalogKeeper(
      pool: pool, declared: try ProviderDeclaration.declared(settings), standard: settings[RouterSettings.defaultModel],
      keyFolder: settings[RouterSettings.keyFolder],
      prices: try PriceFile.table(settings[RouterSettings.pricesFile]), logger: telemetry.logger)
    spoolFolder = settings[RouterSettings.spoolFolder]
    let spool: LedgerSpool? =
      spoolFolder.isEmpty ? nil : try LedgerSpool(folder: spoolFolder, name: "llm-router-\(UUID.version7())")
    ledger = Ledger(pool: pool, spool: spool, logger: telemetry.logger)
    budgets = BudgetGuard(
      redis: redis, store: BudgetStore(pool: pool), ledger: ledger, metrics: SpendingMetrics(registry: registry),
      logger: telemetry.logger)
    calls = CallService(
      desk: CallerDesk(
        token: token, signer: VirtualKey.Signer(try RouterSettings.virtualKeys(settings)), catalog: catalog),
      catalog: catalog, client: context.client,
      health: HealthBook(
        policy: Breaker.Policy(
          failuresInRow: settings[RouterSettings.breakerFailures],
          coolMilliseconds: settings[RouterSettings.breakerCool].milliseconds,
          coolMaxMilliseconds: settings[RouterSettings.breakerCoolMax].milliseconds,
          keyCoolMilliseconds: settings[RouterSettings.breakerKeyCool].milliseconds)), ledger: ledger,
      budgets: budgets,
      rates: RateGuard(
        redis: redis,
        queue: RateGuard.Queue(
          countMax: settings[RouterSettings.queueCount], timeMax: settings[RouterSettings.queueTime]),
        lease: settings[RouterSettings.callTimeout] + .seconds(60), registry: registry),
      cache: PromptCache(
        redis: redis, mode: settings[RouterSettings.cacheMode],
        standardSeconds: max(1, settings[RouterSettings.cacheTime].milliseconds / 1000),
        bytesMax: settings[RouterSettings.cacheBytes], metrics: CacheMetrics(registry: registry)),
      deck: FlightDeck(), metrics: CallMetrics(registry: registry), telemetry: telemetry,
      limits: CallLimits(
        timeout: settings[RouterSettings.callTimeout],
        retries: RetryPolicy(
          attemptsMax: settings[RouterSettings.attempts],
          pauseMilliseconds: settings[RouterSettings.retryPause].milliseconds,
          shortPauseMilliseconds: settings[RouterSettings.shortRetryAfter].milliseconds),
        outputTokens: Int64(settings[RouterSettings.outputTokens]),
        allowsUnpriced: settings[RouterSettings.allowsUnpriced], answerBytes: settings[RouterSettings.answerBytes],
        times: ProviderTimes(
          timeout: settings[RouterSettings.timeout], firstToken: settings[RouterSettings.firstToken],
          stall: settings[RouterSettings.stall]), heartbeat: settings[RouterSettings.heartbeat]),
      filter: try CallGuard(settings))
    prober = HealthProber(
      catalog: catalog, client: context.client, health: calls.health,
      interval: settings[RouterSettings.probeInterval], registry: registry, logger: telemetry.logger)
    let (catalog, ledger) = (catalog, ledger)
    registry.observeGauge("cadre_ledger_backlog", help: "Calls that are not in the ledger's table yet.") {
      Double(ledger.backlog)
    }
    registry.observeGauge("cadre_model_unpriced", help: "Configured models whose price is not known.") {
      Double(catalog.current.unpriced)
    }
  }

  func route(_ router: inout Router) {
    CallRoutes(calls: calls).add(to: &router)
    PassThroughRoutes(calls: calls, token: token).add(to: &router)
    ProviderRoutes(catalog: catalog, health: calls.health, prober: prober, token: token, times: calls.limits.times)
      .add(to: &router)
    HealthRoutes(health: calls.health, token: token).add(to: &router)
    ModelRoutes(catalog: catalog, token: token).add(to: &router)
    AliasRoutes(catalog: catalog, token: token).add(to: &router)
    BudgetRoutes(catalog: catalog, budgets: budgets, token: token).add(to: &router)
    RateLimitRoutes(catalog: catalog, token: token).add(to: &router)
    KeyRoutes(catalog: catalog, signer: calls.desk.signer, token: token).add(to: &router)
    UsageRoutes(usage: UsageStore(pool: pool), ledger: ledger, token: token).add(to: &router)
  }

  func prepare() async throws {
    await pool.start()
    try await Migrator(pool: pool, schema: RouterSchema.name, logger: context.telemetry.logger)
      .migrate(RouterSchema.migrations)
    await redis.start()
    await budgets.prepare()
    if !spoolFolder.isEmpty {
      let tenants = try await ledger.recover(folder: spoolFolder)
      // What they had set aside and not settled may still stand in the counters.
      for tenant in tenants { try? await budgets.forget(tenant: tenant) }
    }
    try await catalog.reload()
  }

  func readiness() -> [(name: String, isReady: Bool)] { [("postgres", pool.isReady)] }

  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await catalog.run() }
      group.addTask { [self] in await ledger.run() }
      group.addTask { [self] in await prober.run() }
      group.addTask { [self] in await budgets.run() }
    }
  }

  func close() async {
    await ledger.close()
    await budgets.close()
    await redis.close()
    await pool.close()
  }
}
