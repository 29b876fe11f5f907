internal import Contracts
internal import Primitives
internal import Settings

/// An API key as the configuration declares it: never the key itself, only its digest.
package struct KeyDeclaration: Sendable, Equatable {
  let name: String
  let tenant: TenantID?
  let sha256: String
  /// Whether it may configure the installation: providers, models, aliases.
  let isOperator: Bool

  static let type = SettingType<KeyDeclaration>.map { reader in
    let tenant = reader.value("tenant", .string(bytesMaximum: 64))
    let sha256 = reader.value("sha256", .string(bytesMaximum: 64))
    if TenantID(tenant) == nil { reader.fault("tenant", "not a tenant id (tenant_ and 32 hexadecimal digits)") }
    if Hex.decode(sha256)?.count != 32 { reader.fault("sha256", "not a SHA-256 digest (64 hexadecimal digits)") }
    return KeyDeclaration(
      name: reader.value("name", .string(bytesMaximum: 100, allowsEmpty: false)), tenant: TenantID(tenant),
      sha256: sha256, isOperator: reader.value("operator", .bool, default: false))
  }
}
