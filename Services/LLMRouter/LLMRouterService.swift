internal import HTTP
internal import ServiceKit
internal import Settings
internal import Telemetry

@main
final class LLMRouterService: Service {
  static let program = ProgramDescription(
    name: "llm-router", summary: "Routes model calls to providers, meters their tokens and prices them.",
    version: CadreVersion.current)
  static let defaultPort = 8082
  static let settings: [any SettingDeclaration] = [
    CommonSettings.internalToken, RouterSettings.providers, RouterSettings.defaultModel, RouterSettings.timeout,
    RouterSettings.url, RouterSettings.key, RouterSettings.model, RouterSettings.inputPrice, RouterSettings.outputPrice,
  ]

  private let routes: CompletionRoutes

  init(_ context: ServiceContext) throws {
    routes = CompletionRoutes(
      catalog: try ModelCatalog(context.settings),
      token: try InternalToken(context.settings[CommonSettings.internalToken]), client: context.client,
      telemetry: context.telemetry, metrics: RouterMetrics(registry: context.telemetry.registry),
      timeout: context.settings[RouterSettings.timeout])
  }

  func route(_ router: inout Router) { routes.add(to: &router) }
}
