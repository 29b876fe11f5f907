public import Contracts
public import Settings

/// The settings of identity between services. A service declares those that it needs.
public enum IdentitySettings {
  /// Keys of the gateway.
  public static let gatewayKeys = Setting(
    "identity.gateway_keys", .secret,
    "Keys with which the gateway signs on whose behalf it calls: id:secret (32 to 256 bytes), separated by commas. The first signs, all verify."
  )
  /// Keys of the orchestrator.
  public static let stepKeys = Setting(
    "identity.step_keys", .secret,
    "Keys with which the orchestrator signs what a worker may do for a leased step: id:secret (32 to 256 bytes), separated by commas. The first signs, all verify."
  )
  /// Credentials of workers.
  public static let workerKeys = Setting(
    "identity.worker_keys", .secret,
    "Credentials of workers at the worker protocol: id:secret (32 to 256 bytes), separated by commas. A worker presents the first, the orchestrator accepts all."
  )

  /// The keys of the gateway. Throws `KeyListError`.
  public static func gatewayKeys(_ settings: Settings) throws(KeyListError) -> SigningKeys {
    try SigningKeys(issuer: .gateway, setting: settings[gatewayKeys].reveal(), named: gatewayKeys.key)
  }

  /// The keys of the orchestrator. Throws `KeyListError`.
  public static func stepKeys(_ settings: Settings) throws(KeyListError) -> SigningKeys {
    try SigningKeys(issuer: .orchestrator, setting: settings[stepKeys].reveal(), named: stepKeys.key)
  }

  /// The credentials of workers. Throws `KeyListError`.
  public static func workerKeys(_ settings: Settings) throws(KeyListError) -> WorkerCredentials {
    WorkerCredentials(try KeyList(settings[workerKeys].reveal(), named: workerKeys.key))
  }
}
