import Contracts
import HTTP
import HTTPWire
import Reactor
import Settings
import Telemetry
import Testing

@testable import ServiceKit

/// A service starts when it registers exactly the declared addresses.
@Suite struct DeclaredRoutesStartTests {
  private static let declared = Array(Routes.of(.router).prefix(3))

  private final class Complete: Service {
    static let program = ProgramDescription(name: "test", summary: "A test.", version: "0")
    static let defaultPort = 0
    static let settings: [any SettingDeclaration] = []
    static let declaredRoutes: [RouteSpecification]? = DeclaredRoutesStartTests.declared

    init(_ context: ServiceContext) {}

    func route(_ router: inout Router) { Self.add(DeclaredRoutesStartTests.declared, to: &router) }

    static func add(_ routes: some Sequence<RouteSpecification>, to router: inout Router) {
      for route in routes { router.on(route.method, route.pattern) { _ in .text(.ok, "") } }
    }
  }

  private final class Partial: Service {
    static let program = Complete.program
    static let defaultPort = 0
    static let settings: [any SettingDeclaration] = []
    static let declaredRoutes = Complete.declaredRoutes

    init(_ context: ServiceContext) {}

    func route(_ router: inout Router) { Complete.add(DeclaredRoutesStartTests.declared.dropLast(), to: &router) }
  }

  private static func start<S: Service>(_ service: S.Type) async throws {
    let group = EventLoopGroup(count: 1)
    defer { group.stop() }
    let context = try ServiceContext.forTests(group)
    let lifecycle = ServiceLifecycle(
      service: try S(context), context: context, connectionsMax: 16)
    let result = await group.loops[0].task {
      let export = TelemetryExport([], logger: context.telemetry.logger)
      _ = try await lifecycle.start(port: 0, adminPort: 0, export: export)
      await lifecycle.stop(export: export)
    }.result
    try result.get()
  }

  @Test func `with all of them it starts`() async throws {
    try await Self.start(Complete.self)
  }

  @Test func `without one of them it does not`() async throws {
    let missing = try #require(Self.declared.last)
    await #expect(throws: RouteMismatch(differences: ["\(missing) is declared and not registered"])) {
      try await Self.start(Partial.self)
    }
  }
}
