internal import Primitives
internal import Crypto

/// A place of a chain: how many entries there are until there, and the hash of the last of them, which covers all.
package struct AuditLink: Sendable, Hashable {
  /// The chain.
  package let chain: AuditChainID
  /// The number of the entry, from 1 without gaps; 0 before the first.
  package let sequence: Int64
  /// SHA-256, 32 bytes.
  package let hash: [UInt8]

  /// Wraps what is stored.
  package init(_ chain: AuditChainID, sequence: Int64, hash: [UInt8]) {
    self.chain = chain
    self.sequence = sequence
    self.hash = hash
  }

  /// The beginning of a chain.
  package static func genesis(_ chain: AuditChainID) -> AuditLink {
    AuditLink(chain, sequence: 0, hash: Digest.sha256(Array("cadre audit genesis v1 \(chain)".utf8)))
  }

  /// The place of the entry that follows.
  package func next(_ entry: AuditEntry) -> AuditLink {
    let sequence = sequence &+ 1
    return AuditLink(
      chain, sequence: sequence, hash: Digest.sha256(entry.canonical(chain, sequence, after: hash)))
  }

  /// What is signed.
  var bytes: [UInt8] {
    var bytes = chain.uuid.bytes
    withUnsafeBytes(of: sequence.bigEndian) { bytes.append(contentsOf: $0) }
    return bytes + hash
  }
}

/// An entry at its place.
package struct ChainedEntry: Sendable, Hashable {
  /// The entry.
  package let entry: AuditEntry
  /// Its place.
  package let link: AuditLink
  /// Its signature.
  package let signature: AuditKeys.Signature

  /// Wraps what is stored.
  package init(_ entry: AuditEntry, _ link: AuditLink, _ signature: AuditKeys.Signature) {
    self.entry = entry
    self.link = link
    self.signature = signature
  }

  /// The entry behind a place, signed.
  package init(_ entry: AuditEntry, after previous: AuditLink, signedWith keys: AuditKeys) {
    let link = previous.next(entry)
    self.init(entry, link, keys.sign(.entry, link))
  }
}

/// A place with the signature that says that a chain begins or ends there.
package struct SignedLink: Sendable, Hashable {
  /// The place.
  package let link: AuditLink
  /// Its signature.
  package let signature: AuditKeys.Signature

  /// Wraps what is stored.
  package init(_ link: AuditLink, _ signature: AuditKeys.Signature) {
    self.link = link
    self.signature = signature
  }

  /// The end of a chain.
  package static func head(_ link: AuditLink, _ keys: AuditKeys) -> SignedLink {
    SignedLink(link, keys.sign(.head, link))
  }

  /// Where a chain begins after entries whose time was over were removed.
  package static func base(_ link: AuditLink, _ keys: AuditKeys) -> SignedLink {
    SignedLink(link, keys.sign(.base, link))
  }
}
