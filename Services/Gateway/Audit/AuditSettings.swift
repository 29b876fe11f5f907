package import AuditChain
package import Contracts
package import Settings

/// The settings of the audit log.
package enum AuditSettings {
  package static let keys = Setting(
    "audit.keys", .secret,
    "Keys that sign the audit log: id:secret (32 to 256 bytes), separated by commas. The first signs, all verify; keep old ones as long as entries that they have signed."
  )
  package static let retention = Setting(
    "audit.retention_days", .int(in: 0...36_500), default: 0,
    "Days after which entries of the audit log are removed; 0 keeps them for ever.")
  package static let verifyInterval = Setting(
    "audit.verify_interval_ms", .milliseconds(in: 1000...(31 * 86_400_000)), default: .seconds(86_400),
    "How often each chain of the audit log is verified.")
  package static let refusals = Setting(
    "audit.refusals_per_second", .int(in: 1...10_000), default: 20,
    "Refusals of one tenant, and of those without a tenant, that are written one by one each second; beyond, their number is. Of changes by those without a tenant ten times as many are."
  )
  /// All of them.
  package static let all: [any SettingDeclaration] = [keys, retention, verifyInterval, refusals]

  /// The keys. Throws `KeyListError`.
  package static func keys(_ settings: Settings) throws(KeyListError) -> AuditKeys {
    try AuditKeys(setting: settings[keys].reveal(), named: keys.key)
  }
}
