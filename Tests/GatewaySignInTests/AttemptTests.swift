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
