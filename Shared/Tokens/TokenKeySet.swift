internal import Crypto
internal import JSON
internal import Primitives

/// The keys of an issuer.
public struct TokenKeySet: Sendable {
  /// Largest document in bytes.
  public static let bytesMax = 256 << 10
  /// Keys of a document; more make it no key set.
  public static let keysMax = 100
  private static let idBytesMax = 256

  /// What was found.
  public let keys: [TokenKey]

  /// A set of keys.
  public init(_ keys: [TokenKey]) { self.keys = keys }

  /// Reads a JWK set (RFC 7517). Keys for other uses and of other kinds are left out, shared secrets too: whoever can
  /// read an address must not be able to sign. `nil` for what is no key set, or has no usable key.
  public init?(parsing bytes: [UInt8]) {
    let limits = JSONLimits(depthMax: 8, bytesMax: TokenKeySet.bytesMax, nodesMax: 10_000)
    guard let document = try? JSONDocument(parsing: bytes, limits: limits), let list = document.root["keys"],
      list.kind == .array, list.count <= TokenKeySet.keysMax
    else { return nil }
    keys = list.elements.compactMap(TokenKeySet.key)
    if keys.isEmpty { return nil }
  }

  /// The keys that may have signed a token: those of its name, or the only one of its algorithm when it names none.
  func keys(for token: SignedToken) -> [TokenKey] {
    let fitting = keys.filter { $0.algorithm == token.algorithm }
    guard let id = token.keyID else { return fitting.count == 1 ? fitting : [] }
    return fitting.filter { $0.id == id }
  }

  /// Whether some key may have signed a token.
  public func hasKey(for token: SignedToken) -> Bool { !keys(for: token).isEmpty }

  private static func key(_ view: JSONView) -> TokenKey? {
    guard view.kind == .object, view["use"].map({ $0.string == "sig" }) ?? true else { return nil }
    if let operations = view["key_ops"] {
      guard operations.kind == .array, operations.elements.contains(where: { $0.string == "verify" }) else {
        return nil
      }
    }
    var id: String?
    if let name = view["kid"] {
      guard let text = name.string, text.utf8.count <= idBytesMax else { return nil }
      id = text
    }
    guard let key = signatureKey(view).map({ TokenKey($0, id: id) }) else { return nil }
    if let algorithm = view["alg"], algorithm.string != key.algorithm.rawValue { return nil }
    return key
  }

  private static func signatureKey(_ view: JSONView) -> SignatureKey? {
    switch view["kty"]?.string {
    case "RSA":
      guard let modulus = number("n", of: view), let exponent = number("e", of: view) else { return nil }
      return SignatureKey(rsaModulus: modulus, exponent: exponent)
    case "EC":
      guard view["crv"]?.string == "P-256", let x = number("x", of: view), let y = number("y", of: view) else {
        return nil
      }
      return SignatureKey(p256X: x, y: y)
    default: return nil
    }
  }

  private static func number(_ name: String, of view: JSONView) -> [UInt8]? {
    view[name]?.string.flatMap { Base64.decode(unpadded: Array($0.utf8)[...], .url) }
  }
}
