internal import Contracts
internal import GatewayRequests
internal import HTTPWire
internal import Settings
internal import Tokens

/// An issuer of bearer tokens as the configuration declares it.
package struct IssuerDeclaration: Sendable, Equatable {
  /// Where its keys come from.
  enum Keys: Sendable, Equatable {
    case url(String)
    case secret(Secret)
  }

  /// A short name, for logs, metrics and the audit log.
  let name: String
  let rules: TokenRules
  let keys: Keys
  /// The claim with the id of the tenant; empty when the issuer is that of one tenant.
  let tenantClaim: String
  /// The one tenant of all its tokens.
  let tenant: String
  /// The claim with roles, and what they mean here.
  let roleClaim: String
  let roles: [String: Role]
  /// The role of a token without one that is known; `nil`: it is refused.
  let defaultRole: Role?
  /// The claim with names of grants, which then bound what the role has; empty for none.
  let scopeClaim: String

  static let role = SettingType<Role>.word()

  static let type = SettingType<IssuerDeclaration>.map { reader in
    let text = SettingType<String>.string(bytesMaximum: 1024, allowsEmpty: false)
    let names = reader.value("algorithms", .strings(countMaximum: 3))
    let algorithms = names.compactMap(TokenAlgorithm.init(rawValue:))
    if algorithms.isEmpty || algorithms.count < names.count {
      reader.fault("algorithms", "one or more of \(TokenAlgorithm.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let url = reader.value("jwks_url", .string(bytesMaximum: 2048), default: "")
    let secret = reader.value("secret", .secret, default: Secret(""))
    if url.isEmpty == secret.isEmpty { reader.fault("jwks_url", "give jwks_url or secret_file, one of the two") }
    if !url.isEmpty, (try? HTTPURL(url)) == nil { reader.fault("jwks_url", "not an http or https address") }
    if !secret.isEmpty, secret.reveal().utf8.count < TokenKey.secretBytesMin {
      reader.fault("secret", "a shared secret has at least \(TokenKey.secretBytesMin) bytes")
    }
    if algorithms.contains(where: { $0.isSymmetric == secret.isEmpty }) {
      reader.fault("algorithms", "HS256 goes with secret_file, RS256 and ES256 with jwks_url")
    }
    let tenant = reader.value("tenant", .string(bytesMaximum: 64), default: "")
    let tenantClaim = reader.value("tenant_claim", .string(bytesMaximum: 256), default: "")
    if tenant.isEmpty == tenantClaim.isEmpty { reader.fault("tenant", "give tenant or tenant_claim, one of the two") }
    if !tenant.isEmpty, TenantID(tenant) == nil { reader.fault("tenant", "not a tenant id") }
    return IssuerDeclaration(
      name: reader.value("name", .string(bytesMaximum: 64, allowsEmpty: false)),
      rules: TokenRules(
        issuer: reader.value("issuer", text), audience: reader.value("audience", text), algorithms: Set(algorithms),
        leewaySeconds: Int64(reader.value("leeway_seconds", .int(in: 0...300), default: 30)),
        lifetimeSecondsMax: reader.optional("lifetime_seconds_max", .int(in: 1...31_536_000)).map(Int64.init)),
      keys: url.isEmpty ? .secret(secret) : .url(url), tenantClaim: tenantClaim, tenant: tenant,
      roleClaim: reader.value("role_claim", .string(bytesMaximum: 256), default: ""),
      roles: reader.value("roles", .dictionary(of: role, countMaximum: 100), default: [:]),
      defaultRole: reader.optional("default_role", role),
      scopeClaim: reader.value("scope_claim", .string(bytesMaximum: 256), default: ""))
  }
}
