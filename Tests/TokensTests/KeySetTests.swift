import Crypto
import Testing
import TokensTestKit

@testable import Tokens

@Suite struct KeySetTests {
  private static func set(_ keys: String...) -> TokenKeySet? {
    TokenKeySet(parsing: Array("{\"keys\":[\(keys.joined(separator: ","))]}".utf8))
  }

  private static func with(_ member: String, _ key: String) -> String { "{\(member)," + key.dropFirst() }

  @Test func `keys for other uses, of other kinds or too weak are left out`() {
    let (rsa, ec) = (TokenFixtures.rsaKey, TokenFixtures.ecKey)
    #expect(Self.set(rsa, ec)?.keys.map(\.algorithm) == [.rs256, .es256])
    // With their own reason each; a set of none is no set.
    for key in [
      #"{"kty":"oct","k":"c3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3M"}"#, TokenFixtures.shortKey, "null", "[]", "7",
      "{}",
      #"{"kty":"RSA"}"#, #"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, #"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#,
      Self.with(#""alg":"RS512""#, rsa), Self.with(#""alg":"HS256""#, rsa), Self.with(#""alg":"RS256""#, ec),
      Self.with(#""use":"enc""#, ec), Self.with(#""key_ops":["sign"]"#, ec), Self.with(#""key_ops":"verify""#, ec),
      ec.replacing("P-256", with: "P-384"), ec.replacing("\"e1\"", with: "1"),
      ec.replacing(#""x":""#, with: #""x":"A"#),
      // A point that is not on the curve.
      #"{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}"#,
      // An even exponent, and 1.
      rsa.replacing(#""e":"AQAB""#, with: #""e":"AQAA""#), rsa.replacing(#""e":"AQAB""#, with: #""e":"AQ""#),
    ] {
      #expect(Self.set(key) == nil, "\(key)")
      #expect(Self.set(key, rsa)?.keys.count == 1)
    }
  }

  @Test func `documents that are no key set`() {
    let many = Array(repeating: TokenFixtures.ecKey, count: 101).joined(separator: ",")
    for text in ["", "null", "[]", "{}", #"{"keys":{}}"#, #"{"keys":[]}"#, "<html>", "{\"keys\":[\(many)]}"] {
      #expect(TokenKeySet(parsing: Array(text.utf8)) == nil)
    }
    let large = "{\"keys\":[\(TokenFixtures.ecKey)],\"x\":\"\(String(repeating: "y", count: 256 << 10))\"}"
    #expect(TokenKeySet(parsing: Array(large.utf8)) == nil)
  }

  @Test func `a token without the name of a key needs the only key of its algorithm`() throws {
    let claims = "{\(TokenTests.good)}"
    let token = try SignedToken(TokenTests.sign(claims, header: #"{"alg":"HS256"}"#))
    let (first, second) = (TokenKey(secret: TokenTests.secret, id: "a"), TokenKey(secret: TokenTests.secret, id: "b"))
    #expect(TokenKeySet([first].compactMap { $0 }).hasKey(for: token))
    #expect(!TokenKeySet([first, second].compactMap { $0 }).hasKey(for: token))
    #expect(TokenKey(secret: Array(TokenTests.secret.dropLast())) == nil)
  }
}
