internal import Crypto
public import Primitives

/// Binds an assertion to one lease: a digest of the fencing token. A service that sees the assertion, but not the
/// token, learns nothing of the token.
public struct LeaseBinding: Hashable, Sendable {
  /// The first eight bytes of the digest.
  public let value: UInt64

  /// Wraps a digest.
  public init(value: UInt64) { self.value = value }

  /// The binding of the lease with this fencing token.
  public init(token: UUID) {
    let digest = Digest.sha256(Array("cadre lease \(token)".utf8))
    value = digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Reads sixteen lower-case hexadecimal digits.
  init?(text: String) {
    guard text.utf8.count == 16, text.utf8.allSatisfy({ LeaseBinding.isDigit($0) }), let value = UInt64(text, radix: 16)
    else { return nil }
    self.value = value
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...102).contains(byte) }

  /// Sixteen hexadecimal digits.
  var text: String { Hex.encode(value) }
}
