public import JSON
internal import Primitives

/// A JWS in compact form (RFC 7515), taken apart and not verified.
public struct SignedToken: Sendable {
  /// Longest token in bytes.
  public static let bytesMax = 8192
  private static let headerBytesMax = 2048
  private static let keyIDBytesMax = 256
  private static let limits = JSONLimits(depthMax: 16, bytesMax: bytesMax, nodesMax: 1000)
  private static let headerLimits = JSONLimits(depthMax: 8, bytesMax: headerBytesMax, nodesMax: 100)

  /// The algorithm that the header names.
  public let algorithm: TokenAlgorithm
  /// The key that the header names.
  public let keyID: String?
  /// The type that the header names.
  public let type: String?
  /// The claims, which nobody vouches for yet.
  public let claims: JSONDocument
  let signed: ArraySlice<UInt8>
  let signature: [UInt8]

  /// Whether a credential looks like a token at all: it is one, or nobody else's either.
  public static func resembles(_ text: some StringProtocol) -> Bool {
    text.utf8.starts(with: "eyJ".utf8) && text.utf8.lazy.filter { $0 == UInt8(ascii: ".") }.prefix(3).count == 2
  }

  /// Reads a token. Members that hold keys or addresses of keys (`jwk`, `jku`, `x5c`, `x5u`) have no effect: keys come
  /// from the configuration alone.
  public init(_ text: String) throws(TokenError) {
    guard text.utf8.count <= SignedToken.bytesMax else { throw .tooLong }
    let bytes = Array(text.utf8)
    let parts = bytes.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].count <= SignedToken.headerBytesMax,
      let headerBytes = Base64.decode(unpadded: parts[0], .url),
      let claimBytes = Base64.decode(unpadded: parts[1], .url),
      let signature = Base64.decode(unpadded: parts[2], .url),
      let header = try? JSONDocument(parsing: headerBytes, limits: SignedToken.headerLimits).root,
      header.kind == .object
    else { throw .malformed }
    guard header["crit"] == nil, header["b64"] == nil, header["enc"] == nil, header["zip"] == nil else {
      throw .criticalExtension
    }
    guard let name = header["alg"]?.string else { throw .malformed }
    guard let algorithm = TokenAlgorithm(rawValue: name) else { throw .algorithm }
    self.algorithm = algorithm
    keyID = try SignedToken.text("kid", of: header)
    type = try SignedToken.text("typ", of: header)
    guard !signature.isEmpty else { throw .signature }
    guard let claims = try? JSONDocument(parsing: claimBytes, limits: SignedToken.limits),
      claims.root.kind == .object
    else { throw .malformed }
    self.claims = claims
    signed = bytes[..<(parts[2].startIndex - 1)]
    self.signature = signature
  }

  private static func text(_ name: String, of header: JSONView) throws(TokenError) -> String? {
    guard let value = header[name] else { return nil }
    guard let text = value.string, text.utf8.count <= keyIDBytesMax else { throw .malformed }
    return text
  }

  /// The issuer that the claims name, for the choice of keys.
  public var issuer: String? { claims.root["iss"]?.string }
}
