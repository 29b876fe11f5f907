internal import Crypto
package import Primitives

/// The text of a secret that is shown once: a prefix, the id under which its hash is stored, random digits, and a
/// checksum by which mistyped and invented texts are refused without asking anybody.
///
/// `cadre_` + 32 hexadecimal digits of the id + `_` + 48 random ones + 8 of the checksum.
package struct SecretText: Sendable {
  /// What a text is for; gives its beginning.
  package enum Kind: String, Sendable, CaseIterable {
    /// A key of the API.
    case key = "cadre_"
    /// An invitation.
    case invitation = "cadre_inv_"
  }

  /// Bytes of randomness: 192 bits.
  package static let randomBytes = 24
  private static let idDigits = 32
  private static let checksumDigits = 8

  /// The id.
  package let id: UUID
  /// The whole text; a secret.
  package let text: String

  /// Makes a text of an id and random bytes.
  package init(_ kind: Kind, id: UUID, random: [UInt8]) {
    let body = kind.rawValue + Hex.encode(id.bytes) + "_" + Hex.encode(random)
    self.id = id
    text = body + SecretText.checksum(Array(body.utf8)[...])
  }

  /// Reads a presented text; `nil` when it has another form or another checksum.
  package init?(_ kind: Kind, _ text: String) {
    let prefix = Array(kind.rawValue.utf8)
    let bytes = Array(text.utf8)
    let start = prefix.count + SecretText.idDigits
    let end = start + 1 + 2 * SecretText.randomBytes
    guard bytes.count == end + SecretText.checksumDigits, bytes.starts(with: prefix), bytes[start] == UInt8(ascii: "_"),
      bytes[prefix.count..<start].allSatisfy(SecretText.isDigit), bytes[(start + 1)...].allSatisfy(SecretText.isDigit),
      let id = UUID(ascii: bytes[prefix.count..<start]),
      bytes[end...].elementsEqual(SecretText.checksum(bytes[..<end]).utf8)
    else { return nil }
    self.id = id
    self.text = text
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...102).contains(byte) }

  private static func checksum(_ bytes: ArraySlice<UInt8>) -> String {
    Hex.encode(Array(Digest.sha256(bytes).prefix(checksumDigits / 2)))
  }
}
