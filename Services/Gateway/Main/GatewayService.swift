internal import GatewayComposition
internal import GatewayForwarding
internal import GatewayMCP
internal import HTTP
internal import HTTPWire
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
  /// A proxy that finds gateways by name sends to one that has just started, and hands its refusal to the client.
  static let startPatience = Duration.seconds(2)
  static let settings: [any SettingDeclaration] = GatewaySettings.all
  /// Each stream has a connection of its own behind it.
  static let httpClient: HTTPClientConfiguration = {
    var configuration = HTTPClientConfiguration()
    configuration.connectionsPerOriginMax = 16_384
    configuration.waitersPerOriginMax = 16_384
    return configuration
  }()

  private let parts: GatewayParts

  init(_ context: ServiceContext) throws { parts = try GatewayParts(context) }

  var edge: HTTPEdge? { parts.edge }

  func route(_ router: inout Router) { parts.add(to: &router) }
  func migrate() async throws { try await parts.migrate() }
  func prepare() async throws { try await parts.prepare() }
  func run() async { await parts.run() }
  func close() async { await parts.close() }

  func response(to problem: Problem, of head: RequestHead, traceID: String) -> HTTPResponse {
    ModelProblem.response(problem, to: head, traceID: traceID)
      ?? MCPProblem.response(problem, to: head, traceID: traceID) ?? problem.response(traceID: traceID)
  }
}
