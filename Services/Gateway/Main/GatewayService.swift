internal import Contracts
internal import GatewayAccounts
internal import GatewayAnswers
internal import GatewayForwarding
internal import GatewayIdentity
internal import GatewayMCP
internal import GatewayOpenAPI
internal import GatewayRequests
internal import GatewayTraffic
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Redis
internal import ServiceKit
internal import Settings
internal import Telemetry

@main
final class GatewayService: Service {
  static let program = ProgramDescription(
    name: "gateway", summary: "The edge of Cadre: authenticates callers and forwards requests to the services.",
    version: CadreVersion.current)
  static let defaultPort = 8080
  static let stallTimeout = Duration.seconds(60)
  static let answersTrace = true
  static let isReadinessPublic = false
  /// Each stream has a connection of its own behind it.
  static let httpClient: HTTPClientConfiguration = {
    var configuration = HTTPClientConfiguration()
    configuration.connectionsPerOriginMax = 16_384
    configuration.waitersPerOriginMax = 16_384
    return configuration
  }()

  static let orchestrator = Setting(
    "orchestrator.url", .string(bytesMaximum: 2048), default: "http://127.0.0.1:8081",
    "Base URL of the orchestrator; several replicas are separated by commas.")
  static let router = Setting(
    "llm_router.url", .string(bytesMaximum: 2048), default: "http://127.0.0.1:8082",
    "Base URL of the llm-router; several replicas are separated by commas.")
  static let settings: [any SettingDeclaration] =
    [
      IdentitySettings.gatewayKeys, APIKeys.keys, APIKeys.key, APIKeys.tenant, orchestrator, router,
    ] + Accounts.settings + MCPSettings.all + TrafficSettings.all + RedisSettings.all

  /// Longer than the longest `Prefer: wait`.
  private static let orchestratorTimeout = Duration.seconds(75)
  /// Longer than the longest call of a model: the router ends it with a sentence of its own.
  private static let routerTimeout = Duration.seconds(3660)

  private let routes: ForwardedRoutes
  private let mcp: MCPServer
  private let context: ServiceContext
  private let redis: RedisPool
  private let traffic: TrafficControl
  let edge: HTTPEdge?
  private let accounts: Accounts
  private let accountRoutes: AccountRoutes
  private let answers: IdempotentAnswers
  private let pipeline: RequestPipeline

  init(_ context: ServiceContext) throws {
    self.context = context
    redis = RedisPool(
      group: context.group, configuration: try RedisSettings.configuration(context.settings),
      registry: context.telemetry.registry)
    traffic = try TrafficControl(
      context.settings, redis: redis, group: context.group, telemetry: context.telemetry)
    edge = try TrafficControl.edge(context.settings, telemetry: context.telemetry)
    let assertions = CallerAssertions(AssertionSigner(try IdentitySettings.gatewayKeys(context.settings)))
    func upstream(
      _ service: Audience, _ setting: Setting<String>, _ timeout: Duration, callerHeaders: Set<String> = []
    ) throws -> Upstream {
      do {
        return Upstream(
          service, peers: try PeerSet(context.settings[setting], order: .roundRobin), assertions: assertions,
          client: context.client, timeout: timeout, callerHeaders: callerHeaders)
      } catch { throw KeyError(description: "\(setting.key): \(error.message)") }
    }
    let orchestrator = try upstream(.orchestrator, GatewayService.orchestrator, GatewayService.orchestratorTimeout)
    let router = try upstream(
      .router, GatewayService.router, GatewayService.routerTimeout,
      callerHeaders: [
        InternalHeader.project, InternalHeader.group, InternalHeader.agent, InternalHeader.tool,
        InternalHeader.complexity, InternalHeader.check,
      ])
    let keys = try APIKeys(context.settings)
    accounts = try Accounts(
      context.settings, tenants: keys.tenants, group: context.group, telemetry: context.telemetry)
    answers = IdempotentAnswers(table: AnswerStore(pool: accounts.pool), telemetry: context.telemetry)
    pipeline = RequestPipeline(
      authenticator: CompositeAuthenticator(
        [keys, accounts.directory], tenants: accounts.directory, telemetry: context.telemetry),
      traffic: traffic.limiter, answers: answers)
    accountRoutes = AccountRoutes(storage: accounts.storage, hasher: accounts.hasher)
    routes = ForwardedRoutes(pipeline: pipeline, orchestrator: orchestrator, router: router)
    mcp = try MCPServer(
      pipeline: pipeline, orchestrator: orchestrator, settings: context.settings, version: CadreVersion.current,
      telemetry: context.telemetry)
  }

  func route(_ router: inout Router) {
    routes.add(to: &router)
    mcp.add(to: &router)
    accountRoutes.add(to: &router, pipeline)
  }

  func migrate() async throws { try await accounts.migrate() }

  func prepare() async throws {
    await redis.start(logger: context.telemetry.logger)
    try await accounts.prepare()
  }

  func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await accounts.run() }
      group.addTask { [self] in await traffic.run() }
      group.addTask { [self] in await answers.run() }
    }
  }

  func close() async {
    await redis.close()
    await accounts.close()
  }

  func response(to problem: Problem, of head: RequestHead, traceID: String) -> HTTPResponse {
    ModelProblem.response(problem, to: head, traceID: traceID)
      ?? MCPProblem.response(problem, to: head, traceID: traceID) ?? problem.response(traceID: traceID)
  }
}
