package import Contracts
internal import Crypto

/// The keys that sign the audit log: the first signs, all verify. A chain of hashes alone can be computed anew by
/// whoever has the database; these keys are not in it.
package struct AuditKeys: Sendable {
  /// What is signed. A signature for one purpose is none for another.
  package enum Purpose: String, CaseIterable, Sendable {
    /// An entry.
    case entry = "cadre audit entry signature v1"
    /// The last entry of a chain.
    case head = "cadre audit head signature v1"
    /// The last entry that was removed when its time was over.
    case base = "cadre audit base signature v1"
  }

  /// A signature with the id of its key.
  package struct Signature: Sendable, Hashable {
    /// The id of the key.
    package let key: String
    /// HMAC-SHA-256, 32 bytes.
    package let bytes: [UInt8]

    /// Wraps what is stored.
    package init(key: String, bytes: [UInt8]) {
      self.key = key
      self.bytes = bytes
    }
  }

  private struct Key: Sendable {
    let id: String
    let codes: [Purpose: HMACKey]
  }

  private let keys: [Key]
  private let first: Key

  /// Reads a setting, `id:secret` separated by commas. Throws `KeyListError`.
  package init(setting: String, named name: String) throws(KeyListError) {
    let list = try KeyList(setting, named: name)
    func key(_ entry: KeyList.Key) -> Key {
      Key(
        id: String(decoding: entry.id, as: UTF8.self),
        codes: Dictionary(
          uniqueKeysWithValues: Purpose.allCases.map {
            ($0, HMACKey(KeyDerivation.derive($0.rawValue, entry.secret)))
          }))
    }
    first = key(list.first)
    keys = list.keys.map(key)
  }

  func sign(_ purpose: Purpose, _ link: AuditLink) -> Signature {
    Signature(key: first.id, bytes: first.codes[purpose]?.code(link.bytes) ?? [])
  }

  /// Whether a signature is good; `nil` when its key is not in the list.
  func isGood(_ signature: Signature, _ purpose: Purpose, _ link: AuditLink) -> Bool? {
    guard let code = keys.first(where: { $0.id == signature.key })?.codes[purpose] else { return nil }
    return Secrets.equal(code.code(link.bytes), signature.bytes)
  }
}
