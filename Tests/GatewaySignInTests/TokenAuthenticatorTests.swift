import Contracts
import Crypto
import GatewayRequests
import HTTP
import HTTPWire
import Primitives
import Reactor
import RedisTestKit
import Synchronization
import Telemetry
import Testing
import TokensTestKit

@testable import GatewaySignIn

/// An issuer whose keys a test decides on.
final class FakeIssuer: Sendable {
  struct State {
    var keys: [String] = []
    var fetches = 0
    var isAway = false
  }

  let state = Mutex(State())

  var fetches: Int { state.withLock { $0.fetches } }
  func publish(_ keys: String...) { state.withLock { $0.keys = keys } }
  func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }

  /// Serves the keys at a port of its own while `body` runs.
  func run(_ body: @escaping @Sendable (Int) async throws -> Void) async throws {
    let group = EventLoopGroup(count: 1)
    var router = Router()
    router.on(.get, "/keys", nil) { [self] _ in
      state.withLock { state in
        state.fetches += 1
        if state.isAway { return HTTPResponse.text(.serviceUnavailable, "away") }
        return HTTPResponse.json(.ok, Array("{\"keys\":[\(state.keys.joined(separator: ","))]}".utf8))
      }
    }
    let server = HTTPServer(
      group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)), router: router,
      telemetry: .disabled())
    let port = try await server.start()
    let result: Result<Void, any Error>
    do { result = .success(try await body(port)) } catch { result = .failure(error) }
    await server.stop(grace: .milliseconds(100))
    group.stop()
    try result.get()
  }
}

@Suite struct TokenAuthenticatorTests {
  private static func file(_ port: Int, secret: String) -> String {
    """
    identity:
      issuers:
        - name: published
          issuer: https://issuer.example
          audience: cadre
          algorithms: [RS256, ES256]
          jwks_url: http://127.0.0.1:\(port)/keys
          tenant: \(FakeAccounts.tenant(1))
          role_claim: roles
          roles: {cadre-admin: admin, dev: member}
        - name: shared
          issuer: internal
          audience: cadre
          algorithms: [HS256]
          secret_file: \(secret)
          tenant_claim: org
          default_role: viewer
          role_claim: role
          roles: {boss: owner}
          scope_claim: scope
    """
  }

  private static let secret = String(repeating: "k", count: 40)

  private static func run(
    _ issuer: FakeIssuer = FakeIssuer(), rules: RefreshState.Rules = RefreshState.Rules(),
    _ body: @escaping @Sendable (SignInFixture) async throws -> Void
  ) async throws {
    let folder = TestFolder()
    let path = folder.path + "/secret"
    try write(secret, to: path)
    try await issuer.run { port async throws in
      try await SignInFixture.run(file: file(port, secret: path), rules: rules) { gateway in
        // Within the time of the fixtures.
        gateway.time.advance(seconds: 1_950_000_000 - gateway.time.unixSeconds)
        try await body(gateway)
      }
    }
    _ = folder
  }

  private static func sign(_ claims: String, header: String = #"{"alg":"HS256"}"#) -> String {
    let parts = [header, claims].map { Base64.encode(Array($0.utf8), .url, pads: false) }.joined(separator: ".")
    let mac = Digest.hmacSHA256(Array(parts.utf8), key: Array(secret.utf8))
    return "\(parts).\(Base64.encode(mac, .url, pads: false))"
  }

  private static func claims(_ more: String = "", tenant: TenantID = FakeAccounts.tenant(2)) -> String {
    #"{"iss":"internal","aud":"cadre","sub":"bot","exp":4000000000,"org":"\#(tenant)"\#(more)}"#
  }

  private static func get(_ gateway: SignInFixture, _ token: String, _ more: [(String, String)] = []) async throws
    -> Answer
  {
    try await gateway.send(.get, "/api/v1/tasks", headers: [("authorization", "Bearer \(token)")] + more)
  }

