internal import Crypto

/// Signs assertions with the first key of an issuer.
///
/// The text is `v1.<issuer>.<key id>.<claims>.<signature>`: the claims in base64url, the signature HMAC-SHA256 in
/// base64url over everything before its dot. There is one version and one algorithm, so nothing can be downgraded.
public struct AssertionSigner: Sendable {
  static let version = Array("v1".utf8)

  /// Room for most texts.
  private static let bytesAbout = 640

  private let prefix: [UInt8]
  private let mac: HMACKey

  /// Makes a signer with an issuer's first key.
  public init(_ keys: SigningKeys) {
    let key = keys.signing
    mac = key.mac
    prefix = AssertionSigner.version + Array(".\(keys.issuer.rawValue).".utf8) + key.id + [UInt8(ascii: ".")]
  }

  /// The text of an assertion. Of a caller whom another issuer vouches for, verifiers believe nothing.
  public func sign(_ assertion: Assertion) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(AssertionSigner.bytesAbout)
    text += prefix
    Base64URL.append(ClaimsCodec.write(assertion), to: &text)
    let signature = mac.code(text)
    text.append(UInt8(ascii: "."))
    Base64URL.append(signature, to: &text)
    return String(decoding: text, as: UTF8.self)
  }
}
