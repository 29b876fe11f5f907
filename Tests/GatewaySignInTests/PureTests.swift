import Contracts
import Crypto
import HTTPWire
import Primitives
import Testing

@testable import GatewaySignIn

@Suite struct PureTests {
  private static func headers(_ cookies: String...) -> HTTPHeaders {
    var headers = HTTPHeaders()
    for cookie in cookies { headers.append(.cookie, cookie) }
    return headers
  }

  @Test func `a cookie is found by its whole name, and only once`() {
    let jar = CookieJar(isSecure: true)
    #expect(jar.session == "__Host-cadre_session")
    func find(_ cookies: String...) -> CookieJar.Found {
      var headers = HTTPHeaders()
      for cookie in cookies { headers.append(.cookie, cookie) }
      return jar.find("s", in: headers)
    }
    #expect(find("s=1") == .one("1") && find("a=0; s=1 ;t=2") == .one("1") && find("a=0", "s=1") == .one("1"))
    #expect(find() == .none && find("ss=1; S=2; as=3; x=s=1; s") == .none && find("s=") == .one(""))
    #expect(find("s=1; s=2") == .unclear && find("s=1; s=1") == .unclear && find("s=1", "s=2") == .unclear)
    #expect(find("x=\(String(repeating: "y", count: 17_000)); s=1") == .unclear)
    #expect(find(String(repeating: "a=b;", count: 3000) + "s=1") == .one("1"))
    let set = jar.set(jar.session, "v", seconds: 60)
    #expect(set == "__Host-cadre_session=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60")
    #expect(!CookieJar(isSecure: false).set("a", "v", seconds: nil).contains("Secure"))
  }

  @Test func `the token of a session says whose it is, and nothing else opens it`() throws {
    let owner = SessionOwner(tenant: .init(UUID(high: 1, low: 2)), user: .init(UUID(high: 3, low: 4)))
    let (token, other) = (SessionToken(for: owner), SessionToken(for: owner))
    let read = try #require(SessionToken(token.text))
    #expect(read == token && read.owner == owner && read.digest == token.digest && read.csrfToken == token.csrfToken)
    #expect(token != other && token.digest != other.digest && token.csrfToken != other.csrfToken)
    #expect(!token.text.contains(token.csrfToken) && !token.digest.contains(token.text))
    for text in [
      "", "a", token.text + "A", String(token.text.dropLast()), token.text.dropLast() + "=", " " + token.text,
    ] {
      #expect(SessionToken(String(text)) == nil)
    }
  }

  @Test(
    arguments: [
      ("/", "/"), ("/runs?a=b", "/runs?a=b"), (nil, "/"), ("", "/"), ("runs", "/"), ("//evil.example", "/"),
      ("/\\evil.example", "/"), ("https://evil.example", "/"), ("/a\r\nSet-Cookie: x=y", "/"), ("/a b", "/"),
      ("/é", "/"), ("/a#b", "/"), ("/" + String(repeating: "a", count: 512), "/"), ("javascript:alert(1)", "/"),
    ] as [(String?, String)])
  func `a browser is sent back to a path of ours`(_ text: String?, _ path: String) {
    #expect(PendingFederation.path(text) == path)
  }

  @Test func `the challenge is that of RFC 7636`() {
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    #expect(PendingFederation.challenge(of: verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    let pending = PendingFederation(provider: "p", browserDigest: "b", nonce: "n", verifier: "v", returnTo: "/")
    #expect(PendingFederation(pending.encoded()) == pending)
  }

  @Test func `Base32 matches the published vectors`() {
    for (text, encoded) in [
      ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"),
    ] {
      #expect(Base32.encode(Array(text.utf8)) == encoded)
    }
  }

