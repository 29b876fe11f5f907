/// The signatures of tokens that are known (RFC 7518, section 3.1). What is not listed, `none` above all, is refused.
public enum TokenAlgorithm: String, Sendable, Hashable, CaseIterable {
  /// HMAC with SHA-256 and a shared secret.
  case hs256 = "HS256"
  /// RSASSA-PKCS1-v1_5 with SHA-256.
  case rs256 = "RS256"
  /// ECDSA on P-256 with SHA-256.
  case es256 = "ES256"

  /// Whether whoever verifies could also sign. Such keys never come from a key set that is fetched.
  public var isSymmetric: Bool { self == .hs256 }
}
