import Crypto
import JSON
import Primitives
import Testing
import TokensTestKit

@testable import Tokens

@Suite struct TokenTests {
  static let now: Int64 = 1_950_000_000
  static let secret = Array(String(repeating: "s", count: 32).utf8)

  static func rules(
    _ algorithms: Set<TokenAlgorithm> = [.hs256], lifetime: Int64? = nil, issuer: String = "https://issuer.example"
  ) -> TokenRules {
    TokenRules(
      issuer: issuer, audience: "cadre", algorithms: algorithms, leewaySeconds: 30, lifetimeSecondsMax: lifetime)
  }

  static func keys() throws -> TokenKeySet { TokenKeySet([try #require(TokenKey(secret: secret, id: "h1"))]) }

  static func published() throws -> TokenKeySet {
    try #require(TokenKeySet(parsing: Array("{\"keys\":[\(TokenFixtures.rsaKey),\(TokenFixtures.ecKey)]}".utf8)))
  }

  static func encode(_ text: String) -> String { Base64.encode(Array(text.utf8), .url, pads: false) }

  /// A token signed with the shared secret.
  static func sign(_ claims: String, header: String = #"{"alg":"HS256","kid":"h1"}"#) -> String {
    let signed = "\(encode(header)).\(encode(claims))"
    return "\(signed).\(Base64.encode(Digest.hmacSHA256(Array(signed.utf8), key: secret), .url, pads: false))"
  }

  static func verify(
    _ text: String, _ rules: TokenRules = rules(), _ keys: TokenKeySet? = nil, at now: Int64 = now
  ) throws -> TokenClaims {
    try TokenVerifier.verify(try SignedToken(text), by: rules, with: try keys ?? self.keys(), unixSeconds: now)
  }

  static func error(_ body: () throws -> Any) -> TokenError? {
    do {
      _ = try body()
      return nil
    } catch { return error as? TokenError }
  }

  static let good = #""iss":"https://issuer.example","aud":"cadre","sub":"ann","exp":2000000000"#

  @Test func `tokens of another implementation are believed, each by its own key`() throws {
    for (token, algorithm) in [(TokenFixtures.rs256, TokenAlgorithm.rs256), (TokenFixtures.es256, .es256)] {
      let claims = try Self.verify(token, Self.rules([algorithm]), Self.published())
      #expect(claims.subject == "ann" && claims.expiresAt == 2_000_000_000 && claims.audienceCount == 1)
      #expect(claims.strings("roles") == ["dev", "cadre-admin"] && claims.string("tenant") == "t")
    }
    #expect(try Self.verify(TokenFixtures.hs256).subject == "ann")
  }

  @Test func `one changed letter anywhere makes a token worthless`() throws {
    let (rules, keys) = (Self.rules([.rs256, .es256]), try Self.published())
    for token in [TokenFixtures.rs256, TokenFixtures.es256] {
      let letters = Array(token.utf8)
      for place in stride(from: 0, to: letters.count, by: 7) {
        var changed = letters
        changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        let text = String(decoding: changed, as: UTF8.self)
        #expect(Self.error { try Self.verify(text, rules, keys) } != nil, "letter \(place)")
      }
      for count in stride(from: 0, to: letters.count, by: 5) {
        let text = String(decoding: letters.prefix(count), as: UTF8.self)
        #expect(Self.error { try Self.verify(text, rules, keys) } != nil, "\(count) letters")
      }
      #expect(Self.error { try Self.verify(token + "A", rules, keys) } != nil)
      #expect(Self.error { try Self.verify(token + ".", rules, keys) } == .malformed)
      #expect(Self.error { try Self.verify(token + "=", rules, keys) } == .malformed)
    }
  }

  @Test func `a public key is never taken for a shared secret`() throws {
    let keys = try Self.published()
    for token in [TokenFixtures.confusedPEM, TokenFixtures.confusedModulus] {
      #expect(Self.error { try Self.verify(token, Self.rules([.rs256]), keys) } == .algorithm)
      // Even where the configuration allows both.
      #expect(Self.error { try Self.verify(token, Self.rules([.rs256, .hs256]), keys) } == .unknownKey)
    }
    // And the key of one algorithm never verifies another.
    #expect(Self.error { try Self.verify(TokenFixtures.es256, Self.rules([.rs256]), keys) } == .algorithm)
  }

  @Test(arguments: ["none", "None", "NONE", "nOnE", "", "HS384", "RS512", "ES512", "PS256", "EdDSA", "hs256"])
  func `algorithms that are not known are refused, none above all`(_ name: String) throws {
    let signed = Self.sign("{\(Self.good)}", header: #"{"alg":"\#(name)","kid":"h1"}"#)
    let unsigned = signed.prefix { $0 != "." } + "." + signed.split(separator: ".")[1] + "."
    for text in [signed, String(unsigned)] { #expect(Self.error { try Self.verify(text) } == .algorithm) }
  }

  @Test(arguments: [
    #"{"alg":"HS256"}"#, #"{"alg":"HS256","kid":"h1","jku":"http://127.0.0.1/","x5u":"file:///etc/passwd"}"#,
    #"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"x5c":["AAAA"]}"#,
  ])
  func `addresses and keys in a header have no effect`(_ header: String) throws {
    #expect(try Self.verify(Self.sign("{\(Self.good)}", header: header)).subject == "ann")
    let other = try #require(TokenKey(secret: [UInt8](repeating: 1, count: 32), id: "h1"))
    let text = Self.sign("{\(Self.good)}", header: header)
    #expect(Self.error { try Self.verify(text, Self.rules(), TokenKeySet([other])) } == .signature)
  }

  @Test func `headers that are refused`() {
    for (header, expected) in [
      (#"{"alg":"HS256","crit":["exp"]}"#, TokenError.criticalExtension),
      (#"{"alg":"HS256","crit":[]}"#, .criticalExtension),
      (#"{"alg":"HS256","b64":false}"#, .criticalExtension), (#"{"alg":"HS256","zip":"DEF"}"#, .criticalExtension),
      (#"{"alg":"HS256","kid":1}"#, .malformed), (#"{"alg":"HS256","kid":["h1"]}"#, .malformed),
      (#"{"alg":"HS256","kid":null}"#, .malformed),
      (#"{"alg":"HS256","kid":"\#(String(repeating: "k", count: 257))"}"#, .malformed),
      (#"{"alg":"HS256","kid":"h2"}"#, .unknownKey), (#"{"alg":"HS256","kid":""}"#, .unknownKey),
      (#"{"alg":"HS256","alg":"none"}"#, .malformed), (#"{"kid":"h1"}"#, .malformed),
      (#"{"alg":["HS256"]}"#, .malformed),
      (#"["alg"]"#, .malformed), ("", .malformed), (#"{"alg":"HS256"}x"#, .malformed),
      (#"{"alg":"HS256","x":\#(String(repeating: "[", count: 60))}"#, .malformed),
    ] {
      #expect(Self.error { try Self.verify(Self.sign("{\(Self.good)}", header: header)) } == expected, "\(header)")
    }
  }

  @Test func `claims that are refused`() {
    let (issuer, audience, subject) = (#""iss":"https://issuer.example""#, #""aud":"cadre""#, #""sub":"ann""#)
    let end = #""exp":2000000000"#
    for (claims, expected) in [
      ("\(issuer),\(audience),\(subject)", TokenError.expired), ("\(Self.good),\"nbf\":1950000031", .notYetValid),
      ("\(Self.good),\"iat\":1950000031", .lifetime), ("\(issuer),\(audience),\(subject),\"exp\":1949999970", .expired),
      ("\(issuer),\(audience),\(subject),\"exp\":\"2000000000\"", .malformed),
      ("\(issuer),\(audience),\(subject),\"exp\":1e300", .malformed),
      ("\(issuer),\(audience),\(subject),\"exp\":-1", .malformed),
      ("\(issuer),\(audience),\(subject),\"exp\":null", .malformed), ("\(Self.good),\"nbf\":true", .malformed),
      ("\(issuer),\(subject),\(end)", .audience), ("\(issuer),\"aud\":\"other\",\(subject),\(end)", .audience),
      ("\(issuer),\"aud\":[\"other\",1,\"cadre\"],\(subject),\(end)", .audience),
      ("\(issuer),\"aud\":[],\(subject),\(end)", .audience),
      ("\(issuer),\"aud\":{\"cadre\":1},\(subject),\(end)", .audience),
      ("\(audience),\(subject),\(end)", .unknownIssuer),
      ("\"iss\":\"https://issuer.example/\",\(audience),\(subject),\(end)", .unknownIssuer),
      ("\"iss\":\"https://ISSUER.example\",\(audience),\(subject),\(end)", .unknownIssuer),
      ("\(issuer),\(audience),\(end)", .claims), ("\(issuer),\(audience),\"sub\":\"\",\(end)", .claims),
      ("\(issuer),\(audience),\"sub\":7,\(end)", .claims), ("\(issuer),\(audience),\"sub\":\"a\\nb\",\(end)", .claims),
      ("\(issuer),\(audience),\"sub\":\"\(String(repeating: "u", count: 256))\",\(end)", .claims),
      ("\(Self.good),\"exp\":2000000001", .malformed),
    ] {
      #expect(Self.error { try Self.verify(Self.sign("{\(claims)}")) } == expected, "\(claims)")
    }
  }

  @Test func `times are read with their leeway, fractions included`() throws {
    #expect(try Self.verify(Self.sign("{\(Self.good)}"), at: 2_000_000_029).expiresAt == 2_000_000_000)
    #expect(Self.error { try Self.verify(Self.sign("{\(Self.good)}"), at: 2_000_000_030) } == .expired)
    #expect(try Self.verify(Self.sign("{\(Self.good),\"nbf\":1950000030.9,\"iat\":1950000030}")).subject == "ann")
    let many = #"{"iss":"https://issuer.example","aud":["a","cadre"],"sub":"ann","exp":2000000000}"#
    #expect(try Self.verify(Self.sign(many)).audienceCount == 2)
  }

  @Test func `the longest lifetime is kept to, and needs the time of issue`() throws {
    let rules = Self.rules(lifetime: 3600)
    #expect(Self.error { try Self.verify(Self.sign("{\(Self.good)}"), rules) } == .lifetime)
    #expect(Self.error { try Self.verify(Self.sign("{\(Self.good),\"iat\":1940000000}"), rules) } == .lifetime)
    #expect(try Self.verify(Self.sign("{\(Self.good),\"iat\":1999996400}"), rules, at: 1_999_999_000).subject == "ann")
  }

  @Test func `large tokens are not looked into`() {
    let long = Self.sign("{\(Self.good),\"x\":\"\(String(repeating: "y", count: 8000))\"}")
    #expect(Self.error { try Self.verify(long) } == .tooLong)
    #expect(Self.error { try Self.verify(String(repeating: "eyJ.", count: 1 << 20)) } == .tooLong)
    #expect(Self.error { try Self.verify(String(repeating: ".", count: 8000)) } == .malformed)
    let deep = Self.sign(
      "{\(Self.good),\"x\":\(String(repeating: "[", count: 20))\(String(repeating: "]", count: 20))}")
    #expect(Self.error { try Self.verify(deep) } == .malformed)
  }

  @Test func `what is taken for a token`() {
    #expect(SignedToken.resembles(TokenFixtures.rs256) && SignedToken.resembles("eyJ.."))
    for other in ["", "eyJ", "cadre_a.b.c", "eyJa.b", "eyJa.b.c.d", "Bearer eyJ.."] {
      #expect(!SignedToken.resembles(other))
    }
  }
}
