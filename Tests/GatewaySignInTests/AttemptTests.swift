import Contracts
import HTTP
import HTTPWire
import Primitives
import Telemetry
import Testing

@testable import GatewaySignIn

@Suite struct AttemptTests {
  @Test func `guessing is slowed down, with a time that ends`() async throws {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      let attacker = gateway.browser(address: "198.51.100.1")
      for _ in 0..<5 { #expect(try await attacker.signIn(user.email, "a wrong password").status == 401) }
      let blocked = try await attacker.signIn(user.email)
      #expect(blocked.status == 429 && blocked.code == "sign_in_blocked")
      let wait = try #require(Int(blocked.headers[.retryAfter] ?? ""))
      #expect((1...600).contains(wait))
      // Writing the address otherwise does not help, another account is another count.
      #expect(try await attacker.signIn(" \(user.email.uppercased())").status == 429)
      #expect(try await attacker.signIn(gateway.user().email).status == 200)
      // The user comes from elsewhere.
      #expect(try await gateway.browser(address: "198.51.100.2").signIn(user.email).status == 200)
    }
  }

  @Test func `an account has one count, in whatever way it is named, and nobody sees by it whether it exists`()
    async throws
  {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      let namesake = FakeAccounts.tenant(2)
      gateway.accounts.add(user.email, tenant: namesake, passwordHash: SignInFixture.hash)
      let (nowhere, elsewhere) = (FakeAccounts.tenant(9), "nobody-\(user.email)")
      for (number, email) in [user.email, elsewhere].enumerated() {
        let address = "198.51.100.\(10 + number)"
        let ways: [TenantID?] = [nil, FakeAccounts.tenant(1), namesake, nowhere]
        for way in ways + [nil] {
          let guess = try await gateway.browser(address: address).signIn(email, "a wrong password", tenant: way)
          #expect(guess.status == 401)
        }
        for way in ways {
          let answer = try await gateway.browser(address: address).signIn(email, tenant: way)
          #expect(answer.status == 429, "\(String(describing: way)) \(answer.text)")
        }
      }
      // From everywhere, too.
      for number in 0..<30 {
        let way = [nil, FakeAccounts.tenant(1), namesake][number % 3]
        _ = try await gateway.browser(address: "10.1.0.\(number)").signIn(user.email, "a wrong one", tenant: way)
      }
      for way in [nil, FakeAccounts.tenant(1), namesake] {
        #expect(try await gateway.browser(address: "10.1.1.1").signIn(user.email, tenant: way).status == 429)
      }
    }
  }

  @Test func `the password of a session and that of a sign-in have one count`() async throws {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      let home = gateway.browser(address: "203.0.113.7")
      #expect(try await home.signIn(user.email).status == 200)
      for _ in 0..<3 { #expect(try await home.signIn(user.email, "a wrong one", tenant: nil).status == 401) }
      #expect(try await home.signIn(user.email, "a wrong one", tenant: FakeAccounts.tenant(1)).status == 401)
      let body = #"{"current_password":"a wrong one","new_password":"a long new pass phrase"}"#
      #expect(try await home.send(.post, "/auth/v1/password", body).status == 401)
      #expect(try await home.send(.post, "/auth/v1/password", body).status == 429)
      #expect(try await home.signIn(user.email).status == 429)
    }
  }

  @Test func `whoever has an account of the same address elsewhere cannot have guesses forgotten by signing in`()
    async throws
  {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      let (victim, own) = (FakeAccounts.tenant(1), FakeAccounts.tenant(2))
      gateway.accounts.add(user.email, tenant: own, passwordHash: SignInFixture.hash)
      // With a browser that is known there, and with fresh ones.
      let known = gateway.browser(address: "198.51.100.20")
      #expect(try await known.signIn(user.email, tenant: own).status == 200)
      for number in 0..<5 {
        let browser = number % 2 == 0 ? known : gateway.browser(address: "198.51.100.20")
        #expect(try await browser.signIn(user.email, "a wrong one", tenant: victim).status == 401)
        #expect(try await browser.signIn(user.email, tenant: own).status == 200)
      }
      #expect(try await gateway.browser(address: "198.51.100.20").signIn(user.email, tenant: victim).status == 429)
      // The browser that is known there is not slowed down there.
      #expect(try await known.signIn(user.email, tenant: own).status == 200)
      #expect(try await known.signIn(user.email, tenant: victim).status == 429)
    }
  }

  @Test func `a right password ends the pause of its address, and nothing else is forgotten`() async throws {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      let address = "198.51.100.30"
      for _ in 0..<4 {
        #expect(try await gateway.browser(address: address).signIn(user.email, "a wrong one").status == 401)
      }
      // Each is the fifth, after which a pause would begin.
      for _ in 0..<3 { #expect(try await gateway.browser(address: address).signIn(user.email).status == 200) }
      #expect(try await gateway.browser(address: address).signIn(user.email, "a wrong one").status == 401)
      #expect(try await gateway.browser(address: address).signIn(user.email).status == 429)
    }
  }

  @Test func `an address that only looks like another is none`() async throws {
    try await SignInFixture.run { gateway async throws in
      gateway.accounts.add("kiss@example.com", passwordHash: SignInFixture.hash)
      let browser = gateway.browser(address: "198.51.100.40")
      let lookalikes = [
        "\u{212A}iss@example.com", "k\u{131}ss@example.com", "\u{FF4B}iss@example.com", "kiss\u{FF20}example.com",
        "kiss@example.com\u{A0}", "ki\u{17F}\u{17F}@example.com", "kiss@example.com\u{200B}", "\\tkiss@example.com",
        "kiss@example.com\\n", "kiss@example\u{3002}com",
      ]
      for text in lookalikes {
        #expect(try await browser.signIn(text).status == 401, "\(text)")
      }
      #expect(try await browser.signIn("  KISS@Example.COM ").status == 200)
    }
  }

  @Test func `many attempts at once gain nothing`() async throws {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<40 {
          group.addTask { try await gateway.browser(address: "198.51.100.1").signIn(user.email, "a wrong one").status }
        }
        return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
      }
      #expect(statuses[401] == 5 && statuses[429] == 35, "\(statuses)")
    }
  }

  @Test func `strangers from everywhere cannot keep a user out of a known browser`() async throws {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      let home = gateway.browser(address: "203.0.113.1")
      #expect(try await home.signIn(user.email).status == 200)
      #expect(home.cookies["cadre_device"] != nil)
      #expect(try await home.send(.post, "/auth/v1/sign-out").status == 204)
      var statuses: [Int] = []
      for number in 0..<34 {
        statuses.append(try await gateway.browser(address: "10.0.0.\(number)").signIn(user.email, "a wrong one").status)
      }
      #expect(statuses.contains(429))
      #expect(try await gateway.browser(address: "10.0.1.1").signIn(user.email).status == 429)
      #expect(try await home.signIn(user.email).status == 200)
      // Its cookie is good for nothing else, and a made-up one for nothing at all.
      let other = gateway.browser(address: "10.0.1.2")
      other.cookies = ["cadre_device": String(repeating: "A", count: 43)]
      #expect(try await other.signIn(user.email).status == 429)
      // A known browser is slowed down for itself.
      for _ in 0..<5 { #expect(try await home.signIn(user.email, "a wrong password").status == 401) }
      #expect(try await home.signIn(user.email).status == 429)
    }
  }

  @Test func `an address that tries many accounts is slowed down`() async throws {
    try await SignInFixture.run { gateway async throws in
      var last = 0
      for number in 0..<102 {
        last = try await gateway.browser(address: "198.51.100.77").signIn("user\(number)@example.org", "a wrong one")
          .status
      }
      #expect(last == 429)
      #expect(try await gateway.browser(address: "198.51.100.78").signIn("user1@example.org", "x y z").status == 401)
    }
  }

  @Test func `right passwords count as nothing`() async throws {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      for _ in 0..<40 {
        let answer = try await gateway.browser(address: "198.51.100.5").signIn(user.email)
        #expect(answer.status == 200)
      }
    }
  }

  @Test func `passwords are hashed in a bounded queue`() async throws {
    let metrics = SignInMetrics(.init())
    let checker = PasswordChecker(threads: 1, cost: SignInFixture.cheap, queuedMax: 0, metrics: metrics)
    await #expect { _ = try await checker.check("x", against: nil) } throws: {
      ($0 as? Problem)?.status == .serviceUnavailable
    }
    let working = PasswordChecker(threads: 1, cost: SignInFixture.cheap, metrics: metrics)
    let hash = try await working.hash("a long enough password")
    #expect(try await working.check("a long enough password", against: hash) == .right(isOutdated: false))
    #expect(try await working.check("a long enough passwore", against: hash) == .wrong)
    // Every checker has something to compare an unknown user's password with, whatever is random in it.
    for _ in 0..<100 {
      let checker = PasswordChecker(threads: 1, cost: SignInFixture.cheap, metrics: SignInMetrics(.init()))
      #expect(try await checker.check("", against: nil) == .wrong)
    }
    for refused in [
      "", "short", "aaaaaaaaaaaaaaaa", "abababababababab", String(repeating: "abcd", count: 300), "abcdefghijk\0l",
    ] {
      await #expect(throws: Problem.self) { _ = try await working.hash(refused) }
    }
    let dearer = try #require(PasswordHashCost.dearer)
    let next = PasswordChecker(threads: 1, cost: dearer, metrics: metrics)
    #expect(try await next.check("a long enough password", against: hash) == .right(isOutdated: true))
  }
}
