import Contracts
import Crypto
import GatewayRequests
import HTTP
import HTTPWire
import JSON
import Primitives
import Redis
import RedisTestKit
import SystemSources
import Telemetry
import Testing

@testable import GatewayAccounts
@testable import GatewaySignIn

@Suite struct SessionTests {
  @Test func `a browser signs in, is known, and signs out`() async throws {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user(role: .admin)
      let browser = gateway.browser()
      let answer = try await browser.signIn("  \(user.email.uppercased()) ")
      #expect(answer.status == 200 && answer["state"] == "full", "\(answer.text)")
      #expect(answer.headers[.cacheControl] == "no-store" && answer.headers[.cacheControl] == "no-store")
      let cookie = try #require(answer.headers.values(of: .setCookie).first { $0.hasPrefix("cadre_session=") })
      #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"))
      #expect(!answer.text.contains(browser.session ?? "?") && !answer.text.contains("scrypt"))

      let seen = try await browser.send(.get, "/api/v1/tasks")
      #expect(
        seen["subject"] == "\(user.id)" && seen["role"] == "admin" && seen["tenant"] == "\(FakeAccounts.tenant(1))")
      #expect(seen["grants"] == "read,write,models,approve,admin" && seen["credential"]?.hasPrefix("session_") == true)
      let own = try await browser.send(.get, "/auth/v1/session")
      #expect(own.status == 200 && own["csrf_token"] == browser.csrfToken && own["tenant"] == seen["tenant"])
      #expect(gateway.accounts.signIns == 1)

