internal import HTTPWire
internal import JSON

/// What a provider says of itself (OpenID Connect Discovery 1.0).
struct ProviderMetadata: Sendable {
  /// Largest document in bytes.
  static let bytesMax = 256 << 10

  let authorizationEndpoint: HTTPURL
  let tokenEndpoint: HTTPURL
  let keysAddress: HTTPURL
  /// Whether it names itself in answers of browsers (RFC 9207).
  let namesIssuer: Bool

  /// Reads the document of an issuer; `nil` when it speaks of another, or what it leads to is less secure than itself.
  init?(parsing bytes: [UInt8], of issuer: String) {
    let limits = JSONLimits(depthMax: 16, bytesMax: ProviderMetadata.bytesMax, nodesMax: 10_000)
    guard let root = try? JSONDocument(parsing: bytes, limits: limits).root, root["issuer"]?.string == issuer,
      let base = try? HTTPURL(issuer)
    else { return nil }
    func address(_ name: String) -> HTTPURL? {
      guard let url = root[name]?.string.flatMap({ try? HTTPURL($0) }), url.isSecure || !base.isSecure else {
        return nil
      }
      return url
    }
    guard let authorization = address("authorization_endpoint"), let token = address("token_endpoint"),
      let keys = address("jwks_uri")
    else { return nil }
    authorizationEndpoint = authorization
    tokenEndpoint = token
    keysAddress = keys
    namesIssuer = root["authorization_response_iss_parameter_supported"]?.bool ?? false
  }

  /// Where the document of an issuer is.
  static func address(of issuer: String) throws(HTTPWireError) -> HTTPURL {
    try HTTPURL(issuer).appending(path: "/.well-known/openid-configuration")
  }
}
