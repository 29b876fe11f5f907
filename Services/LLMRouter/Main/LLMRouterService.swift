internal import AnswerCache
internal import Contracts
internal import HTTP
internal import Ledger
internal import ModelCalls
internal import ModelCatalog
internal import PolicyState
internal import Postgres
internal import Primitives
internal import Reactor
internal import Redis
internal import RouterAPI
internal import RouterConfiguration
internal import RouterSchema
internal import Routing
internal import ServiceKit
internal import Settings
internal import Spending
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
  private let reads: PostgresReader
  private let redis: RedisPool
  private let policies: FollowedPolicies
  private let stores: CatalogStores
  private let catalog: CatalogCache
  private let signer: VirtualKey.Signer
  private let ledger: LedgerWriter
  private let budgets: BudgetGuard
  private let calls: CallService
  private let prober: HealthProber
  private let tenants: RouterTenants
  private let spoolFolder: String

  init(_ context: ServiceContext) throws {
    self.context = context
    let (settings, telemetry, registry) = (context.settings, context.telemetry, context.telemetry.registry)
    let authenticator = try Authenticator(
      .router, trusting: [try IdentitySettings.gatewayKeys(settings), try IdentitySettings.stepKeys(settings)])
    signer = VirtualKey.Signer(try RouterSettings.virtualKeys(settings))
    let configuration = try PostgresSettings.configuration(
      settings, RouterSettings.connections, schema: RouterSchema.name, applicationName: "cadre-llm-router")
    (pool, reads) = PostgresSettings.connect(settings, configuration, group: context.group, telemetry: telemetry)
    let address = try RedisSettings.configuration(settings)
    redis = RedisPool(group: context.group, configuration: address, registry: registry)
    stores = CatalogStores(pool: pool)
    tenants = RouterTenants(pool: pool, redis: redis, logger: telemetry.logger)
    catalog = CatalogCache(
      source: stores,
      configuration: CatalogConfiguration(
        declared: RouterSettings.declaredProviders(settings), defaultModel: settings[RouterSettings.defaultModel],
        keyFolder: settings[RouterSettings.keyFolder],
        prices: try PriceFile.table(settings[RouterSettings.pricesFile])), logger: telemetry.logger)
    spoolFolder = settings[RouterSettings.spoolFolder]
    let spool: LedgerSpool? =
      spoolFolder.isEmpty ? nil : try LedgerSpool(folder: spoolFolder, name: "llm-router-\(UUID.version7())")
    ledger = LedgerWriter(store: CallStore(pool: pool), spool: spool, logger: telemetry.logger)
    budgets = BudgetGuard(
      counters: RedisBudgetCounters(redis: redis),
      source: LedgerSpentSource(writer: ledger, store: SpentStore(pool: pool)),
      metrics: SpendingMetrics(registry: registry), logger: telemetry.logger)
    policies = try FollowedPolicies(
      settings, client: context.client, telemetry: telemetry, labels: [("service", "llm-router")], pool: pool,
      schema: RouterSchema.name)
    calls = CallService(
      authenticator: CallerAuthenticator(authenticator, signer: signer, catalog: catalog),
      catalog: catalog, client: context.client, health: HealthRegistry(policy: RouterSettings.breakerPolicy(settings)),
      ledger: ledger, budgets: budgets,
      rates: RateLimiter(
        store: RedisRateLimits(redis: redis),
        queue: RateLimiter.Queue(
          countMax: settings[RouterSettings.queueCount], timeMax: settings[RouterSettings.queueTime]),
        lease: settings[RouterSettings.callTimeout] + .seconds(60), registry: registry),
      cache: AnswerStore(
        redis: redis, mode: settings[RouterSettings.cacheMode],
        standardSeconds: max(1, settings[RouterSettings.cacheTime].milliseconds / 1000),
        bytesMax: settings[RouterSettings.cacheBytes], metrics: CacheMetrics(registry: registry)),
      singleFlight: SingleFlight(), metrics: CallMetrics(registry: registry), telemetry: telemetry,
      limits: RouterSettings.callLimits(settings),
      filter: try RouterSettings.filter(settings), modelPolicy: ModelPolicy(policies.engine))
    let (catalog, ledger, probe) = (catalog, ledger, ProviderProbe(client: context.client))
    prober = HealthProber(
      HealthProber.Environment(
        providers: { Array(catalog.current.providers.values) }, probe: { try await probe.run($0) }),
      health: calls.health, interval: settings[RouterSettings.probeInterval], registry: registry,
      logger: telemetry.logger)
    ledger.register(in: registry)
    let help = "Configured models whose price is not known."
    registry.observeGauge("cadre_model_unpriced", help: help) { Double(catalog.current.unpriced) }
  }

  func route(_ router: inout Router) {
    RouterRoutes(
      calls: calls, stores: stores, signer: signer, prober: prober, budgets: budgets, policies: policies.state,
      usage: UsageStore(pool: pool, reads: reads), ledger: ledger, tenants: tenants
    ).add(to: &router)
  }

  func migrate() async throws { try await RouterSchema.migrate(pool, logger: context.telemetry.logger) }
  func prepare() async throws {
    try await migrate()
    await redis.start(logger: context.telemetry.logger)
    await budgets.prepare()
    if !spoolFolder.isEmpty {
      // What they had reserved and not settled may still stand in the counters.
      for tenant in try await ledger.recover(folder: spoolFolder) { try? await budgets.invalidate(tenant: tenant) }
    }
    try await policies.load()
    try await catalog.reload()
  }
  func readiness() -> [(name: String, isReady: Bool)] { [("postgres", pool.isReady)] }
  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await calls.run() }
      group.addTask { [self] in await ledger.run() }
      group.addTask { [self] in await prober.run() }
      group.addTask { [self] in await budgets.run() }
      group.addTask { [self] in await TenantSpendJob(pool: pool, telemetry: context.telemetry).run() }
      group.addTask { [self] in await reads.run() }
      group.addTask { [self] in await policies.run() }
      group.addTask { [self] in await tenants.run() }
    }
  }
  func close() async {
    policies.close()
    await ledger.close()
    await budgets.close()
    await redis.close()
    await reads.close()
    await pool.close()
  }
}
