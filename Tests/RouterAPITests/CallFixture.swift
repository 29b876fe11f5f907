import AnswerCache
import Contracts
import HTTP
import HTTPWire
import Ledger
import ModelCatalog
import PolicyDecisions
import Postgres
import Pricing
import Primitives
import Reactor
import Redis
import RouterAPI
import Routing
import ScriptedProvider
import ServiceKit
import Settings
import Spending
import SystemSources
import Telemetry

@testable import ModelCalls

/// Model calls in one process: a scripted provider, a catalog in memory, and neither Postgres nor Redis.
struct CallFixture: Sendable {
  let group: EventLoopGroup
  let client: HTTPClient
  let calls: CallService
  let counts: MockCounts
  /// The port of the router.
  let port: Int
  let ledger: LedgerWriter

  /// A model of the scripted provider, asked for by its name.
  struct Model: Sendable {
    var name: String
    /// What the provider does when this model is asked for.
    var script = MockScript()

    init(_ name: String, _ adjust: (inout MockScript) -> Void = { _ in }) {
      self.name = name
      script.model = name
      script.reply = "answer of \(name)"
      adjust(&script)
    }
  }

  /// An answer of the router, whole.
  struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let text: String

    var model: String? { headers[InternalHeader.model] }
    var attempts: String? { headers[InternalHeader.attempts] }
  }

  private static func keys() throws -> SigningKeys {
    try SigningKeys(issuer: .gateway, setting: "a:gateway-keys-of-this-test-only-0123", named: "gateway")
  }

  static func virtualKeys() throws -> KeyList {
    try KeyList("a:virtual-keys-of-this-test-only-0123", named: "virtual")
  }

  /// Runs a test with an alias "both" for all models in their order, and more of it as `adjust` says.
  static func run(
    _ models: [Model], redactions: [String] = [], policy: (any PolicyDeciding)? = nil,
    cache: CacheMode = .off, heartbeat: Duration = .zero,
    clock: @escaping @Sendable () -> Timestamp = { WallClock.now() },
    adjust: (inout AliasRule) -> Void = { _ in },
    _ body: @escaping @Sendable (CallFixture) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 2)
    defer { group.stop() }
    let counts = MockCounts()
    var providerRoutes = Router()
    MockRoutes(
      key: "", scripts: ScriptRegistry(models.map(\.script), standard: .standard(latency: .zero)), counts: counts
    ).add(to: &providerRoutes)
    let (provider, providerPort) = try await serve(providerRoutes, group)
    var rule = AliasRule(models: models.map(\.name))
    adjust(&rule)
    let client = HTTPClient(group: group, telemetry: .disabled())
    let ledger = LedgerWriter(
      store: CallStore(pool: unreachablePostgres(group)), spool: nil, logger: Telemetry.disabled().logger)
    let calls = try service(
      group, client, ledger, catalog: try await catalog(models, rule, providerPort), redactions: redactions,
      policy: policy, cache: cache, heartbeat: heartbeat, clock: clock)
    var routes = Router()
    try CallFixture.routes(group, calls, ledger).add(to: &routes)
    let (router, port) = try await serve(routes, group)
    let fixture = CallFixture(
      group: group, client: client, calls: calls, counts: counts, port: port, ledger: ledger)
    let result = await group.loops[0].task { try await body(fixture) }.result
    await router.stop(grace: .milliseconds(200))
    await provider.stop(grace: .milliseconds(200))
    try result.get()
  }

  /// Asks for a model or alias and reads the whole answer.
  func ask(_ model: String, stream: Bool = false) async throws -> Answer {
    let json =
      #"{"model": "\#(model)", "stream": \#(stream), "messages": [{"role": "user", "content": "hello"}]}"#
    return try await send(.post, "/v1/chat/completions", body: json)
  }

  /// A stream of a model that is asked for with a virtual key, with its first piece.
  func stream(_ model: String, _ path: String, key: String) async throws -> (HTTPClientResponse, first: String) {
    let body =
      path == "/v1/completions"
      ? #"{"model": "\#(model)", "stream": true, "prompt": "hello"}"#
      : path == "/v1/responses"
        ? #"{"model": "\#(model)", "stream": true, "input": "hello"}"#
        : #"{"model": "\#(model)", "stream": true, "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}"#
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/json")
    headers.append(.xAPIKey, key)
    let answer = try await client.send(
      HTTPClientRequest(
        .post, try HTTPURL("http://127.0.0.1:\(port)\(path)"), headers: headers, body: .bytes(Array(body.utf8)),
        timeout: .seconds(300)), peer: "router")
    return (answer, String(decoding: try await answer.body.next() ?? [], as: UTF8.self))
  }

  /// Any request, of a new tenant and with its assertion unless it is anonymous.
  func send(
    _ method: HTTPMethod, _ path: String, headers more: [(String, String)] = [], isAnonymous: Bool = false,
    isOperator: Bool = false, body: String? = nil
  ) async throws -> Answer {
    var headers = HTTPHeaders()
    if body != nil { headers.append(.contentType, "application/json") }
    if !isAnonymous {
      let caller = Caller(
        issuer: .gateway, tenant: .make(), principal: "key:test",
        scopes: isOperator ? [.api, .models, .operator] : [.api, .models])
      headers.append(
        InternalHeader.assertion,
        CallerAssertions(AssertionSigner(try CallFixture.keys())).text(for: caller, to: .router, now: WallClock.now()))
    }
    for (name, value) in more { headers.append(name, value) }
    var payload = HTTPClientRequest.Body.none
    if let body { payload = .bytes(Array(body.utf8)) }
    let answer = try await client.send(
      HTTPClientRequest(
        method, try HTTPURL("http://127.0.0.1:\(port)\(path)"), headers: headers,
        body: payload, timeout: .seconds(60)), peer: "router")
    let bytes = try await answer.body.collect(upTo: 1 << 20)
    return Answer(
      status: Int(answer.status.code), headers: answer.headers, text: String(decoding: bytes, as: UTF8.self))
  }

  // MARK: Parts

  private static func routes(
    _ group: EventLoopGroup, _ calls: CallService, _ ledger: LedgerWriter
  ) throws -> RouterRoutes {
    let prober = HealthProber(
      HealthProber.Environment(providers: { [] }, probe: { _ in .up }), health: calls.health, interval: .zero,
      registry: MetricsRegistry(), logger: Telemetry.disabled().logger)
    let pool = unreachablePostgres(group)
    return RouterRoutes(
      calls: calls, stores: CatalogStores(pool: pool), signer: VirtualKey.Signer(try virtualKeys()), prober: prober,
      budgets: calls.budgets, usage: UsageStore(pool: pool), ledger: ledger,
      tenants: RouterTenants(
        pool: pool,
        redis: RedisPool(group: group, configuration: RedisConfiguration(address: .host("127.0.0.1", port: 1))),
        logger: Telemetry.disabled().logger))
  }

  private static func serve(_ router: Router, _ group: EventLoopGroup) async throws -> (HTTPServer, Int) {
    let server = HTTPServer(
      group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)), router: router,
      telemetry: .disabled())
    return (server, try await server.start())
  }

  private static func unreachablePostgres(_ group: EventLoopGroup) -> PostgresPool {
    PostgresPool(
      group: group, configuration: PostgresConfiguration(connectionString: "host=127.0.0.1 port=1"),
      telemetry: .disabled())
  }

  private static func catalog(_ models: [Model], _ rule: AliasRule, _ port: Int) async throws -> CatalogCache {
    let source = FixedCatalogSource(
      rows: CatalogRows(aliases: [AliasRow(name: "both", rule: rule, check: nil, version: 1)]))
    let declared = models.enumerated().map { index, model in
      DeclaredProvider(
        provider: ProviderRecord(
          name: "provider-\(model.name)", kind: .compatible, baseURL: "http://127.0.0.1:\(port)/v1"),
        models: [
          ModelTarget(
            provider: "provider-\(model.name)", name: model.name, providerModel: model.name, priority: index)
        ])
    }
    let catalog = CatalogCache(
      source: source,
      configuration: CatalogConfiguration(
        declared: declared, defaultModel: "", keyFolder: "",
        prices: PriceTable()), logger: Telemetry.disabled().logger)
    try await catalog.reload()
    return catalog
  }

  private static func service(
    _ group: EventLoopGroup, _ client: HTTPClient, _ ledger: LedgerWriter, catalog: CatalogCache,
    redactions: [String], policy: (any PolicyDeciding)?, cache: CacheMode, heartbeat: Duration,
    clock: @escaping @Sendable () -> Timestamp
  ) throws -> CallService {
    let registry = MetricsRegistry()
    let redis = RedisPool(group: group, configuration: RedisConfiguration(address: .host("127.0.0.1", port: 1)))
    // Where signs of life are sent, nothing ends by itself.
    let patience = heartbeat > .zero ? Duration.seconds(3600) : .seconds(30)
    return CallService(
      authenticator: CallerAuthenticator(
        try Authenticator(.router, trusting: [try keys()]), signer: VirtualKey.Signer(try virtualKeys()),
        catalog: catalog, clock: clock),
      catalog: catalog, client: client, health: HealthRegistry(policy: CircuitBreaker.Policy()), ledger: ledger,
      budgets: BudgetGuard(
        counters: RedisBudgetCounters(redis: redis),
        source: LedgerSpentSource(writer: ledger, store: SpentStore(pool: unreachablePostgres(group))),
        metrics: SpendingMetrics(registry: registry), logger: Telemetry.disabled().logger),
      rates: RateLimiter(
        store: RedisRateLimits(redis: redis), queue: RateLimiter.Queue(countMax: 10, timeMax: .seconds(1)),
        lease: .seconds(60),
        registry: registry),
      cache: AnswerStore(
        redis: redis, mode: cache, standardSeconds: 60, bytesMax: 1 << 20, metrics: CacheMetrics(registry: registry)),
      singleFlight: SingleFlight(), metrics: CallMetrics(registry: registry), telemetry: .disabled(),
      limits: CallLimits(
        timeout: patience * 2, retries: AttemptPolicy(attemptsMax: 4, pauseMilliseconds: 2), outputTokens: 100,
        allowsUnpriced: true, answerBytes: 1 << 20, times: ProviderTimes(timeout: patience), heartbeat: heartbeat),
      filter: try RequestFilter(redactions: redactions), modelPolicy: policy.map { ModelPolicy($0) })
  }
}

/// A catalog that never changes.
struct FixedCatalogSource: CatalogSource {
  let rows: CatalogRows

  func read() async throws -> CatalogRows { rows }
  func revokedKeys(since time: Timestamp?) async throws -> [RevokedKeyRow] { [] }
  func refusedTenants() async throws -> [RefusedTenant] { [] }
  func notify() async throws {}
  func follow(_ changed: @Sendable () async -> Void) async {}
  func stop() {}
}
