internal import Contracts
internal import HTTP
internal import HTTPWire
package import ServiceKit

/// Who a request is for, as the gateway has authenticated it.
struct Caller: Sendable {
  let tenant: TenantID
  let principal: String
}

/// Reads who makes a request. Every route asks here and nowhere else.
package struct CallerAuthenticator: Sendable {
  private let token: InternalToken

  /// Accepts requests that present `token`.
  package init(token: InternalToken) { self.token = token }

  /// The caller on whose behalf the gateway makes a request. Throws a `Problem` without the token or a tenant.
  func caller(of request: HTTPRequest) throws(Problem) -> Caller {
    try token.require(request)
    guard let tenant = request.headers[InternalHeader.tenant].flatMap({ TenantID($0) }) else {
      throw Problem(.badRequest, code: "missing_tenant", "The call names no tenant (\(InternalHeader.tenant)).")
    }
    return Caller(tenant: tenant, principal: request.headers[InternalHeader.principal] ?? "unknown")
  }

  /// Lets only workers pass. Throws a `Problem`.
  func requireWorker(_ request: HTTPRequest) throws(Problem) { try token.require(request) }

  /// Lets only the operator of the installation pass. Throws a `Problem`.
  func requireOperator(_ request: HTTPRequest) throws(Problem) { try token.require(request) }
}
