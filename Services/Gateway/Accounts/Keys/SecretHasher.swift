package import Contracts
internal import Crypto
package import Settings

/// Hashes the texts of keys and invitations with secrets that the database does not have: who reads the database can
/// neither use nor guess them.
package struct SecretHasher: Sendable {
  /// The secrets.
  package static let secrets = Setting(
    "identity.key_secrets", .secret,
    "Secrets with which the gateway hashes API keys and invitations: id:secret (32 to 256 bytes), separated by commas. The first hashes, all verify; a key that was hashed with a secret that is gone is not good any more."
  )

  private let first: (name: String, key: HMACKey)
  private let keys: [String: HMACKey]

  /// Takes a list of secrets.
  package init(_ list: KeyList) {
    var keys: [String: HMACKey] = [:]
    for key in list.keys { keys[String(decoding: key.id, as: UTF8.self)] = HMACKey(key.secret) }
    let name = String(decoding: list.first.id, as: UTF8.self)
    first = (name, keys[name] ?? HMACKey(list.first.secret))
    self.keys = keys
  }

  /// Takes the secrets of the settings. Throws `KeyListError`.
  package init(_ settings: Settings) throws(KeyListError) {
    self.init(try KeyList(settings[SecretHasher.secrets].reveal(), named: SecretHasher.secrets.key))
  }

  /// The hash of a text.
  package func hash(_ text: String) -> KeyedHash {
    KeyedHash(bytes: first.key.code(Array(text.utf8)), secret: first.name)
  }

  /// Whether a text has a hash, in time that does not depend on what differs.
  package func matches(_ text: String, _ hash: KeyedHash) -> Bool {
    // A secret that is gone costs as much as one that is there.
    let key = keys[hash.secret]
    let code = (key ?? first.key).code(Array(text.utf8))
    return Secrets.equal(code, hash.bytes) && key != nil
  }
}
