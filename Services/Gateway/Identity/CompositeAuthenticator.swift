package import Contracts
package import GatewayRequests
package import HTTP
internal import HTTPWire
package import Telemetry

/// Finds out who makes a request by asking each kind of credential in turn, and whether the tenant may work.
package struct CompositeAuthenticator: RequestAuthenticating {
  private let credentials: [any CredentialChecking]
  private let tenants: (any TenantAdmitting)?
  private let authentications: CounterFamily

  /// Asks in the order of `credentials`: cheap ones first.
  package init(_ credentials: [any CredentialChecking], tenants: (any TenantAdmitting)?, telemetry: Telemetry) {
    self.credentials = credentials
    self.tenants = tenants
    authentications = telemetry.registry.counter(
      "cadre_gateway_authentications_total",
      help: "Requests whose caller was found out, by kind of credential and outcome.", labels: ["kind", "outcome"])
  }

  /// As `RequestAuthenticating` says.
  package func identity(of request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity {
    if route.access == .anonymous { return .anonymous }
    do throws(Problem) {
      let identity = try await find(request, route)
      try await admit(identity, route)
      authentications.with(identity.kind.rawValue, "accepted").add()
      return identity
    } catch {
      authentications.with("none", error.status.code < 500 ? "refused" : "unavailable").add()
      throw error
    }
  }

  /// As `RequestAuthenticating` says.
  package func recheck(_ request: HTTPRequest, for route: RouteSpecification) async throws(Problem) -> Identity {
    if route.access == .anonymous { return .anonymous }
    for credential in credentials {
      guard let identity = try await credential.recheck(request, for: route) else { continue }
      try await admit(identity, route)
      return identity
    }
    throw .unauthenticated("The credential is not known any more.")
  }

  private func admit(_ identity: Identity, _ route: RouteSpecification) async throws(Problem) {
    // An operator can resume its own tenant.
    let isOperating = route.access == .operator && identity.grants.contains(.operator)
    if let tenant = identity.tenant, !isOperating { try await tenants?.admit(tenant) }
  }

  private func find(_ request: HTTPRequest, _ route: RouteSpecification) async throws(Problem) -> Identity {
    for credential in credentials {
      if let identity = try await credential.check(request, for: route) { return identity }
    }
    throw .unauthenticated("The request has no API key, or one that is not known.")
  }
}
