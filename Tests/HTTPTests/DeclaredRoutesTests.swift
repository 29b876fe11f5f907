import Contracts
import HTTP
import HTTPWire
import Testing

@Suite struct DeclaredRoutesTests {
  private static let declared = Array(Routes.of(.orchestrator).prefix(3))

  private static func router(_ routes: some Sequence<RouteSpecification>, _ options: RouteOptions? = nil) -> Router {
    var router = Router(declared: declared)
    for route in routes { router.on(route.method, route.pattern, options) { _ in .text(.ok, "") } }
    return router
  }

  @Test func `a service that registers all declared addresses and no others may start`() throws {
    let router = Self.router(Self.declared)
    try router.check()
    // What a route allows is what its declaration says.
    #expect(router.routes.map(\.options) == Self.declared.map { RouteOptions($0) })
    #expect(router.routes[1].options.bodyBytesMax == 2 << 20)
  }

  @Test func `a declared address that is missing stops the start`() {
    let router = Self.router(Self.declared.dropFirst())
    #expect(throws: RouteMismatch(differences: ["\(Self.declared[0]) is declared and not registered"])) {
      try router.check()
    }
  }

  @Test func `an address that is not declared stops the start`() {
    var router = Self.router(Self.declared)
    router.on(.get, "/api/v1/secrets") { _ in .text(.ok, "") }
    #expect(throws: RouteMismatch(differences: ["GET /api/v1/secrets is registered and not declared"])) {
      try router.check()
    }
  }

  @Test func `options that differ from the declaration stop the start`() {
    let router = Self.router(Self.declared, RouteOptions(bodyBytesMax: 7))
    #expect(throws: RouteMismatch.self) { try router.check() }
    #expect(router.routes.map(\.options) == Self.declared.map { RouteOptions($0) })
  }

  @Test func `a router without declarations takes every address`() throws {
    var router = Router()
    router.on(.get, "/x", RouteOptions(bodyBytesMax: 7)) { _ in .text(.ok, "") }
    try router.check()
    #expect(router.routes[0].options.bodyBytesMax == 7)
  }
}
