internal import JSON

/// Decides whether a token is believed. Pure: the time is an argument.
public enum TokenVerifier {
  private static let audiencesMax = 100

  /// The claims of a token. Throws why it is not believed: the signature first, so that nothing is learned from a token
  /// that nobody has signed.
  public static func verify(
    _ token: SignedToken, by rules: TokenRules, with set: TokenKeySet, unixSeconds now: Int64
  ) throws(TokenError) -> TokenClaims {
    guard rules.algorithms.contains(token.algorithm) else { throw .algorithm }
    let keys = set.keys(for: token)
    guard !keys.isEmpty else { throw .unknownKey }
    guard keys.contains(where: { $0.verifies(token) }) else { throw .signature }
    let claims = token.claims.root
    guard claims["iss"]?.string == rules.issuer else { throw .unknownIssuer }
    let audiences = try audiences(claims)
    guard audiences.contains(rules.audience) else { throw .audience }
    let expiresAt = try times(claims, rules, now)
    guard let subject = claims["sub"]?.string, !subject.isEmpty,
      subject.utf8.count <= TokenClaims.subjectBytesMax, !subject.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
    else { throw .claims }
    return TokenClaims(
      issuer: rules.issuer, subject: subject, expiresAt: expiresAt, audienceCount: audiences.count,
      document: token.claims)
  }

  private static func audiences(_ claims: JSONView) throws(TokenError) -> [String] {
    guard let value = claims["aud"] else { throw .audience }
    if let one = value.string { return [one] }
    guard value.kind == .array, value.count <= audiencesMax else { throw .audience }
    let all = value.elements.compactMap(\.string)
    guard all.count == value.count else { throw .audience }
    return all
  }

  private static func times(_ claims: JSONView, _ rules: TokenRules, _ now: Int64) throws(TokenError) -> Int64 {
    let leeway = rules.leewaySeconds
    guard let expiresAt = try time("exp", of: claims), now < expiresAt &+ leeway else { throw .expired }
    if let begins = try time("nbf", of: claims), begins > now &+ leeway { throw .notYetValid }
    let issuedAt = try time("iat", of: claims)
    if let issuedAt, issuedAt > now &+ leeway { throw .lifetime }
    if let longest = rules.lifetimeSecondsMax {
      guard let issuedAt, expiresAt &- issuedAt <= longest else { throw .lifetime }
    }
    return expiresAt
  }

  /// Seconds of Unix time, fractions cut off. `nil` without the claim; another kind of value or an absurd number is no
  /// token at all.
  private static func time(_ name: String, of claims: JSONView) throws(TokenError) -> Int64? {
    guard let value = claims[name] else { return nil }
    guard let seconds = value.double, (0...1e12).contains(seconds),
      let whole = Int64(exactly: seconds.rounded(.down))
    else { throw .malformed }
    return whole
  }
}
