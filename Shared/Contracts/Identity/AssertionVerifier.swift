internal import Crypto
public import Primitives

/// Verifies assertions for one service. Pure: the time is an argument.
public struct AssertionVerifier: Sendable {
  /// Longest text.
  public static let bytesMax = 2048
  /// By so much the clocks of two services may differ.
  public static let clockSkewSeconds: Int64 = 5
  private static let signatureBytes = 32

  private let audience: Audiences
  private let keys: [SigningKeys]

  /// Trusts the issuers whose keys are given, for requests to `audience`.
  public init(audience: Audience, trusting keys: [SigningKeys]) {
    self.audience = Audiences(audience)
    self.keys = keys
  }

  /// The assertion behind a text. Throws why it is not believed. `late` accepts it for so many seconds after its end:
  /// only where something else decides whether the caller may still act.
  public func verify(_ text: String, now: Timestamp, late: Int64 = 0) throws(AssertionError) -> Assertion {
    let assertion = try open(text)
    try checkTime(of: assertion, now: now, late: late)
    return assertion
  }

  /// Checks everything but the time.
  func open(_ text: String) throws(AssertionError) -> Assertion {
    guard text.utf8.count <= AssertionVerifier.bytesMax else { throw .tooLong }
    let bytes = Array(text.utf8)
    let parts = bytes.split(separator: UInt8(ascii: "."), maxSplits: 5, omittingEmptySubsequences: false)
    guard parts.count == 5 else { throw .malformed }
    guard parts[0].elementsEqual(AssertionSigner.version) else { throw .unsupportedVersion }
    guard let trusted = keys.first(where: { parts[1].elementsEqual($0.issuer.rawValue.utf8) }) else {
      throw .unknownIssuer
    }
    guard let key = trusted.find(parts[2]) else { throw .unknownKey }
    guard let signature = Base64URL.decode(parts[4]), signature.count == AssertionVerifier.signatureBytes else {
      throw .malformed
    }
    let signed = bytes[..<(parts[4].startIndex - 1)]
    guard Secrets.equal(signature, key.mac.code(signed)) else { throw .wrongSignature }
    guard let claims = Base64URL.decode(parts[3]) else { throw .malformed }
    let assertion = try ClaimsCodec.read(claims, issuer: trusted.issuer)
    guard !assertion.audiences.isDisjoint(with: audience) else { throw .wrongAudience }
    return assertion
  }

  /// Checks the time alone; for an assertion whose signature was verified before.
  func checkTime(of assertion: Assertion, now: Timestamp, late: Int64) throws(AssertionError) {
    let seconds = now.unixMicroseconds / 1_000_000
    let skew = AssertionVerifier.clockSkewSeconds
    guard seconds - assertion.expiresAt < skew + late else { throw .expired }
    guard assertion.expiresAt - seconds <= assertion.caller.issuer.lifetimeSecondsMax + skew else {
      throw .lifetimeTooLong
    }
  }
}
