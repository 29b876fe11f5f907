internal import Primitives
internal import SystemSources

/// The keys of identity of a local installation: made once, each in a file that its owner alone can read.
public struct StackKeys: Sendable {
  /// A list of keys, as a setting of the services names it.
  public enum Name: String, Sendable, CaseIterable {
    /// Signs for callers.
    case gateway = "gateway"
    /// Signs for leased steps.
    case step = "step"
    /// Credentials of workers.
    case worker = "worker"
    /// Hashes API keys and invitations.
    case apiKey = "api-key-secrets"
    /// Signs virtual keys.
    case virtualKey = "virtual-key"
    /// Encrypts values that reach MCP servers.
    case workspace = "workspace"
    /// Signs the audit log.
    case audit = "audit"
    /// Encrypts secrets of second factors.
    case account = "account"

    /// The variable that takes the path of its file.
    var variable: String {
      switch self {
      case .gateway: "CADRE_IDENTITY_GATEWAY_KEYS_FILE"
      case .step: "CADRE_IDENTITY_STEP_KEYS_FILE"
      case .worker: "CADRE_IDENTITY_WORKER_KEYS_FILE"
      case .apiKey: "CADRE_IDENTITY_KEY_SECRETS_FILE"
      case .virtualKey: "CADRE_VIRTUAL_KEYS_SIGNING_KEYS_FILE"
      case .workspace: "CADRE_WORKSPACE_ENCRYPTION_KEYS_FILE"
      case .audit: "CADRE_AUDIT_KEYS_FILE"
      case .account: "CADRE_IDENTITY_ENCRYPTION_KEYS_FILE"
      }
    }
  }

  private let folder: String

  /// Makes the keys that are missing in `folder`.
  init(folder: String) throws(StackError) {
    self.folder = folder
    try FileAccess.makeFolder(folder, mode: 0o700)
    for name in Name.allCases where !FileAccess.exists(path(name)) {
      try FileAccess.write(path(name), "local:\(Hex.encode(SystemRandom.bytes(32)))\n")
    }
  }

  /// The file of a list.
  public func path(_ name: Name) -> String { "\(folder)/\(name.rawValue)" }

  /// A list, in the form of the setting.
  public func list(_ name: Name) -> String {
    FileAccess.read(path(name)).map { String($0.prefix { $0 != "\n" }) } ?? ""
  }

  /// What a service needs of them, and no more.
  func environment(of service: String) -> [String: String] {
    let names: [Name] =
      switch service {
      case "gateway": [.gateway, .apiKey, .audit, .account]
      case "orchestrator": [.gateway, .step, .worker, .workspace]
      case "llm-router": [.gateway, .step, .virtualKey]
      case "agent-core": [.worker]
      default: []
      }
    return Dictionary(uniqueKeysWithValues: names.map { ($0.variable, path($0)) })
  }
}
