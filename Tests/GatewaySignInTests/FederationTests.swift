import Contracts
import GatewayAccounts
import Glibc
import HTTP
import HTTPWire
import JSON
import LocalStack
import Primitives
import Reactor
import RedisTestKit
import Testing

@testable import GatewaySignIn

/// Providers in Python: the environment is made by `make setup`.
enum PythonProvider {
  static let folder = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
  static let python = folder + "/.build/oidc/bin/python"
  static let isThere = access(python, X_OK) == 0

  /// Runs `body` with a provider that listens at a port.
  static func run(_ words: (Int) -> [String], _ body: (Int) async throws -> Void) async throws {
    let port = LoopbackPort.free()
    let pid = try spawn([python, "-B"] + words(port))
    defer {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }
    for _ in 0..<4000 {
      if canConnect(port) { break }
      usleep(20_000)
    }
    try await body(port)
  }

  private static func canConnect(_ port: Int) -> Bool {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(fd) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}

@Suite(.enabled(if: PythonProvider.isThere, "no Python environment: make setup"), .serialized)
struct FederationTests {
  private static let secret = "a secret: of clients"

  private static func file(_ issuers: [(name: String, issuer: String)], secret: String = secret) -> String {
    let entries = issuers.map {
      """
          - name: \($0.name)
            issuer: \($0.issuer)
            client_id: "a client"
            tenant: \(FakeAccounts.tenant(1))
            \($0.name == "public" ? "scopes: [openid, email]" : "client_secret: \"\(secret)\"")
      """
    }
    return "sign_in:\n  providers:\n" + entries.joined(separator: "\n") + "\n"
  }

  /// Runs `body` with a gateway that browsers see where it listens.
  private static func gateway(
    _ file: String, resolver: any HostResolver = SystemResolver(),
    _ body: @escaping @Sendable (SignInFixture) async throws -> Void
  ) async throws {
    let port = LoopbackPort.free()
    try await SignInFixture.run(
      file: file, settings: [("sign_in.url", "http://127.0.0.1:\(port)")], port: port, resolver: resolver,
      body)
  }

