internal import Contracts
internal import GatewayAccounts
internal import GatewayRequests
internal import HTTP
internal import HTTPWire

/// To an identity provider and back.
extension SignInService {
  func addFederation(to router: inout Router, through pipeline: RequestPipeline) {
    pipeline.add(Routes.SignIn.start, to: &router) { request, _ in try await start(request) }
    pipeline.add(Routes.SignIn.callback, to: &router) { request, _ in try await callback(request) }
  }

  private func start(_ request: HTTPRequest) async throws -> HTTPResponse {
    let browser = PendingFederation.secret()
    let address = try await federation.start(
      try request.parameter("provider"), browser: browser,
      returnTo: PendingFederation.path(try request.query()["return_to"]))
    let jar = sessions.cookies
    return SignInService.redirect(
      to: address, cookies: [jar.set(jar.federation, browser, seconds: PendingFederation.lifetimeSeconds)])
  }

  private func callback(_ request: HTTPRequest) async throws -> HTTPResponse {
    let jar = sessions.cookies
    let name = try request.parameter("provider")
    do throws(Problem) {
      let (person, returnTo) = try await federation.end(
        name, query: try request.query(), browser: SignInService.only(jar.find(jar.federation, in: request.headers)))
      let found = try await reaching { try await parts.accounts.accounts(email: person.email, in: person.tenant) }
      guard found.count == 1, let account = found.first else {
        throw FederationClient.refused("its user is none of this installation")
      }
      let begun = try await begin(account, method: "oidc:\(name)", request)
      if begun.state == .full { await record(.signedIn, begun.token.owner, method: "oidc:\(name)", request) }
      return SignInService.redirect(to: returnTo, cookies: begun.cookies + [jar.clear(jar.federation)])
    } catch {
      if error.status == .unauthorized {
        metrics.signIn("oidc", .failed)
        await record(.refused, nil, method: "oidc:\(name)", request)
      } else if error.status != .forbidden {
        metrics.signIn("oidc", .unavailable)
      }
      throw error
    }
  }

  /// An answer that leads elsewhere, and does not say where it was.
  private static func redirect(to address: String, cookies: [String]) -> HTTPResponse {
    var response = uncached(HTTPResponse(.seeOther), cookies)
    response.headers.set(.location, address)
    response.headers.set(.referrerPolicy, "no-referrer")
    return response
  }
}
