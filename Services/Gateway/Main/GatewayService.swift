internal import Contracts
internal import GatewayEvents
internal import GatewayForwarding
internal import GatewayIdentity
internal import GatewayMCP
internal import GatewayOpenAPI
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import ServiceKit
internal import Settings

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
    ] + MCPSettings.all

  /// Longer than the longest `Prefer: wait`.
  private static let orchestratorTimeout = Duration.seconds(75)
  /// Longer than the longest call of a model: the router ends it with a sentence of its own.
  private static let routerTimeout = Duration.seconds(3660)

  private let routes: ForwardedRoutes
  private let mcp: MCPServer
  private let reference: ReferenceRoutes

  init(_ context: ServiceContext) throws {
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
    let pipeline = RequestPipeline(authenticator: keys)
    let rules = RequestRules()
    let events = RunEventStreams(orchestrator: orchestrator, telemetry: context.telemetry)
    routes = ForwardedRoutes(
      pipeline: pipeline, orchestrator: orchestrator, router: router,
      check: { (request, route) throws(Problem) in try rules.check(request, at: route) },
      streams: [RunEventStreams.address: { try await events.answer($0, $1) }])
    reference = ReferenceRoutes(pipeline: pipeline, version: CadreVersion.current)
    mcp = try MCPServer(
      pipeline: pipeline, orchestrator: orchestrator, settings: context.settings, version: CadreVersion.current,
      telemetry: context.telemetry)
  }

  func route(_ router: inout Router) {
    routes.add(to: &router)
    mcp.add(to: &router)
    reference.add(to: &router)
  }

  func response(to problem: Problem, of head: RequestHead, traceID: String) -> HTTPResponse {
    ModelProblem.response(problem, to: head, traceID: traceID)
      ?? MCPProblem.response(problem, to: head, traceID: traceID) ?? problem.response(traceID: traceID)
  }
}