  private static func location(_ answer: Answer) throws -> String { try #require(answer.headers[.location]) }

  /// Sends a browser to a provider that signs in at once, and returns the way back.
  private static func visit(_ browser: Browser, _ name: String, returnTo: String = "/runs") async throws -> String {
    let start = try await browser.send(.get, "/auth/v1/oidc/\(name)/start?return_to=\(returnTo)")
    #expect(start.status == 303, "\(start.text)")
    // The provider gets no cookies of ours.
    return try location(try await browser.fixture.send(.get, try location(start)))
  }

  @Test func `a user signs in at a real provider`() async throws {
    let user = #"{"sub":"1","email":"ann@example.com","email_verified":true}"#
    let stranger = #"{"sub":"2","email":"eve@example.com","email_verified":true}"#
    let words = [
      "-m", "oidc_provider_mock", "--user-claims", user, "--user-claims", stranger, "--require-nonce", "true",
    ]
    try await PythonProvider.run {
      words + ["--port", "\($0)"]
    } _: { port async throws in
      try await Self.gateway(Self.file([("mock", "http://127.0.0.1:\(port)")])) { gateway async throws in
        let id = gateway.accounts.add("ann@example.com")
        func signIn(_ sub: String) async throws -> (Browser, Answer) {
          let browser = gateway.browser()
          let start = try await browser.send(.get, "/auth/v1/oidc/mock/start?return_to=/runs")
          let form = [("content-type", "application/x-www-form-urlencoded")]
          let consent = try await gateway.client.send(
            HTTPClientRequest(
              .post, try HTTPURL(try Self.location(start)), headers: HTTPHeaders(form),
              body: .bytes(Array("sub=\(sub)".utf8))), peer: "test")
          _ = try await consent.body.collect(upTo: 1 << 20)
          return (browser, try await browser.send(.get, try #require(consent.headers[.location])))
        }
        let (browser, back) = try await signIn("1")
        #expect(back.status == 303 && back.headers[.location] == "/runs", "\(back.text)")
        #expect(try await browser.send(.get, "/api/v1/tasks")["subject"] == "\(id)")
        let session = try await browser.send(.get, "/auth/v1/session").root?["session"]
        #expect(session?["method"]?.string == "oidc:mock")
        let (other, refused) = try await signIn("2")
        #expect(refused.code == "provider_sign_in_failed" && other.session == nil)
      }
    }
  }

  private static func hostile(
    _ names: [String], resolver: any HostResolver = SystemResolver(),
    _ body: @escaping @Sendable (SignInFixture) async throws -> Void
  ) async throws {
    let script = PythonProvider.folder + "/Tests/GatewaySignInTests/hostile_provider.py"
    try await PythonProvider.run {
      [script, "\($0)"]
    } _: { port async throws in
      try await gateway(file(names.map { (name: $0, issuer: "http://127.0.0.1:\(port)/\($0)") }), resolver: resolver) {
        gateway async throws in
        gateway.accounts.add("ann@example.com")
        try await body(gateway)
      }
    }
  }

  @Test func `what a provider answers is believed only when all of it is right`() async throws {
    let good = ["good", "es256", "public", "named"]
    let refused = [
      "none", "hs256", "forged", "audience", "audiences", "azp", "expired", "nonce", "issuer", "unverified", "textual",
      "nobody", "email", "misnamed", "unnamed", "denied",
    ]
    let failing = ["failing", "huge", "tokenless"]
    let unusable = ["imposter", "broken", "endless", "redirected"]
    try await Self.hostile(good + refused + failing + unusable) { gateway async throws in
      for name in good {
        let browser = gateway.browser()
        let back = try await browser.send(.get, try await Self.visit(browser, name))
        #expect(back.status == 303 && back.headers[.location] == "/runs", "\(name): \(back.text)")
        #expect(back.headers[.referrerPolicy] == "no-referrer" && back.headers[.cacheControl] == "no-store")
        #expect(try await browser.isSignedIn(), "\(name)")
        #expect(browser.cookies["cadre_oidc"] == nil)
      }
      for (names, code) in [(refused, "provider_sign_in_failed"), (failing, "identity_provider_unavailable")] {
        for name in names {
          let browser = gateway.browser()
          let back = try await browser.send(.get, try await Self.visit(browser, name))
          #expect(back.code == code && browser.session == nil, "\(name): \(back.text)")
        }
      }
      for name in unusable {
        let start = try await gateway.browser().send(.get, "/auth/v1/oidc/\(name)/start")
        #expect(start.status == 502 && start.code == "identity_provider_unavailable", "\(name)")
      }
      #expect(try await gateway.browser().send(.get, "/auth/v1/oidc/other/start").code == "identity_provider_not_found")
    }
  }

  @Test func `where a discovery document leads is looked up once, and never asked when nobody may ask there`()
    async throws
  {
    // Looked up again, a name leads where nobody may ask.
    let resolver = NamesForTests([
      "other.test": [["127.0.0.1"], ["127.0.0.1"], ["169.254.169.254"]],
      "metadata.test": [["127.0.0.1", "169.254.169.254"]],
    ])
    try await Self.hostile(["moved", "reaching", "looking"], resolver: resolver) { gateway async throws in
      let browser = gateway.browser()
      let back = try await browser.send(.get, try await Self.visit(browser, "moved"))
      #expect(back.status == 303 && back.headers[.location] == "/runs", "\(back.text)")
      #expect(resolver.lookUps == ["other.test", "other.test"], "once for the code, once for the keys")
      for name in ["reaching", "looking"] {
        let browser = gateway.browser()
        let back = try await browser.send(.get, try await Self.visit(browser, name))
        #expect(back.status == 502 && back.code == "identity_provider_unavailable", "\(name): \(back.text)")
        #expect(browser.session == nil)
      }
    }
  }

  @Test func `the way back is good once, in the browser that went, at the provider it went to`() async throws {
    try await Self.hostile(["good", "public"]) { gateway async throws in
      let (victim, attacker) = (gateway.browser(), gateway.browser())
      // The attacker's own way back, in the browser of the victim.
      let planted = try await Self.visit(attacker, "good")
      #expect(try await victim.send(.get, planted).code == "provider_sign_in_failed")
      #expect(victim.session == nil)
      _ = try await victim.send(.get, "/auth/v1/oidc/good/start")
      let second = try await Self.visit(attacker, "good")
      #expect(try await victim.send(.get, second).code == "provider_sign_in_failed")
      // At another provider.
      let third = try await Self.visit(attacker, "good")
      #expect(try await attacker.send(.get, third.replacing("/oidc/good/", with: "/oidc/public/")).status == 401)
      // With parts that are changed, missing or twice there; each try uses its sign-in up.
      for change in ["state=x", "code=x", "state=", "code=", "state=\(String(repeating: "A", count: 43))"] {
        let way = try await Self.visit(attacker, "good")
        let query = way.split(separator: "?")[1].split(separator: "&").filter { !$0.hasPrefix(change.prefix(5)) }
        let parts = (query + [Substring(change)]).joined(separator: "&")
        #expect(try await attacker.send(.get, "/auth/v1/oidc/good/callback?\(parts)").status == 401, "\(change)")
      }
      let doubled = try await Self.visit(attacker, "good")
      #expect(try await attacker.send(.get, doubled + "&code=x").status == 401)
      #expect(try await attacker.send(.get, "/auth/v1/oidc/good/callback").status == 401)
      #expect(try await attacker.send(.get, "/auth/v1/oidc/good/callback?%00").status == 400)
      // Once.
      let good = try await Self.visit(attacker, "good", returnTo: "//evil.example")
      let cookies = attacker.cookies
      let back = try await attacker.send(.get, good)
      #expect(back.status == 303 && back.headers[.location] == "/")
      attacker.cookies = cookies
      #expect(try await attacker.send(.get, good).status == 401)
    }
  }

  @Test func `the second factor is asked for after a provider, too`() async throws {
    try await Self.hostile(["good"]) { gateway async throws in
      let browser = gateway.browser()
      let user = try #require(try await gateway.accounts.accounts(email: "ann@example.com", in: nil).first).user.id
      let secret = SecondFactorSecret(secret: [UInt8](repeating: 1, count: 20), recoveryDigests: [])
      let owner = SessionOwner(tenant: FakeAccounts.tenant(1), user: user)
      let sealed = try #require(secret.sealed(for: owner, by: gateway.service.parts.sealer))
      _ = try await gateway.accounts.setSecondFactor(owner.tenant, user, sealed)
      #expect(try await browser.send(.get, try await Self.visit(browser, "good")).status == 303)
      #expect(try await browser.send(.get, "/auth/v1/session").code == "second_factor_required")
      let done = try await SecondFactorTests.second(browser, code: SecondFactorTests.code(gateway, secret.secret))
      #expect(done["state"] == "full")
    }
  }
}

extension HTTPHeaders {
  fileprivate init(_ fields: [(String, String)]) {
    self.init()
    for (name, value) in fields { append(name, value) }
  }
}
