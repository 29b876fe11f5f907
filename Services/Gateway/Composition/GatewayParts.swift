internal import Contracts
internal import GatewayAccess
internal import GatewayAccounts
internal import GatewayAnswers
internal import GatewayAudit
internal import GatewayEvents
internal import GatewayForwarding
internal import GatewayIdentity
internal import GatewayMCP
internal import GatewayOpenAPI
internal import GatewayPolicyControl
internal import GatewayRequests
internal import GatewaySchema
internal import GatewaySignIn
internal import GatewayTraffic
package import HTTP
internal import HTTPWire
internal import PolicyDecisions
internal import Primitives
internal import Redis
package import ServiceKit
internal import Settings
internal import Telemetry

/// The parts of the gateway, put together.
package final class GatewayParts: Sendable {
  /// Longer than the longest `Prefer: wait`.
  private static let orchestratorTimeout = Duration.seconds(75)
  /// Longer than the longest call of a model: the router ends it with a sentence of its own.
  private static let routerTimeout = Duration.seconds(3660)

  /// What the server does beside the routes.
  package let edge: HTTPEdge?
  private let telemetry: Telemetry
  private let redis: RedisPool
  private let traffic: TrafficControl
  private let accounts: Accounts
  private let tenants: TenantOrders
  private let signIn: SignInService
  private let audit: AuditLog
  private let policies: PolicyRuntime
  private let storedPolicies: StoredPolicies
  private let policyDeliveries: PolicyDeliveries
  private let policyRoutes: PolicyRoutes
  private let answers: IdempotentAnswers
  private let openAnswers: OpenAnswers
  private let pipeline: RequestPipeline
  private let accountRoutes: AccountRoutes
  private let routes: ForwardedRoutes
  private let reference: ReferenceRoutes
  private let mcp: MCPServer

  /// Makes the parts; does not wait for anything outside the process.
  package init(_ context: ServiceContext) throws {
    let settings = context.settings
    let telemetry = context.telemetry
    self.telemetry = telemetry
    redis = RedisPool(
      group: context.group, configuration: try RedisSettings.configuration(settings), registry: telemetry.registry)
    traffic = try TrafficControl(settings, redis: redis, group: context.group, telemetry: telemetry)
    edge = try TrafficControl.edge(settings, telemetry: telemetry)
    let (orchestrator, router) = try GatewayParts.upstreams(context)
    let keys = try APIKeys(settings)
    accounts = try Accounts(settings, tenants: keys.tenants, group: context.group, telemetry: telemetry)
    let (directory, storage) = (accounts.directory, accounts.storage)
    audit = try AuditLog(settings, pool: accounts.pool, telemetry: telemetry) {
      $0.clientAddress?.description ?? ""
    }
    policies = try PolicyRuntime(
      settings, client: context.client, telemetry: telemetry,
      labels: [("service", "gateway"), ("version", CadreVersion.current)])
    signIn = try SignInService(
      SignInParts(
        redis: redis, accounts: storage.users, changes: storage.users, notices: directory, tenants: directory,
        sealer: try GatewaySettings.sealer(settings), policy: PolicySessions(policies.engine),
        recorder: SignInAudit(log: audit),
        clientAddress: { $0.clientAddress?.clientNetwork.description }),
      settings: settings, client: context.client, group: context.group, telemetry: telemetry)
    let policyStore = PolicyStore(pool: accounts.pool)
    let deliveries = PolicyDeliveries(
      policyStore,
      to: [ServicePolicies(.orchestrator, through: orchestrator), ServicePolicies(.router, through: router)],
      telemetry: telemetry)
    policyDeliveries = deliveries
    storedPolicies = StoredPolicies(policyStore, policies.engine.control, telemetry: telemetry) { deliveries.wake() }
    policyRoutes = PolicyRoutes(
      stored: storedPolicies, store: policyStore, engine: policies.engine, deliveries: deliveries
    ) {
      try await storage.tenants.tenant($0) != nil
    }
    answers = IdempotentAnswers(table: AnswerStore(pool: accounts.pool), telemetry: telemetry)
    let engine = policies.engine
    let rules = RequestRules()
    let authenticator = CompositeAuthenticator(
      [keys, directory, signIn.tokens, signIn.sessions], tenants: directory, telemetry: telemetry)
    let access = PolicyAccess(
      engine, readsAddress: { engine.reads("ip", at: PolicyAccess.document) },
      address: { $0.clientAddress?.description })
    openAnswers = OpenAnswers(
      authenticator: authenticator, access: access, audit: audit.recorder, telemetry: telemetry)
    pipeline = RequestPipeline(
      authenticator: authenticator, traffic: traffic.limiter, access: access, answers: answers, audit: audit.recorder,
      open: openAnswers,
      rules: { (request, route) throws(Problem) in try rules.check(request, at: route) })
    let life = TenantLife(
      accounts, redis: redis, audit: audit, orchestrator: orchestrator, router: router, telemetry: telemetry)
    tenants = life.orders
    accountRoutes = AccountRoutes(
      storage: storage, hasher: accounts.hasher, directory: directory, passwords: signIn.passwords,
      sessions: PolicySessions(policies.engine), orders: tenants, exporter: life.engines)
    let events = RunEventStreams(orchestrator: orchestrator, telemetry: telemetry)
    routes = ForwardedRoutes(
      pipeline: pipeline, orchestrator: orchestrator, router: router,
      streams: [RunEventStreams.address: { try await events.answer($0, $1) }])
    reference = ReferenceRoutes(pipeline: pipeline, version: CadreVersion.current)
    mcp = try MCPServer(
      pipeline: pipeline, orchestrator: orchestrator, settings: settings, version: CadreVersion.current,
      telemetry: telemetry)
  }

  private static func upstreams(_ context: ServiceContext) throws -> (orchestrator: Upstream, router: Upstream) {
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
    return (
      try upstream(.orchestrator, GatewaySettings.orchestrator, orchestratorTimeout),
      try upstream(
        .router, GatewaySettings.router, routerTimeout,
        callerHeaders: [
          InternalHeader.project, InternalHeader.group, InternalHeader.agent, InternalHeader.tool,
          InternalHeader.complexity, InternalHeader.check,
        ])
    )
  }

  /// Adds every address.
  package func add(to router: inout Router) {
    routes.add(to: &router)
    mcp.add(to: &router)
    reference.add(to: &router)
    accountRoutes.add(to: &router, pipeline)
    signIn.add(to: &router, through: pipeline)
    audit.add(to: &router, pipeline)
    policyRoutes.add(to: &router, pipeline)
  }

  /// Brings the schema to the version of this program.
  package func migrate() async throws {
    try await GatewaySchema.migrate(accounts.pool, logger: telemetry.logger)
  }

  /// What must be there before requests are answered.
  package func prepare() async throws {
    await redis.start(logger: telemetry.logger)
    try await migrate()
    try await accounts.prepare()
    try await storedPolicies.load()
  }

  /// Works beside requests until the task is cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [accounts] in await accounts.run() }
      group.addTask { [tenants] in await tenants.run() }
      group.addTask { [traffic] in await traffic.run() }
      group.addTask { [openAnswers] in await openAnswers.run() }
      group.addTask { [answers] in await answers.run() }
      group.addTask { [audit] in await audit.run() }
      group.addTask { [policies] in await policies.run() }
      group.addTask { [storedPolicies] in await storedPolicies.run() }
      group.addTask { [policyDeliveries] in await policyDeliveries.run() }
    }
  }

  /// Writes what is left and closes the connections.
  package func close() async {
    await audit.close()
    storedPolicies.close()
    policies.engine.flush()
    await redis.close()
    await accounts.close()
  }
}