  @Test func `claims become a tenant, a role and grants, by the configuration`() async throws {
    let issuer = FakeIssuer()
    issuer.publish(TokenFixtures.rsaKey, TokenFixtures.ecKey)
    try await Self.run(issuer) { gateway async throws in
      for token in [TokenFixtures.rs256, TokenFixtures.es256] {
        let answer = try await Self.get(gateway, token)
        #expect(answer["subject"] == "token:published:ann" && answer["role"] == "admin", "\(answer.text)")
        #expect(answer["credential"] == "token:published" && answer["tenant"] == "\(FakeAccounts.tenant(1))")
      }
      func identity(_ claims: String) async throws -> String {
        let answer = try await Self.get(gateway, Self.sign(claims))
        return "\(answer["role"] ?? answer.code) \(answer["grants"] ?? "")"
      }
      #expect(try await identity(Self.claims()) == "viewer ")
      #expect(try await identity(Self.claims(#","scope":"read operator admin nonsense""#)) == "viewer read")
      #expect(
        try await identity(Self.claims(#","role":["x","boss"],"scope":["read","write","operator"]"#))
          == "owner read,write")
      #expect(try await identity(Self.claims(tenant: FakeAccounts.tenant(3))) == "access_denied ")
      #expect(try await identity(Self.claims().replacing("org", with: "orgs")) == "token_invalid ")
      // A token needs no CSRF token and no cookie.
      let writing = #","role":["boss"],"scope":["read","write"]"#
      let post = try await gateway.send(
        .post, "/api/v1/tasks", "{}", headers: [("authorization", "bearer \(Self.sign(Self.claims(writing)))")])
      #expect(post.status == 200)
      #expect(
        try await gateway.send(.get, "/auth/v1/session", headers: [("authorization", "Bearer \(TokenFixtures.rs256)")])
          .code == "session_required")
      #expect(issuer.fetches == 1)
    }
  }

