internal import Contracts
internal import Crypto
internal import GatewayAccounts
internal import GatewayAudit
internal import GatewayIdentity
internal import GatewayMCP
internal import GatewaySignIn
internal import GatewayTraffic
internal import PolicyDecisions
internal import Redis
internal import ServiceKit
package import Settings

/// The settings of the gateway.
package enum GatewaySettings {
  static let orchestrator = Setting(
    "orchestrator.url", .string(bytesMaximum: 2048), default: "http://127.0.0.1:8081",
    "Base URL of the orchestrator; several replicas are separated by commas.")
  static let router = Setting(
    "llm_router.url", .string(bytesMaximum: 2048), default: "http://127.0.0.1:8082",
    "Base URL of the llm-router; several replicas are separated by commas.")
  static let encryptionKeys = Setting(
    "identity.encryption_keys", .secret, default: Secret(""),
    "Keys that encrypt what the gateway stores of second factors: id:secret (32 to 256 bytes), separated by commas. The first encrypts, all decrypt. Without them nobody can add a second factor."
  )

  /// All of them.
  package static let all: [any SettingDeclaration] =
    [
      IdentitySettings.gatewayKeys, APIKeys.keys, APIKeys.key, APIKeys.tenant, orchestrator, router, encryptionKeys,
    ] + Accounts.settings + SignInSettings.all + AuditSettings.all + PolicySettings.all + MCPSettings.all
    + TrafficSettings.all + RedisSettings.all

  /// What seals secrets of second factors. Throws `KeyListError`.
  static func sealer(_ settings: Settings) throws -> SecretSealer {
    let text = settings[encryptionKeys].reveal()
    guard !text.isEmpty else { return SecretSealer(keys: []) }
    let list = try KeyList(text, named: encryptionKeys.key)
    return SecretSealer(keys: list.keys.map { ($0.id, $0.secret) })
  }
}
