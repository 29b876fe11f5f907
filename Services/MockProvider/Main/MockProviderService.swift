internal import HTTP
internal import ScriptedProvider
internal import ServiceKit
internal import Settings
internal import Synchronization
internal import Telemetry

/// A model provider that speaks the wire formats of OpenAI and Anthropic and answers by script: for tests,
/// demonstrations and load.
@main
final class MockProviderService: Service {
  static let program = ProgramDescription(
    name: "mock-provider",
    summary: "Answers model calls of OpenAI's and Anthropic's clients by script, with latency, streaming and faults.",
    version: CadreVersion.current)
  static let defaultPort = 8084

  static let key = Setting(
    "provider.key", .secret, default: Secret(""),
    "Key that callers must show as a bearer token or x-api-key; empty accepts all.")
  static let latency = Setting(
    "provider.latency_ms", .milliseconds(in: 0...600_000), default: .zero,
    "Time before the first byte when no script says otherwise.")
  static let settings: [any SettingDeclaration] = [key, latency, ScriptRegistry.setting]

  private let routes: MockRoutes

  init(_ context: ServiceContext) throws {
    let counts = MockCounts()
    routes = MockRoutes(
      key: context.settings[MockProviderService.key].reveal(),
      scripts: ScriptRegistry(
        context.settings[ScriptRegistry.setting],
        standard: .standard(latency: context.settings[MockProviderService.latency])), counts: counts)
    context.telemetry.registry.observeCounter(
      "cadre_mock_calls_total", help: "Calls answered or refused by the mock provider."
    ) { Double(counts.calls.load(ordering: .relaxed)) }
  }

  func route(_ router: inout Router) { routes.add(to: &router) }
}