  @Test func `forged, foreign and malformed tokens are refused, and nothing is fetched for them`() async throws {
    let issuer = FakeIssuer()
    issuer.publish(TokenFixtures.rsaKey)
    try await Self.run(issuer) { gateway async throws in
      let good = Self.sign(Self.claims())
      #expect(try await Self.get(gateway, good).status == 200)
      let header = #"{"alg":"HS256","jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/"}"#
      #expect(try await Self.get(gateway, Self.sign(Self.claims(), header: header)).status == 200)
      for (token, reason) in [
        (good + "A", "signature"), (good + "AA", "malformed"), (String(good.dropLast(3)), "signature"),
        (String(good.dropLast(43)), "signature"),
        (Self.sign(Self.claims(), header: #"{"alg":"none"}"#), "algorithm"),
        (Self.sign(Self.claims(), header: #"{"alg":"RS256"}"#), "algorithm"),
        (Self.sign(Self.claims().replacing("internal", with: "https://issuer.example")), "algorithm"),
        (Self.sign(Self.claims().replacing("internal", with: "https://evil.example")), "unknown_issuer"),
        (Self.sign(Self.claims().replacing("\"cadre\"", with: "\"other\"")), "audience"),
        (Self.sign(Self.claims().replacing("4000000000", with: "1")), "expired"),
        (Self.sign(Self.claims(#","nbf":3999999999"#)), "not_yet_valid"),
        (Self.sign(Self.claims(#","sub":"x""#)), "malformed"), ("eyJ..", "malformed"),
        (Self.sign(Self.claims(#","x":"\#(String(repeating: "y", count: 8000))""#)), "too_long"),
      ] {
        let answer = try await Self.get(gateway, token)
        #expect(answer.status == 401 && answer.code == "token_invalid", "\(reason): \(answer.text)")
        #expect(answer["detail"]?.contains("(\(reason))") == true, "\(reason): \(answer.text)")
        #expect(answer.headers[.wwwAuthenticate]?.contains("invalid_token") == true)
      }
      #expect(issuer.fetches == 0)
      let twice = try await Self.get(gateway, good, [("authorization", "Bearer \(good)")])
      #expect(twice.status == 400 && twice.code == "too_many_credentials")
      #expect(try await Self.get(gateway, good, [("x-api-key", "k")]).status == 400)
      // What is no token is left to others.
      #expect(try await Self.get(gateway, "cadre_abc").code == "unauthorized")
    }
  }

  @Test func `a key that is new is fetched, and one that is unknown does not cause a flood`() async throws {
    let issuer = FakeIssuer()
    issuer.publish(TokenFixtures.ecKey)
    var rules = RefreshState.Rules()
    rules.missPauseNanoseconds = 0
    try await Self.run(issuer, rules: rules) { gateway async throws in
      #expect(try await Self.get(gateway, TokenFixtures.es256).status == 200)
      #expect(try await Self.get(gateway, TokenFixtures.rs256).status == 401)
      issuer.publish(TokenFixtures.rsaKey)
      #expect(try await Self.get(gateway, TokenFixtures.rs256).status == 200)
    }
    try await Self.run(issuer) { gateway async throws in
      let before = issuer.fetches
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<50 { group.addTask { try await Self.get(gateway, TokenFixtures.es256).status } }
        for try await status in group { #expect(status == 401) }
      }
      #expect((1...2).contains(issuer.fetches - before))
    }
  }

  @Test func `while the issuer is away its keys go on, and without keys nobody is let in`() async throws {
    let issuer = FakeIssuer()
    issuer.publish(TokenFixtures.rsaKey, TokenFixtures.ecKey)
    var rules = RefreshState.Rules()
    rules.freshNanoseconds = 0
    try await Self.run(issuer, rules: rules) { gateway async throws in
      #expect(try await Self.get(gateway, TokenFixtures.rs256).status == 200)
      issuer.setAway(true)
      for _ in 0..<5 { #expect(try await Self.get(gateway, TokenFixtures.es256).status == 200) }
    }
    try await Self.run(issuer) { gateway async throws in
      let answer = try await Self.get(gateway, TokenFixtures.rs256)
      #expect(answer.status == 503 && answer.code == "token_keys_unavailable")
      #expect(try await Self.get(gateway, Self.sign(Self.claims())).status == 200)
    }
  }

  @Test func `a verified token is believed until it expires, and no longer`() async throws {
    try await Self.run { gateway async throws in
      let ends = gateway.time.unixSeconds + 20
      let token = Self.sign(Self.claims().replacing("4000000000", with: "\(ends)"))
      for _ in 0..<3 { #expect(try await Self.get(gateway, token).status == 200) }
      #expect(gateway.registry.text.contains("cadre_gateway_token_checks_total{outcome=\"ok\"} 1\n"))
      // The leeway is for clocks that differ.
      gateway.time.advance(seconds: 21)
      #expect(try await Self.get(gateway, token).status == 200)
      gateway.time.advance(seconds: 30)
      #expect(try await Self.get(gateway, token).status == 401)
    }
  }

  @Test(arguments: [
    ("algorithms: [RS256, ES256]", "algorithms: [HS256]"), ("algorithms: [RS256, ES256]", "algorithms: [RS256, HS256]"),
    ("algorithms: [RS256, ES256]", "algorithms: [none]"), ("algorithms: [RS256, ES256]", "algorithms: []"),
    ("jwks_url: http", "jwks_url: file"), ("tenant: tenant_", "tenant: tenant-"),
    ("role_claim: roles", "rolle_claim: roles"),
    ("roles: {cadre-admin: admin", "roles: {cadre-admin: root"), ("issuer: internal", "issuer: https://issuer.example"),
    ("tenant_claim: org", "tenant_claim: org\n      tenant: \(FakeAccounts.tenant(1))"),
  ])
  func `settings that would be unsafe are refused at the start`(_ text: String, _ instead: String) async throws {
    let folder = TestFolder()
    let path = folder.path + "/secret"
    try write(Self.secret, to: path)
    let file = Self.file(1, secret: path)
    #expect(file.contains(text))
    await #expect(throws: (any Error).self) {
      try await SignInFixture.run(file: file.replacing(text, with: instead)) { _ in }
    }
    _ = folder
  }
}
