internal import Contracts
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import ServiceKit
internal import Settings

@main
final class GatewayService: Service {
  static let program = ProgramDescription(
    name: "gateway", summary: "The edge of Cadre: knows who calls and hands requests on to the services.",
    version: CadreVersion.current)
  static let defaultPort = 8080
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
    var orchestrator = try upstream("orchestrator", GatewayService.orchestrator, GatewayService.orchestratorTimeout)
    orchestrator.newRunPaths = ["/api/v1/tasks"]
    self.orchestrator = orchestrator
    var llmRouter = try upstream("llm-router", GatewayService.router, GatewayService.routerTimeout)
    llmRouter.callerHeaders = [
      InternalHeader.project, InternalHeader.group, InternalHeader.agent, InternalHeader.tool,
      InternalHeader.complexity, InternalHeader.check,
    ]
    self.llmRouter = llmRouter
  }

  func route(_ router: inout Router) {
    let small = RouteOptions(bodyBytesMax: 2 << 20)
    // A submission goes on when its client leaves; waiting for events or models does not.
    let waiting = RouteOptions(bodyBytesMax: 32 << 20, cancelsOnDisconnect: true)
    for (method, pattern) in GatewayService.orchestratorRoutes {
      forward(method, pattern, pattern.hasSuffix("/events") ? waiting : small, to: orchestrator, &router)
    }
    for (method, pattern) in GatewayService.routerRoutes { forward(method, pattern, small, to: llmRouter, &router) }
    for (method, pattern) in GatewayService.modelRoutes {
      let upstream = llmRouter
      router.on(method, pattern, method == .post ? waiting : small) { [keys] request in
        do {
          return try await upstream.forward(request, as: try keys.credential(request))
        } catch let problem as Problem {
          return ModelProblem.response(problem, to: request)
        }
      }
    }
  }

  /// The endpoints that clients of OpenAI and Anthropic know.
  private static let modelRoutes: [(HTTPMethod, String)] = [
    (.post, "/v1/chat/completions"), (.post, "/v1/responses"), (.post, "/v1/embeddings"), (.post, "/v1/messages"),
    (.post, "/v1/messages/count_tokens"), (.get, "/v1/models"), (.get, "/v1/models/{model}"),
  ]

  /// What of the llm-router's own API can be reached from outside.
  private static let routerRoutes: [(HTTPMethod, String)] = [
    (.get, "/api/v1/providers"), (.get, "/api/v1/providers/{provider}"), (.put, "/api/v1/providers/{provider}"),
    (.delete, "/api/v1/providers/{provider}"), (.get, "/api/v1/models"),
    (.get, "/api/v1/providers/{provider}/models/{model}"), (.put, "/api/v1/providers/{provider}/models/{model}"),
    (.delete, "/api/v1/providers/{provider}/models/{model}"), (.get, "/api/v1/aliases"),
    (.put, "/api/v1/aliases/{alias}"), (.delete, "/api/v1/aliases/{alias}"), (.get, "/api/v1/budgets"),
    (.post, "/api/v1/budgets"), (.get, "/api/v1/budgets/{id}"), (.patch, "/api/v1/budgets/{id}"),
    (.delete, "/api/v1/budgets/{id}"), (.post, "/api/v1/virtual-keys"), (.delete, "/api/v1/virtual-keys/{id}"),
    (.get, "/api/v1/usage"), (.get, "/api/v1/calls"), (.get, "/api/v1/rate-limits"), (.post, "/api/v1/rate-limits"),
    (.get, "/api/v1/rate-limits/{id}"), (.delete, "/api/v1/rate-limits/{id}"),
    (.delete, "/api/v1/providers/{provider}/health"),
  ]

  /// What of the orchestrator can be reached from outside.
  private static let orchestratorRoutes: [(HTTPMethod, String)] = [
    (.post, "/api/v1/tasks"), (.get, "/api/v1/tasks"), (.get, "/api/v1/tasks/{id}"), (.patch, "/api/v1/tasks/{id}"),
    (.delete, "/api/v1/tasks/{id}"), (.get, "/api/v1/runs"), (.post, "/api/v1/runs/bulk-cancel"),
    (.get, "/api/v1/runs/{id}"), (.get, "/api/v1/runs/{id}/events"), (.get, "/api/v1/runs/{id}/steps"),
    (.get, "/api/v1/runs/{id}/result"), (.get, "/api/v1/runs/{id}/bundle"), (.post, "/api/v1/runs/{id}/cancel"),
    (.post, "/api/v1/runs/{id}/pause"), (.post, "/api/v1/runs/{id}/resume"), (.post, "/api/v1/runs/{id}/signals"),
    (.post, "/api/v1/runs/{id}/replay"), (.post, "/api/v1/runs/{id}/retry"), (.post, "/api/v1/runs/{id}/fork"),
    (.get, "/api/v1/steps/{id}"), (.get, "/api/v1/approvals"), (.get, "/api/v1/approvals/{id}"),
    (.post, "/api/v1/approvals/{id}/decision"), (.get, "/api/v1/workflows"), (.post, "/api/v1/workflows"),
    (.post, "/api/v1/workflows/validate"), (.get, "/api/v1/workflows/{name}"), (.put, "/api/v1/workflows/{name}"),
    (.delete, "/api/v1/workflows/{name}"), (.get, "/api/v1/workflows/{name}/versions"),
    (.get, "/api/v1/workflows/{name}/versions/{version}"), (.post, "/api/v1/workflows/{name}/compatibility"),
    (.get, "/api/v1/projects"), (.post, "/api/v1/projects"), (.get, "/api/v1/projects/{id}"),
    (.patch, "/api/v1/projects/{id}"), (.delete, "/api/v1/projects/{id}"), (.get, "/api/v1/limits"),
    (.put, "/api/v1/limits/{scope}/{name}"), (.delete, "/api/v1/limits/{scope}/{name}"), (.get, "/api/v1/schedules"),
    (.post, "/api/v1/schedules"), (.post, "/api/v1/schedules/preview"), (.get, "/api/v1/schedules/{id}"),
    (.patch, "/api/v1/schedules/{id}"),
    (.delete, "/api/v1/schedules/{id}"),
  ]

  private func forward(
    _ method: HTTPMethod, _ pattern: String, _ options: RouteOptions, to upstream: Upstream, _ router: inout Router
  ) {
    router.on(method, pattern, options) { [keys] request in
      try await upstream.forward(request, as: .identity(try keys.identify(request)))
    }
  }
}