  @Test func `recovery codes are known however they are written, and sealed for their user only`() throws {
    var secret = SecondFactorSecret.make()
    let codes = secret.makeRecoveryCodes()
    #expect(codes.count == 10 && Set(codes).count == 10 && codes.allSatisfy { $0.utf8.count == 19 })
    #expect(secret.place(of: codes[3]) == 3 && secret.place(of: codes[3].uppercased().replacing("-", with: " ")) == 3)
    #expect(secret.place(of: "") == nil && secret.place(of: String(codes[3].dropLast())) == nil)
    let owner = SessionOwner(tenant: .init(UUID(high: 1, low: 2)), user: .init(UUID(high: 3, low: 4)))
    let other = SessionOwner(tenant: owner.tenant, user: .init(UUID(high: 3, low: 5)))
    let sealer = SecretSealer(keys: [(id: [1], secret: [UInt8](repeating: 5, count: 32))])
    let sealed = try #require(secret.sealed(for: owner, by: sealer))
    #expect(SecondFactorSecret(sealed, of: owner, by: sealer) == secret)
    #expect(SecondFactorSecret(sealed, of: other, by: sealer) == nil)
    #expect(secret.sealed(for: owner, by: SecretSealer(keys: [])) == nil)
  }

  @Test func `addresses that belong together are counted together`() {
    #expect(EmailForm.normalized(" Ann@Example.COM ") == "ann@example.com")
    for text in ["", "a", "ann", "a b@c", "ann@exämple.com", "a@\n", String(repeating: "a", count: 255) + "@b"] {
      #expect(EmailForm.normalized(text) == nil)
    }
  }
}

@Suite struct RefreshStateTests {
  private static let second: UInt64 = 1_000_000_000

  @Test func `the first fetch is waited for by all, once`() {
    var state = RefreshState()
    #expect(state.ask(misses: false, at: 0) == .fetch)
    for _ in 0..<5 { #expect(state.ask(misses: false, at: 1) == .wait) }
    state.ended(isGood: true, at: Self.second)
    #expect(state.ask(misses: false, at: 2 * Self.second) == .use)
  }

  @Test func `failures are followed by pauses that double`() {
    var state = RefreshState()
    var (now, tries): (UInt64, [UInt64]) = (0, [])
    while now < 200 * Self.second {
      if state.ask(misses: false, at: now) == .fetch {
        tries.append(now / Self.second)
        state.ended(isGood: false, at: now)
      }
      now += Self.second
    }
    #expect(tries == [0, 1, 3, 7, 15, 31, 63, 123, 183])
  }

  @Test func `unknown keys cause one fetch in each pause, whatever is sent`() {
    var state = RefreshState()
    _ = state.ask(misses: false, at: 0)
    state.ended(isGood: true, at: 0)
    var fetches = 0
    for step in 0..<1000 {
      let now = UInt64(step) * Self.second / 10
      if state.ask(misses: true, at: now) == .fetch {
        fetches += 1
        state.ended(isGood: true, at: now)
      }
    }
    #expect(fetches == 3)
  }

  @Test func `what is old is used while it is fetched again, and what is too old is not`() {
    var state = RefreshState()
    _ = state.ask(misses: false, at: 0)
    state.ended(isGood: true, at: 0)
    #expect(state.ask(misses: false, at: 599 * Self.second) == .use)
    #expect(state.ask(misses: false, at: 600 * Self.second) == .useAndFetch)
    #expect(state.ask(misses: false, at: 600 * Self.second) == .use)
    state.ended(isGood: false, at: 601 * Self.second)
    #expect(state.ask(misses: false, at: 700 * Self.second) == .useAndFetch)
    state.ended(isGood: false, at: 701 * Self.second)
    #expect(state.isUsable(at: 14_399 * Self.second) && !state.isUsable(at: 14_400 * Self.second))
    #expect(state.ask(misses: false, at: 14_400 * Self.second) == .fetch)
    state.ended(isGood: false, at: 14_401 * Self.second)
    #expect(state.ask(misses: false, at: 14_401 * Self.second) == .fail)
  }
}
