internal import Crypto

/// The keys of one issuer, as a setting lists them: `id:secret`, separated by commas. The first signs, all verify: so a
/// key is exchanged without a pause by adding the new one behind the old one everywhere, then putting it first, then
/// taking the old one away.
public struct SigningKeys: Sendable {
  /// One key.
  struct Key: Sendable {
    let id: [UInt8]
    let secret: [UInt8]
    /// What signatures are made with; derived for one issuer, so that a secret is never used for two purposes.
    let mac: HMACKey
  }

  /// Keys of one setting.
  public static let countMax = 8
  /// Bytes of an id.
  public static let idBytesMax = 32
  /// Bytes of a secret.
  public static let secretBytes = 32...256

  /// Whose keys they are.
  public let issuer: Issuer
  /// The key that signs.
  let signing: Key
  /// All keys in force.
  let keys: [Key]

  /// Reads a setting. Throws `KeyListError`.
  public init(issuer: Issuer, setting: String, named name: String) throws(KeyListError) {
    self.issuer = issuer
    let list = try KeyList(setting, named: name)
    func key(_ key: KeyList.Key) -> Key {
      Key(
        id: key.id, secret: key.secret,
        mac: HMACKey(KeyDerivation.derive("cadre assertion v1 \(issuer.rawValue)", key.secret)))
    }
    signing = key(list.first)
    keys = list.keys.map(key)
  }

  func find(_ id: ArraySlice<UInt8>) -> Key? { keys.first { $0.id.elementsEqual(id) } }

  /// Throws when two issuers share a secret: then each could sign for the other.
  public static func requireDistinct(_ all: [SigningKeys]) throws(KeyListError) {
    for (index, left) in all.enumerated() {
      for right in all[(index + 1)...]
      where left.keys.contains(where: { key in
        right.keys.contains { $0.secret == key.secret }
      }) {
        throw KeyListError(
          description: "the \(left.issuer.rawValue) and the \(right.issuer.rawValue) must not share a secret")
      }
    }
  }
}

/// Derives keys for one purpose from a secret.
public enum KeyDerivation {
  /// The key for `purpose`: whoever learns it learns neither the secret nor the key for another purpose.
  public static func derive(_ purpose: String, _ secret: [UInt8]) -> [UInt8] {
    Digest.hmacSHA256(Array(purpose.utf8), key: secret)
  }
}
