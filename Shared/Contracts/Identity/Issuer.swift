/// Who signs assertions. Each issuer has keys of its own, so that a key can say only what its owner may say.
public enum Issuer: String, Sendable, CaseIterable {
  /// The gateway: for callers that it has authenticated.
  case gateway
  /// The orchestrator: for steps that it has leased to a worker.
  case orchestrator

  /// The scopes that its assertions may carry.
  public var scopes: Scopes {
    switch self {
    case .gateway: [.api, .models, .operator]
    case .orchestrator: [.models, .step]
    }
  }

  /// The longest time from signing to expiry that verifiers accept, in seconds: a minute for callers, the longest
  /// configurable lease for steps.
  public var lifetimeSecondsMax: Int64 {
    switch self {
    case .gateway: 60
    case .orchestrator: 3600
    }
  }
}
