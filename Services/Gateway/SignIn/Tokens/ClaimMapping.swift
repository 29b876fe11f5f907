internal import Contracts
internal import GatewayRequests
internal import Tokens

/// What the claims of an issuer mean here. Pure.
enum ClaimMapping {
  /// The identity behind claims; `nil` when they name no tenant or no role that is known here. A token never makes an
  /// operator of the installation.
  static func identity(_ claims: TokenClaims, by issuer: IssuerDeclaration) -> Identity? {
    let named = issuer.tenant.isEmpty ? claims.string(issuer.tenantClaim) ?? "" : issuer.tenant
    guard let tenant = TenantID(named), let role = role(claims, issuer) else { return nil }
    var grants = Grants.most(of: role)
    if !issuer.scopeClaim.isEmpty {
      let allowed = claims.strings(issuer.scopeClaim, splits: true).compactMap(Grants.init(name:))
      grants = grants.intersection(allowed.reduce(into: Grants()) { $0.formUnion($1) })
    }
    grants.remove(.operator)
    let subject = "token:\(issuer.name):\(claims.subject)"
    return Identity(
      kind: .token,
      caller: Caller(
        issuer: .gateway, tenant: tenant, principal: subject, scopes: grants.scopes, role: role.rawValue),
      role: role, subject: subject, credential: "token:\(issuer.name)", grants: grants)
  }

  /// The highest of the roles that the claims name.
  private static func role(_ claims: TokenClaims, _ issuer: IssuerDeclaration) -> Role? {
    guard !issuer.roleClaim.isEmpty else { return issuer.defaultRole }
    let named = Set(claims.strings(issuer.roleClaim).compactMap { issuer.roles[$0] })
    return Role.allCases.first { named.contains($0) } ?? issuer.defaultRole
  }
}
