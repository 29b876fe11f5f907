public import Crypto

/// A key that verifies tokens of one algorithm.
public struct TokenKey: Sendable {
  /// Least bytes of a shared secret (RFC 7518, section 3.2).
  public static let secretBytesMin = 32

  private enum Material: Sendable {
    case secret(HMACKey)
    case key(SignatureKey)
  }

  /// Its name; `nil` for none.
  public let id: String?
  /// The one algorithm that it is for.
  public let algorithm: TokenAlgorithm
  private let material: Material

  /// A shared secret; `nil` for one that is too short.
  public init?(secret: [UInt8], id: String? = nil) {
    guard secret.count >= TokenKey.secretBytesMin else { return nil }
    self.id = id
    algorithm = .hs256
    material = .secret(HMACKey(secret))
  }

  /// A public key.
  public init(_ key: SignatureKey, id: String? = nil) {
    self.id = id
    algorithm = key.algorithm == .rsa ? .rs256 : .es256
    material = .key(key)
  }

  /// Whether it has signed a token. The token's own algorithm must be that of the key: a public key is never taken for
  /// a shared secret.
  func verifies(_ token: SignedToken) -> Bool {
    guard token.algorithm == algorithm else { return false }
    switch material {
    case .secret(let key): return Secrets.equal(key.code(token.signed), token.signature)
    case .key(let key): return key.verifies(token.signature, of: token.signed)
    }
  }
}
