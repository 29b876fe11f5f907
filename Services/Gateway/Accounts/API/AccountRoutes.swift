internal import APIKit
internal import Contracts
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import JSON

/// The addresses of accounts.
package struct AccountRoutes: Sendable {
  let storage: AccountStorage
  let hasher: SecretHasher
  let directory: AccountDirectory?
  let passwords: (any PasswordHashing)?
  let sessions: (any SessionDeciding)?
  let orders: TenantOrders?
  let exporter: (any TenantExporting)?

  /// Makes the addresses. `directory` is that of this process, which hears of its own changes at once. Without
  /// `passwords`, invitations are accepted with a key, about which `sessions` is asked; without `orders` and
  /// `exporter`, tenants are suspended at the gateway alone, and neither deleted nor exported.
  package init(
    storage: AccountStorage, hasher: SecretHasher, directory: AccountDirectory?,
    passwords: (any PasswordHashing)? = nil, sessions: (any SessionDeciding)? = nil,
    orders: TenantOrders? = nil, exporter: (any TenantExporting)? = nil
  ) {
    self.storage = storage
    self.hasher = hasher
    self.directory = directory
    self.passwords = passwords
    self.sessions = sessions
    self.orders = orders
    self.exporter = exporter
  }

  typealias Answer = @Sendable (HTTPRequest, Identity) async throws -> HTTPResponse

  /// Adds every declared address to a router.
  package func add(to router: inout Router, _ pipeline: RequestPipeline) {
    let answers = table
    for route in Routes.accounts {
      guard let answer = answers[route.description] else { continue }
      pipeline.add(route, to: &router) { request, identity in
        do { return try await answer(request, identity) } catch { throw Problem.refusal(error) ?? error }
      }
    }
  }

  /// The answers by method and pattern; a test compares them with the declarations.
  var table: [String: Answer] {
    let parts = [
      KeyRoutes(routes: self).table, UserRoutes(routes: self).table, ServiceAccountRoutes(routes: self).table,
      InvitationRoutes(routes: self).table, TenantRoutes(routes: self).table,
    ]
    var all: [String: Answer] = ["GET /api/v1/me": { _, identity in AccountRoutes.describe(identity) }]
    for part in parts { all.merge(part) { first, _ in first } }
    return all
  }

  private static func describe(_ identity: Identity) -> HTTPResponse {
    var response = HTTPResponse.json { writer in
      writer.member("subject", identity.subject)
      writer.member("kind", identity.kind.rawValue)
      writer.member("credential", identity.credential)
      writer.member("tenant_id", orNull: identity.tenant?.description)
      writer.member("role", identity.role.rawValue)
      writer.member("grants", identity.grants.names)
      writer.member("project", orNull: identity.caller?.project)
    }
    response.headers.append(.cacheControl, "no-store")
    return response
  }
}

extension Identity {
  /// The tenant of a caller that has one. Throws a 403 `Problem`.
  func ownTenant() throws(Problem) -> TenantID {
    guard let tenant else { throw Problem(.scopeMissing) }
    return tenant
  }

  /// The rules for a caller that manages its tenant. Throws a 403 `Problem`.
  func managing() throws(Problem) -> (tenant: TenantID, rules: AccountRules) {
    let rules = AccountRules(self)
    guard rules.isManager else { throw Problem(.roleRequired) }
    return (try ownTenant(), rules)
  }

  /// The rules for a caller that configures the installation. Throws a 403 `Problem`.
  func operating() throws(Problem) -> AccountRules {
    let rules = AccountRules(self)
    guard rules.isOperator else { throw Problem(.operatorRequired) }
    return rules
  }
}

extension ChangeOutcome {
  /// The row as it is now. Throws what the caller reads otherwise.
  func row(of kind: String) throws(Problem) -> Row {
    switch self {
    case .changed(let row): return row
    case .gone: throw .notFound(kind)
    case .outdated: throw .outdated()
    case .lastOwner: throw Problem(.lastOwner)
    }
  }
}
