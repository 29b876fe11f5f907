internal import Contracts
package import GatewayIdentity
package import HTTP
internal import HTTPWire

/// The gateway's table: every declared address that is public, and who answers it.
package struct ForwardedRoutes: Sendable {
  private let keys: APIKeys
  private let orchestrator: Upstream
  private let router: Upstream

  /// Makes the table.
  package init(keys: APIKeys, orchestrator: Upstream, router: Upstream) {
    self.keys = keys
    self.orchestrator = orchestrator
    self.router = router
  }

  /// Adds all of them.
  package func add(to router: inout Router) {
    for route in Routes.forwarded { add(route, to: &router) }
  }

  private func add(_ route: RouteSpecification, to router: inout Router) {
    let upstream =
      switch route.service {
      case .orchestrator: orchestrator
      case .router: self.router
      }
    // A change goes on when its client leaves; waiting for events or models does not.
    let isWaiting = route.cancelsOnDisconnect && (route.method == .post || route.method == .get)
    let options = RouteOptions(bodyBytesMax: route.bodyBytesMax, cancelsOnDisconnect: isWaiting)
    router.on(route.method, route.pattern, options) { [keys] request in
      let credential =
        route.isModelRoute ? try keys.credential(request) : .caller(try keys.authenticate(request))
      let answer = try await upstream.forward(request, as: credential, route.repetition)
      // A problem from before the call was read (the service starts, for example) has the client's error shape too.
      if route.isModelRoute, let problem = ModelProblem.problem(in: answer) { throw problem }
      return answer
    }
  }
}
