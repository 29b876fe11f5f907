package import Contracts
internal import Crypto
internal import JSON

/// Encrypts the values that reach MCP servers. Without keys nothing is stored and nothing is opened.
package struct SecretBox: Sendable {
  private static let form: UInt8 = 1

  private let keys: [(id: [UInt8], key: SealingKey)]

  /// Uses the keys of a setting: the first encrypts, all decrypt. An empty setting has no key. Throws `KeyListError`.
  package init(setting: String, named name: String) throws(KeyListError) {
    guard !setting.isEmpty else {
      keys = []
      return
    }
    keys = try KeyList(setting, named: name).keys.compactMap { entry in
      // One secret has one key for each purpose.
      SealingKey(KeyDerivation.derive("cadre stored secrets v1", entry.secret)).map { (entry.id, $0) }
    }
  }

  /// Whether something can be stored.
  package var canSeal: Bool { !keys.isEmpty }

  /// Encrypts the values of a server; `nil` without a key. What is returned opens for this server of this tenant only.
  func seal(_ secrets: MCPSecrets, _ tenant: TenantID, _ server: MCPServerID) -> [UInt8]? {
    guard let (id, key) = keys.first else { return nil }
    var writer = JSONWriter()
    writer.beginObject()
    secrets.writeMembers(to: &writer)
    writer.endObject()
    let head = [SecretBox.form, UInt8(clamping: id.count)] + id
    return key.seal(writer.bytes, context: SecretBox.context(head, tenant, server)).map { head + $0 }
  }

  /// The values of a server; `nil` when the key is not there any more or the bytes are not what was sealed.
  func open(_ sealed: [UInt8], _ tenant: TenantID, _ server: MCPServerID) -> MCPSecrets? {
    guard sealed.count >= 2, sealed[0] == SecretBox.form else { return nil }
    let head = Array(sealed.prefix(2 + Int(sealed[1])))
    guard let (_, key) = keys.first(where: { $0.id.elementsEqual(head.dropFirst(2)) }),
      let plain = key.open(Array(sealed.dropFirst(head.count)), context: SecretBox.context(head, tenant, server))
    else { return nil }
    return (try? JSONDocument(parsing: plain)).flatMap { MCPSecrets($0.root) }
  }

  private static func context(_ head: [UInt8], _ tenant: TenantID, _ server: MCPServerID) -> [UInt8] {
    head + Array("mcp server \(tenant) \(server)".utf8)
  }
}
