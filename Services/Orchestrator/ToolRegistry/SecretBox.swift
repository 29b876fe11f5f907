package import Contracts
internal import Crypto
internal import JSON

/// Encrypts the values that reach MCP servers. Without keys nothing is stored and nothing is opened.
package struct SecretBox: Sendable {
  /// The form of earlier versions: under a key of the list itself, without a data key. It is read, never written.
  private static let earlierForm: UInt8 = 1

  private let sealer: SecretSealer
  private let earlier: [(id: [UInt8], key: SealingKey)]

  /// Uses the keys of a setting: the first encrypts, all decrypt. An empty setting has no key. Throws `KeyListError`.
  package init(setting: String, named name: String) throws(KeyListError) {
    sealer = try SecretSealer(setting: setting, named: name)
    guard !setting.isEmpty else {
      earlier = []
      return
    }
    earlier = try KeyList(setting, named: name).keys.compactMap { entry in
      // One secret has one key for each purpose.
      SealingKey(KeyDerivation.derive("cadre stored secrets v1", entry.secret)).map { (entry.id, $0) }
    }
  }

  /// Whether something can be stored.
  package var canSeal: Bool { sealer.canSeal }

  /// Encrypts the values of a server; `nil` without a key. What is returned opens for this server of this tenant only.
  func seal(_ secrets: MCPSecrets, _ tenant: TenantID, _ server: MCPServerID) -> [UInt8]? {
    var writer = JSONWriter()
    writer.beginObject()
    secrets.writeMembers(to: &writer)
    writer.endObject()
    return sealer.seal(writer.bytes, at: SecretBox.place(tenant, server))
  }

  /// The values of a server; `nil` when the key is not there any more or the bytes are not what was sealed.
  func open(_ sealed: [UInt8], _ tenant: TenantID, _ server: MCPServerID) -> MCPSecrets? {
    plain(sealed, tenant, server).flatMap { try? JSONDocument(parsing: $0) }.flatMap { MCPSecrets($0.root) }
  }

  /// Whether the first key has sealed it, in the form of today.
  func isCurrent(_ sealed: [UInt8]) -> Bool { sealer.isCurrent(sealed) }

  /// The same values under the first key; `nil` when they cannot be opened.
  func resealed(_ sealed: [UInt8], _ tenant: TenantID, _ server: MCPServerID) -> [UInt8]? {
    let place = SecretBox.place(tenant, server)
    if sealed.first == SecretSealer.form { return sealer.rewrapped(sealed, at: place) }
    return plain(sealed, tenant, server).flatMap { sealer.seal($0, at: place) }
  }

  private func plain(_ sealed: [UInt8], _ tenant: TenantID, _ server: MCPServerID) -> [UInt8]? {
    if sealed.first == SecretSealer.form { return sealer.open(sealed, at: SecretBox.place(tenant, server)) }
    guard sealed.count >= 2, sealed[0] == SecretBox.earlierForm else { return nil }
    let head = Array(sealed.prefix(2 + Int(sealed[1])))
    guard let (_, key) = earlier.first(where: { $0.id.elementsEqual(head.dropFirst(2)) }) else { return nil }
    return key.open(
      Array(sealed.dropFirst(head.count)), context: head + Array("mcp server \(tenant) \(server)".utf8))
  }

  private static func place(_ tenant: TenantID, _ server: MCPServerID) -> SealedPlace {
    SealedPlace(tenant: "\(tenant)", table: "mcp_server.secrets", id: "\(server)")
  }
}
