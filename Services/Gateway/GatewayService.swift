internal import Contracts
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import PublicAPI
internal import ServiceKit
internal import Settings

@main
final class GatewayService: Service {
  static let program = ProgramDescription(
    name: "gateway", summary: "The edge of Cadre: knows who calls and hands requests on to the services.",
    version: CadreVersion.current)
  static let defaultPort = 8080
  static let stallTimeout = Duration.seconds(60)
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
  static let settings: [any SettingDeclaration] = [
    CommonSettings.internalToken, APIKeys.keys, APIKeys.key, APIKeys.tenant, orchestrator, router,
  ]

  /// Longer than the longest `Prefer: wait`.
  private static let orchestratorTimeout = Duration.seconds(75)
  /// Longer than the longest call of a model: the router ends it with a sentence of its own.
  private static let routerTimeout = Duration.seconds(3660)

  private let keys: APIKeys
  private let orchestrator: Upstream
  private let llmRouter: Upstream

  init(_ context: ServiceContext) throws {
    let token = try InternalToken(context.settings[CommonSettings.internalToken])
    keys = try APIKeys(context.settings)
    func upstream(_ name: String, _ setting: Setting<String>, _ timeout: Duration) throws -> Upstream {
      do {
        return Upstream(
          name: name, peers: try PeerSet(context.settings[setting], order: .roundRobin), token: token,
          client: context.client, timeout: timeout)
      } catch { throw KeyError(description: "\(setting.key): \(error.message)") }
    }
    orchestrator = try upstream("orchestrator", GatewayService.orchestrator, GatewayService.orchestratorTimeout)
    var llmRouter = try upstream("llm-router", GatewayService.router, GatewayService.routerTimeout)
    llmRouter.callerHeaders = [
      InternalHeader.project, InternalHeader.group, InternalHeader.agent, InternalHeader.tool,
      InternalHeader.complexity, InternalHeader.check,
    ]
    self.llmRouter = llmRouter
  }

  func route(_ router: inout Router) {
    for route in PublicRoute.all { forward(route, &router) }
  }

  private func forward(_ route: PublicRoute, _ router: inout Router) {
    let upstream = route.service == .router ? llmRouter : orchestrator
    // A submission goes on when its client leaves; waiting for events or models does not.
    let isWaiting = (route.isModelRoute && route.method == .post) || route.pattern.hasSuffix("/events")
    let options =
      isWaiting
      ? RouteOptions(bodyBytesMax: 32 << 20, cancelsOnDisconnect: true) : RouteOptions(bodyBytesMax: 2 << 20)
    router.on(route.method, route.pattern, options) { [keys] request in
      let credential =
        route.isModelRoute ? try keys.credential(request) : .identity(try keys.identify(request))
      let answer = try await upstream.forward(request, as: credential, route.repetition)
      // What a service says before it looks at the call (it starts, say) is told in the client's words too.
      if route.isModelRoute, let problem = ModelProblem.problem(in: answer) { throw problem }
      return answer
    }
  }

  func response(to problem: Problem, of head: RequestHead, traceID: String) -> HTTPResponse {
    ModelProblem.response(problem, to: head, traceID: traceID) ?? problem.response(traceID: traceID)
  }
}
