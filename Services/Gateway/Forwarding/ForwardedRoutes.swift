internal import Contracts
package import GatewayRequests
package import HTTP
internal import HTTPWire

/// The gateway's table: every declared address that is public, and who answers it.
package struct ForwardedRoutes: Sendable {
  private let pipeline: RequestPipeline
  private let orchestrator: Upstream
  private let router: Upstream
  private let streams: [String: Answering]

  /// Answers a request itself, or returns `nil` for one that is to be forwarded.
  package typealias Answering = @Sendable (HTTPRequest, Identity) async throws -> HTTPResponse?

  /// Makes the table. `streams`, by address, may answer in place of the service.
  package init(
    pipeline: RequestPipeline, orchestrator: Upstream, router: Upstream, streams: [String: Answering] = [:]
  ) {
    self.pipeline = pipeline
    self.streams = streams
    self.orchestrator = orchestrator
    self.router = router
  }

  /// Adds all of them.
  package func add(to router: inout Router) {
    for route in Routes.forwarded { add(route, to: &router) }
  }

  private func add(_ route: RouteSpecification, to router: inout Router) {
    guard let upstream = upstream(of: route.service) else { return }
    // A change goes on when its client leaves; waiting for events or models does not.
    let isWaiting = route.cancelsOnDisconnect && (route.method == .post || route.method == .get)
    let options = RouteOptions(bodyBytesMax: route.bodyBytesMax, cancelsOnDisconnect: isWaiting)
    router.on(route.method, route.pattern, options) { [pipeline, stream = streams[route.description]] request in
      let answer = try await pipeline.answer(request, at: route) { request, identity in
        if let answer = try await stream?(request, identity) { return answer }
        return try await upstream.forward(request, as: try Credential(identity), route.repetition)
      }
      // A problem from before the call was read (the service starts, for example) has the client's error shape too.
      if route.isModelRoute, let problem = ModelProblem.problem(in: answer) { throw problem }
      return answer
    }
  }

  private func upstream(of service: Audience) -> Upstream? {
    switch service {
    case .orchestrator: orchestrator
    case .router: router
    case .gateway: nil
    }
  }
}
