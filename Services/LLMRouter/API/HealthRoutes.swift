internal import HTTP
internal import HTTPWire
internal import ServiceKit

/// `/api/v1/providers/{provider}/health`: an operator who has repaired a provider need not wait for its breakers.
struct HealthRoutes: Sendable {
  let health: HealthBook
  let token: InternalToken

  func add(to router: inout Router) {
    router.on(.delete, "/api/v1/providers/{provider}/health") { request in
      try APICaller.requireOperator(request, token)
      health.forget(provider: try request.parameter("provider"))
      return HTTPResponse(.noContent)
    }
  }
}
