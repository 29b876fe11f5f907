package import Budgets
package import Contracts
internal import Crypto
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Synchronization

/// A short-lived key that is bound to a run, an agent, models and a budget: for clients and command-line agents that
/// must be metered exactly and must not have the provider's key. It carries its terms under an HMAC-SHA256, so any
/// replica checks it without a table; only revoked keys are looked up.
package struct VirtualKey: Sendable, Hashable {
  package static let prefix = "cadre_vk_"
  /// The longest life.
  package static let secondsMax: Int64 = 7 * 86_400
  private static let bytesMax = 8192

  package var id: KeyID
  package var tenant: TenantID
  /// Seconds since 1970.
  package var expiresAt: Int64
  package var project: String?
  package var run: String?
  package var step: String?
  package var agent: String?
  package var tool: String?
  /// Models and aliases that may be asked for; nil: all.
  package var models: [String]?
  package var tokens: Int64?
  package var nanoUSD: Int64?

  /// Signs and checks keys. Keys that were found good are remembered: the same text is always the same key.
  package final class Signer: Sendable {
    private static let rememberedMax = 10_000

    private let key: [UInt8]
    private let keys: [[UInt8]]
    private let remembered = Mutex<[String: VirtualKey]>([:])

    /// A signer with keys that are derived from secrets of their own. The first signs, all verify.
    package init(_ list: KeyList) {
      func derive(_ key: KeyList.Key) -> [UInt8] { KeyDerivation.derive("cadre virtual key 1", key.secret) }
      key = derive(list.first)
      keys = list.keys.map(derive)
    }

    /// The text of a key.
    package func sign(_ virtual: VirtualKey) -> String {
      let payload = virtual.json
      let mac = Digest.hmacSHA256(payload, key: key)
      return VirtualKey.prefix + Hex.encode(payload) + "." + Hex.encode(mac)
    }

    /// The key behind a text, nil when it is not one of ours or not whole. The expiry is not checked.
    package func open(_ text: String) -> VirtualKey? {
      if let known = remembered.withLock({ $0[text] }) { return known }
      guard text.hasPrefix(VirtualKey.prefix), text.utf8.count <= VirtualKey.bytesMax else { return nil }
      let parts = text.dropFirst(VirtualKey.prefix.count).split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count == 2, let payload = Hex.decode(parts[0]), let mac = Hex.decode(parts[1]),
        keys.contains(where: { Secrets.equal(mac, Digest.hmacSHA256(payload, key: $0)) })
      else { return nil }
      let virtual = VirtualKey(payload)
      remembered.withLock { remembered in
        if remembered.count >= Signer.rememberedMax { remembered.removeAll() }
        remembered[text] = virtual
      }
      return virtual
    }
  }

  private var json: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", id.description)
    writer.member("tenant", tenant.description)
    writer.member("exp", expiresAt)
    writer.member("project", ifPresent: project)
    writer.member("run", ifPresent: run)
    writer.member("step", ifPresent: step)
    writer.member("agent", ifPresent: agent)
    writer.member("tool", ifPresent: tool)
    if let models {
      writer.key("models")
      writer.beginArray()
      for model in models { writer.string(model) }
      writer.endArray()
    }
    writer.member("tokens", ifPresent: tokens)
    writer.member("nano_usd", ifPresent: nanoUSD)
    writer.endObject()
    return writer.bytes
  }

  /// A key without bounds.
  package init(id: KeyID, tenant: TenantID, expiresAt: Int64) {
    self.id = id
    self.tenant = tenant
    self.expiresAt = expiresAt
  }

  private init?(_ payload: [UInt8]) {
    guard let root = try? JSONDocument(parsing: payload).root, let id = root["id"]?.string.flatMap({ KeyID($0) }),
      let tenant = root["tenant"]?.string.flatMap({ TenantID($0) }), let expiresAt = root["exp"]?.int
    else { return nil }
    self.init(id: id, tenant: tenant, expiresAt: expiresAt)
    project = root["project"]?.string
    run = root["run"]?.string
    step = root["step"]?.string
    agent = root["agent"]?.string
    tool = root["tool"]?.string
    models = root["models"]?.elements.compactMap(\.string)
    tokens = root["tokens"]?.int
    nanoUSD = root["nano_usd"]?.int
  }

  /// The key's own budget.
  package var budget: Budget? {
    guard tokens != nil || nanoUSD != nil else { return nil }
    return Budget(
      id: id.description, tenant: tenant.description, scope: .key, subject: id.description, period: .total,
      tokens: tokens, nanoUSD: nanoUSD)
  }
}