      let before = browser.cookies
      #expect(try await browser.send(.post, "/auth/v1/sign-out").status == 204)
      #expect(browser.session == nil)
      browser.cookies = before
      let after = try await browser.send(.get, "/api/v1/tasks")
      #expect(after.status == 401 && after.code == "session_invalid" && browser.session == nil)
    }
  }

  @Test func `wrong passwords, unknown users and users without a password look the same`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (known, without) = (gateway.user(), gateway.user(hash: nil))
      var answers: Set<String> = []
      for (email, password) in [
        (known.email, "wrong password"), ("nobody-\(known.email)", SignInFixture.password),
        (without.email, SignInFixture.password), (without.email, ""), ("no address", "x"), (known.email, "x y"),
      ] where !password.isEmpty {
        let answer = try await gateway.browser().signIn(email, password)
        #expect(answer.status == 401 && answer.headers.values(of: .setCookie).isEmpty)
        answers.insert("\(answer.code) \(answer["detail"] ?? "")")
      }
      #expect(answers.count == 1)
      // All of them cost the same work.
      let hashed = gateway.registry.text.split(separator: "\n").first {
        $0.hasPrefix("cadre_gateway_password_hash_seconds_count{outcome=\"checked\"}")
      }
      #expect(hashed?.hasSuffix(" 4") == true, "\(hashed ?? "none")")
    }
  }

  @Test func `an address of two tenants is the older user's, and the other one names the tenant`() async throws {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      let other = gateway.accounts.add(user.email, tenant: FakeAccounts.tenant(2), passwordHash: SignInFixture.hash)
      let older = gateway.browser()
      #expect(try await older.signIn(user.email).status == 200)
      #expect(try await older.send(.get, "/api/v1/tasks")["subject"] == min("\(user.id)", "\(other)"))
      let browser = gateway.browser()
      #expect(try await browser.signIn(user.email, tenant: FakeAccounts.tenant(2)).status == 200)
      #expect(try await browser.send(.get, "/api/v1/tasks")["subject"] == "\(other)")
    }
  }

  @Test func `a change needs the token of the page, and a page of this origin`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (ann, bob) = (gateway.browser(), gateway.browser())
      try await ann.signIn(gateway.user().email)
      try await bob.signIn(gateway.user().email)
      func post(_ headers: [(String, String)], showsToken: Bool = true) async throws -> String {
        let answer = try await ann.send(.post, "/api/v1/tasks", "{}", headers: headers, showsToken: showsToken)
        return answer.status == 200 ? "ok" : answer.code
      }
      let own = "http://127.0.0.1:\(gateway.port)"
      #expect(try await post([]) == "ok")
      #expect(try await post([("origin", own), ("sec-fetch-site", "same-origin")]) == "ok")
      for token in ["", "x", bob.csrfToken ?? "", String((ann.csrfToken ?? "").dropLast())] {
        #expect(try await post([("x-csrf-token", token)], showsToken: false) == "csrf_refused")
      }
      #expect(try await post([], showsToken: false) == "csrf_refused")
      #expect(try await post([("x-csrf-token", ann.csrfToken ?? "")]) == "csrf_refused", "shown twice")
      for origin in [
        "null", "https://evil.example", own + ".evil.example", own + "/", "http://127.0.0.1", "", "file://",
      ] {
        #expect(try await post([("origin", origin)]) == "cross_origin_refused", "\(origin)")
      }
      #expect(try await post([("origin", own), ("origin", "https://evil.example")]) == "cross_origin_refused")
      for site in ["cross-site", "same-site", "none", ""] {
        #expect(try await post([("sec-fetch-site", site)]) == "cross_origin_refused", "\(site)")
      }
      // Reading needs neither; a connection that stays open does.
      #expect(try await ann.send(.get, "/api/v1/tasks", headers: [("origin", "https://evil.example")]).status == 200)
      let socket = [("upgrade", "websocket"), ("connection", "upgrade")]
      let foreign = try await ann.send(.get, "/api/v1/tasks", headers: socket + [("origin", "https://evil.example")])
      #expect(foreign.code == "cross_origin_refused")
      #expect(try await ann.send(.get, "/api/v1/tasks", headers: socket).code == "csrf_refused")
      #expect(try await ann.send(.get, "/api/v1/tasks", headers: socket + [("origin", own)]).status == 200)
      // Nobody is signed in or out by a page of another origin either.
      for path in ["/auth/v1/sign-in", "/auth/v1/sign-out", "/auth/v1/second-factor"] {
        let answer = try await ann.send(.post, path, "{}", headers: [("origin", "https://evil.example")])
        #expect(answer.code == "cross_origin_refused", "\(path)")
      }
      #expect(try await ann.send(.post, "/auth/v1/sign-out", showsToken: false).code == "csrf_refused")
      #expect(try await ann.isSignedIn())
    }
  }

  @Test func `with an https origin cookies are Secure and bound to the host, and only that origin counts`() async throws
  {
    try await SignInFixture.run(settings: [("sign_in.url", "https://Cadre.example:8443")]) { gateway async throws in
      let browser = gateway.browser()
      let answer = try await browser.signIn(gateway.user().email)
      let cookie = try #require(answer.headers.values(of: .setCookie).first)
      #expect(cookie.hasPrefix("__Host-cadre_session=") && cookie.contains("; Secure"))
      func post(_ origin: String) async throws -> Int {
        try await browser.send(.post, "/api/v1/tasks", "{}", headers: [("origin", origin)]).status
      }
      #expect(try await post("https://cadre.example:8443") == 200)
      #expect(try await post("http://127.0.0.1:\(gateway.port)") == 403)
      #expect(try await post("https://cadre.example") == 403)
    }
  }

  @Test func `a session that was planted before the sign-in is worth nothing after it`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (attacker, victim) = (gateway.browser(), gateway.browser())
      try await attacker.signIn(gateway.user().email)
      victim.cookies = attacker.cookies
      let planted = try #require(victim.session)
      try await victim.signIn(gateway.user().email)
      #expect(victim.session != planted)
      #expect(try await victim.isSignedIn())
      // What the browser had before has ended.
      #expect(try await attacker.isSignedIn() == false)
      // A value that nobody gave out is no session, whoever it names.
      victim.cookies["cadre_session"] = SessionToken(for: try #require(SessionToken(victim.session ?? "")).owner).text
      #expect(try await victim.isSignedIn() == false)
    }
  }

  @Test func `cookies that are none, twice there or huge let nobody in`() async throws {
    try await SignInFixture.run { gateway async throws in
      let browser = gateway.browser()
      try await browser.signIn(gateway.user().email)
      let token = try #require(browser.session)
      func get(_ cookies: String...) async throws -> Int {
        try await gateway.send(.get, "/api/v1/tasks", headers: cookies.map { ("cookie", $0) }).status
      }
      #expect(try await get("cadre_session=\(token)") == 200)
      #expect(try await get("cadre_session=\(token); cadre_session=\(token)") == 400)
      #expect(try await get("cadre_session=x", "cadre_session=\(token)") == 400)
      #expect(try await get("x=\(String(repeating: "y", count: 20_000)); cadre_session=\(token)") >= 400)
      for value in ["", "x", token + "A", String(token.reversed()), String(repeating: "A", count: 86), "{}:*"] {
        #expect(try await get("cadre_session=\(value)") == 401, "\(value.prefix(20))")
      }
      // A key or token beside the cookie is what counts.
      let both = try await gateway.send(
        .get, "/api/v1/tasks", headers: [("cookie", "cadre_session=\(token)"), ("authorization", "Bearer wrong")])
      #expect(both.status == 401 && both.code == "unauthorized")
    }
  }

  @Test func `sessions of a user are listed, ended one by one, and all at once`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (user, other) = (gateway.user(), gateway.user())
      let browsers = (0..<3).map { _ in gateway.browser(address: "192.0.2.7") }
      for browser in browsers { try await browser.signIn(user.email) }
      let stranger = gateway.browser()
      try await stranger.signIn(other.email)
      let strangersID = try #require(try await stranger.send(.get, "/auth/v1/session").root?["session"]?["id"]?.string)

      let list = try await browsers[0].send(.get, "/auth/v1/sessions")
      let sessions = Array(try #require(list.root?["sessions"]).elements)
      #expect(sessions.count == 3 && sessions.filter { $0["is_current"]?.bool == true }.count == 1)
      #expect(sessions.allSatisfy { $0["address"]?.string == "192.0.2.7" && $0["method"]?.string == "password" })
      for browser in browsers { #expect(!list.text.contains(browser.session ?? "?")) }

      let id = try #require(try await browsers[1].send(.get, "/auth/v1/session").root?["session"]?["id"]?.string)
      #expect(try await browsers[0].send(.delete, "/auth/v1/sessions/\(strangersID)").status == 404)
      #expect(try await browsers[0].send(.delete, "/auth/v1/sessions/session_x").status == 404)
      #expect(try await browsers[0].send(.delete, "/auth/v1/sessions/\(id)").status == 204)
      #expect(try await browsers[1].isSignedIn() == false)
      #expect(try await browsers[2].isSignedIn())
      #expect(try await browsers[0].send(.post, "/auth/v1/sign-out", #"{"everywhere":true}"#).status == 204)
      #expect(try await browsers[2].isSignedIn() == false)
      #expect(try await stranger.isSignedIn())
      #expect(try await stranger.send(.delete, "/auth/v1/sessions").status == 204)
      #expect(try await stranger.isSignedIn() == false)
    }
  }

  @Test func `a session ends with its user, its password and its tenant, and has the role of now`() async throws {
    try await SignInFixture.run { gateway async throws in
      func signedIn() async throws -> (UserID, Browser) {
        let (user, browser) = (gateway.user(), gateway.browser())
        try await browser.signIn(user.email)
        #expect(try await browser.isSignedIn())
        return (user.id, browser)
      }
      let (removed, first) = try await signedIn()
      gateway.accounts.change(removed) { _ in nil }
      #expect(try await first.isSignedIn() == false)
      let (reset, second) = try await signedIn()
      _ = try await gateway.accounts.setPasswordHash(FakeAccounts.tenant(1), reset, "another", replacing: nil)
      #expect(try await second.isSignedIn() == false)
      let (suspended, third) = try await signedIn()
      gateway.accounts.change(suspended) {
        Account(
          user: $0.user, passwordHash: $0.passwordHash, sealedSecondFactor: nil, tenantState: .suspended)
      }
      #expect(try await third.send(.get, "/api/v1/tasks").status == 403)
      #expect(try await gateway.browser().signIn(gateway.user(tenantState: .suspended).email).status == 403)
    }
  }

  @Test func `sessions end when they are idle, and when their time is over`() async throws {
    let settings = [("sign_in.session_idle_ms", "60000"), ("sign_in.session_lifetime_ms", "120000")]
    try await SignInFixture.run(settings: settings) { gateway async throws in
      let (idle, old, kept) = (gateway.browser(), gateway.browser(), gateway.browser())
      for browser in [idle, old, kept] { try await browser.signIn(gateway.user().email) }
      // Redis keeps the time; what it has noted is moved back instead of waiting.
      try await gateway.age(idle, seen: -61_000)
      try await gateway.age(old, created: -121_000)
      try await gateway.age(kept, created: -80_000, seen: -40_000)
      #expect(try await idle.isSignedIn() == false)
      #expect(try await old.isSignedIn() == false)
      #expect(try await kept.isSignedIn())
      // It was used just now.
      try await gateway.age(kept, seen: -40_000)
      #expect(try await kept.isSignedIn())
    }
  }

  @Test func `a stream that is read does not keep a session alive`() async throws {
    try await SignInFixture.run(settings: [("sign_in.session_idle_ms", "60000")]) { gateway async throws in
      for isUse in [false, true] {
        let browser = gateway.browser()
        try await browser.signIn(gateway.user().email)
        let token = try #require(SessionToken(browser.session ?? ""))
        try await gateway.age(browser, seen: -40_000)
        let before = try #require(await gateway.service.store.find(token, isUse: isUse))
        let after = try #require(await gateway.service.store.find(token, isUse: false))
        #expect((after.seenAt > before.seenAt) == isUse)
      }
    }
  }

  @Test func `a user has a bounded number of sessions`() async throws {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      let first = gateway.browser()
      try await first.signIn(user.email)
      try await gateway.age(first, seen: -5000)
      for _ in 0..<SessionStore.sessionsPerUserMax { try await gateway.browser().signIn(user.email) }
      #expect(try await first.isSignedIn() == false)
      let last = gateway.browser()
      try await last.signIn(user.email)
      let list = try await last.send(.get, "/auth/v1/sessions").root?["sessions"]
      #expect(list?.count == SessionStore.sessionsPerUserMax)
    }
  }

  @Test func `Redis has no token, no password and no name, and the tenant in every key of a user`() async throws {
    let server = try SocketRedis()
    try await SignInFixture.run(redisURL: server.url) { gateway async throws in
      let user = gateway.user()
      let browser = gateway.browser(address: "192.0.2.1")
      try await browser.signIn(user.email)
      try await gateway.browser(address: "192.0.2.2").signIn(user.email, "wrong wrong wrong")
      let keys = try await gateway.redis.send(["KEYS", "*"]).requireArray().compactMap(\.text)
      #expect(keys.count >= 4)
      for key in keys where key.contains(":session:") || key.contains(":device:") {
        #expect(key.contains("{\(FakeAccounts.tenant(1)):\(user.id)}"))
      }
      for key in keys {
        let type = try await gateway.redis.send(["TYPE", .string(key)]).text
        let value =
          type == "hash"
          ? try await gateway.redis.send(["HGETALL", .string(key)]).requireArray().compactMap(\.text)
          : [try await gateway.redis.send(["GET", .string(key)]).text ?? ""]
        #expect(try await gateway.redis.send(["PTTL", .string(key)]).requireInteger() > 0, "\(key) stays for ever")
        for text in [key] + value {
          for secret in [browser.session, browser.csrfToken, browser.cookies["cadre_device"], user.email] {
            #expect(!text.contains(try #require(secret)), "\(key)")
          }
        }
      }
    }
  }

  @Test func `without Redis or accounts no cookie is believed`() async throws {
    let server = try SocketRedis()
    try await SignInFixture.run(redisURL: server.url) { gateway async throws in
      let (user, browser) = (gateway.user(), gateway.browser())
      try await browser.signIn(user.email)
      gateway.accounts.setAway(true)
      #expect(try await browser.send(.get, "/api/v1/tasks").status == 503)
      #expect(try await gateway.browser().signIn(user.email).code == "sign_in_unavailable")
      gateway.accounts.setAway(false)
      #expect(try await browser.isSignedIn())
      server.stop()
      #expect(try await browser.send(.get, "/api/v1/tasks").code == "sign_in_unavailable")
      #expect(try await gateway.browser().signIn(user.email).code == "sign_in_unavailable")
      // Others do not depend on it.
      #expect(try await gateway.send(.get, "/api/v1/tasks").code == "unauthorized")
    }
  }
}

extension SignInFixture {
  /// Moves what Redis has noted of a browser's session back, by milliseconds.
  func age(_ browser: Browser, created: Int64 = 0, seen: Int64 = 0) async throws {
    let token = try #require(SessionToken(browser.session ?? ""))
    let script = RedisScript(
      """
      local s = cjson.decode(redis.call('HGET', KEYS[1], ARGV[1]))
      s.created = s.created + ARGV[2]
      local t = redis.call('TIME')
      redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(s), 's' .. ARGV[1],
        string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[3]))
      return 1
      """)
    _ = try await redis.evaluate(
      script, keys: ["cadre:session:\(token.owner.tag)"],
      arguments: [.string(token.digest), .integer(created), .integer(seen)])
  }
}

extension MetricsRegistry {
  var text: String { String(decoding: render(.prometheusText), as: UTF8.self) }
}
