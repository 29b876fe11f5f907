internal import Contracts
internal import HTTPWire
internal import Settings

/// An OpenID Connect provider as the configuration declares it.
package struct ProviderDeclaration: Sendable, Equatable {
  /// The name in addresses.
  let name: String
  let issuer: String
  let clientID: String
  /// Empty for a public client, which has PKCE alone.
  let clientSecret: Secret
  let scopes: [String]
  /// The one tenant whose users it vouches for.
  let tenant: TenantID?

  static let type = SettingType<ProviderDeclaration>.map { reader in
    let text = SettingType<String>.string(bytesMaximum: 1024, allowsEmpty: false)
    let name = reader.value("name", .string(bytesMaximum: 64, allowsEmpty: false))
    if !name.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }) {
      reader.fault("name", "small letters, digits and hyphens")
    }
    let issuer = reader.value("issuer", text)
    if (try? HTTPURL(issuer)) == nil { reader.fault("issuer", "not an http or https address") }
    let tenant = reader.value("tenant", .string(bytesMaximum: 64, allowsEmpty: false))
    if TenantID(tenant) == nil { reader.fault("tenant", "not a tenant id") }
    return ProviderDeclaration(
      name: name, issuer: issuer, clientID: reader.value("client_id", text),
      clientSecret: reader.value("client_secret", .secret, default: Secret("")),
      scopes: reader.value("scopes", .strings(countMaximum: 20), default: ["openid", "email"]),
      tenant: TenantID(tenant))
  }
}
