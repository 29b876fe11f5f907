internal import Crypto
internal import JSON
internal import Primitives
internal import SystemSources

/// A sign-in at a provider between its start and its end: what the browser and the provider have to show again.
struct PendingFederation: Sendable, Equatable {
  /// Seconds in which a user signs in at the provider.
  static let lifetimeSeconds: Int64 = 600
  private static let secretBytes = 32

  let provider: String
  /// The digest of the browser's cookie.
  let browserDigest: String
  /// What the ID token must hold (OpenID Connect Core, section 3.1.2.1).
  let nonce: String
  /// The secret behind the challenge (RFC 7636).
  let verifier: String
  /// Where the browser goes in the end: a path of ours.
  let returnTo: String

  /// A fresh value that nobody guesses: 43 letters.
  static func secret() -> String { Base64.encode(SystemRandom.bytes(secretBytes), .url, pads: false) }

  /// Under what a value is known that only its owner has.
  static func digest(_ text: String) -> String { Hex.encode(Digest.sha256(Array(text.utf8))) }

  /// The challenge of a verifier, by S256.
  static func challenge(of verifier: String) -> String {
    Base64.encode(Digest.sha256(Array(verifier.utf8)), .url, pads: false)
  }

  /// A path of this origin that a browser may be sent to; anything else becomes `/`. A second slash or a backslash
  /// would lead to another host.
  static func path(_ text: String?) -> String {
    guard let text, text.utf8.first == UInt8(ascii: "/"), text.utf8.count <= 512 else { return "/" }
    let second = text.utf8.dropFirst().first
    guard second != UInt8(ascii: "/"), second != UInt8(ascii: "\\"),
      text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "#") })
    else { return "/" }
    return text
  }

  func encoded() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("provider", provider)
    writer.member("browser", browserDigest)
    writer.member("nonce", nonce)
    writer.member("verifier", verifier)
    writer.member("return", returnTo)
    writer.endObject()
    return writer.bytes
  }

  init?(_ bytes: [UInt8]) {
    guard
      let root = try? JSONDocument(parsing: bytes, limits: JSONLimits(depthMax: 2, bytesMax: 4096, nodesMax: 32)).root,
      let provider = root["provider"]?.string, let browser = root["browser"]?.string,
      let nonce = root["nonce"]?.string, let verifier = root["verifier"]?.string,
      let returnTo = root["return"]?.string
    else { return nil }
    self.init(provider: provider, browserDigest: browser, nonce: nonce, verifier: verifier, returnTo: returnTo)
  }

  init(provider: String, browserDigest: String, nonce: String, verifier: String, returnTo: String) {
    self.provider = provider
    self.browserDigest = browserDigest
    self.nonce = nonce
    self.verifier = verifier
    self.returnTo = returnTo
  }
}
