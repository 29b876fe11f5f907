internal import APIKit
internal import HTTP
internal import HTTPWire
internal import ModelCalls
internal import ModelCatalog
internal import ServiceKit

/// `/api/v1/providers/{provider}/health`: an operator who has repaired a provider need not wait for its breakers.
struct HealthRoutes: Sendable {
  let health: HealthRegistry
  let authenticator: Authenticator

  func add(to router: inout Router) {
    router.api(.delete, "/api/v1/providers/{provider}/health") { request in
      try authenticator.requireOperator(request)
      health.forget(provider: try request.parameter("provider"))
      return HTTPResponse(.noContent)
    }
  }
}
