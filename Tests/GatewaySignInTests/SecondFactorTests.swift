import Contracts
import Crypto
import GatewayAccounts
import GatewayRequests
import HTTP
import HTTPWire
import JSON
import Primitives
import Testing

@testable import GatewaySignIn

enum PasswordHashCost {
  static let dearer = PasswordHash.Cost(logRounds: 5, blockSize: 8, parallelism: 1)
}

@Suite struct SecondFactorTests {
  /// Letters of Base32 as bytes.
  static func decode(_ text: String) -> [UInt8] {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
    var (word, bits, bytes): (UInt32, UInt32, [UInt8]) = (0, 0, [])
    for letter in text.utf8 {
      word = (word << 5 | UInt32(letters.firstIndex(of: letter) ?? 0)) & 0xFFFF
      bits += 5
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> bits))
      }
    }
    return bytes
  }

  /// A user with a second factor, whose secret and recovery codes are known.
  static func enrolled(
    _ gateway: SignInFixture
  ) async throws -> (email: String, browser: Browser, secret: [UInt8], codes: [String]) {
    let user = gateway.user()
    let browser = gateway.browser()
    try await browser.signIn(user.email)
    let begun = try await browser.send(.post, "/auth/v1/totp", #"{"password":"\#(SignInFixture.password)"}"#)
    #expect(begun.status == 201, "\(begun.text)")
    let secret = decode(try #require(begun["secret"]))
    #expect(begun["uri"]?.contains("secret=\(begun["secret"] ?? "?")") == true)
    let wrong = try await browser.send(.post, "/auth/v1/totp/confirm", #"{"code":"000000"}"#)
    #expect(wrong.status == 422 && wrong.code == "second_factor_failed")
    let confirmed = try await browser.send(.post, "/auth/v1/totp/confirm", #"{"code":"\#(code(gateway, secret))"}"#)
    #expect(confirmed.status == 200, "\(confirmed.text)")
    let codes = confirmed.root?["recovery_codes"]?.elements.compactMap(\.string) ?? []
    #expect(codes.count == 10)
    // The code of the enrolment is used up.
    gateway.time.advance(seconds: 30)
    return (user.email, browser, secret, codes)
  }

  static func code(_ gateway: SignInFixture, _ secret: [UInt8]) -> String {
    OneTimeCode.code(secret: secret, period: gateway.time.unixSeconds / 30)
  }

  static func second(_ browser: Browser, code: String) async throws -> Answer {
    try await browser.send(.post, "/auth/v1/second-factor", #"{"code":"\#(code)"}"#)
  }

  @Test func `a sign-in waits for the second factor, and its session is another one then`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (email, _, secret, _) = try await Self.enrolled(gateway)
      let browser = gateway.browser()
      let first = try await browser.signIn(email)
      #expect(first.status == 200 && first["state"] == "second_factor" && first["csrf_token"] == nil)
      let pending = try #require(browser.session)
      // It is good for nothing else.
      for path in ["/api/v1/tasks", "/auth/v1/session", "/auth/v1/sessions"] {
        #expect(try await browser.send(.get, path).code == "second_factor_required", "\(path)")
      }
      #expect(try await Self.second(browser, code: "000000").code == "second_factor_failed")
      let done = try await Self.second(browser, code: Self.code(gateway, secret))
      #expect(done["state"] == "full" && browser.session != pending, "\(done.text)")
      #expect(try await browser.isSignedIn())
      let stolen = gateway.browser()
      stolen.cookies = ["cadre_session": pending]
      #expect(try await stolen.isSignedIn() == false)
      stolen.cookies = ["cadre_session": pending]
      gateway.time.advance(seconds: 30)
      #expect(try await Self.second(stolen, code: Self.code(gateway, secret)).code == "session_invalid")
    }
  }

  @Test func `a code is good once, on every replica`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (email, _, secret, _) = try await Self.enrolled(gateway)
      let code = Self.code(gateway, secret)
      let browsers = (0..<4).map { _ in gateway.browser() }
      for browser in browsers { try await browser.signIn(email) }
      let right = try await withThrowingTaskGroup(of: Bool.self) { group in
        for browser in browsers { group.addTask { try await Self.second(browser, code: code).status == 200 } }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(right == 1)
      // An older one that would still be within the drift is not good either.
      let older = OneTimeCode.code(secret: secret, period: gateway.time.unixSeconds / 30 - 1)
      let late = gateway.browser()
      try await late.signIn(email)
      #expect(try await Self.second(late, code: older).status == 401)
    }
  }

  @Test func `a recovery code is good once`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (email, _, _, codes) = try await Self.enrolled(gateway)
      func use(_ code: String) async throws -> Int {
        let browser = gateway.browser()
        try await browser.signIn(email)
        return try await browser.send(.post, "/auth/v1/second-factor", #"{"recovery_code":"\#(code)"}"#).status
      }
      #expect(try await use(codes[0]) == 200)
      #expect(try await use(codes[0]) == 401)
      #expect(try await use(codes[1].uppercased()) == 200)
      #expect(try await use("aaaa-bbbb-cccc-dddd") == 401)
    }
  }

  /// What is stored of the second factor of a user.
  static func stored(_ gateway: SignInFixture, _ email: String) async throws -> (SecondFactorSecret?, SessionOwner) {
    let account = try #require(try await gateway.accounts.accounts(email: email, in: nil).first)
    let owner = SessionOwner(tenant: account.user.tenant, user: account.user.id)
    return (
      account.sealedSecondFactor.flatMap { SecondFactorSecret($0, of: owner, by: gateway.service.parts.sealer) }, owner
    )
  }

  @Test func `recovery codes that are used at the same moment are both used up`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (email, _, _, codes) = try await Self.enrolled(gateway)
      let (first, second) = (gateway.browser(), gateway.browser())
      try await first.signIn(email)
      try await second.signIn(email)
      gateway.accounts.beforeReplacement {
        let other = try await second.send(.post, "/auth/v1/second-factor", #"{"recovery_code":"\#(codes[1])"}"#)
        #expect(other.status == 200, "\(other.text)")
      }
      let answer = try await first.send(.post, "/auth/v1/second-factor", #"{"recovery_code":"\#(codes[0])"}"#)
      #expect(answer.status == 200, "\(answer.text)")
      let left = try #require(try await Self.stored(gateway, email).0)
      #expect(left.recoveryDigests.count == 8)
      #expect(left.place(of: codes[0]) == nil && left.place(of: codes[1]) == nil && left.place(of: codes[2]) != nil)
    }
  }

  @Test func `an app that is replaced while a recovery code is used does not come back`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (email, _, _, codes) = try await Self.enrolled(gateway)
      let browser = gateway.browser()
      try await browser.signIn(email)
      let owner = try await Self.stored(gateway, email).1
      let fresh = SecondFactorSecret.make()
      let sealed = try #require(fresh.sealed(for: owner, by: gateway.service.parts.sealer))
      gateway.accounts.beforeReplacement {
        _ = try await gateway.accounts.setSecondFactor(owner.tenant, owner.user, sealed)
      }
      let answer = try await browser.send(.post, "/auth/v1/second-factor", #"{"recovery_code":"\#(codes[0])"}"#)
      #expect(answer.code == "second_factor_failed", "\(answer.text)")
      #expect(try await Self.stored(gateway, email).0 == fresh)
    }
  }

  @Test func `of two enrolments at the same moment the first stays`() async throws {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      let browser = gateway.browser()
      try await browser.signIn(user.email)
      let begun = try await browser.send(.post, "/auth/v1/totp", #"{"password":"\#(SignInFixture.password)"}"#)
      let secret = Self.decode(try #require(begun["secret"]))
      let owner = try await Self.stored(gateway, user.email).1
      let first = SecondFactorSecret.make()
      let sealed = try #require(first.sealed(for: owner, by: gateway.service.parts.sealer))
      gateway.accounts.beforeReplacement {
        _ = try await gateway.accounts.setSecondFactor(owner.tenant, owner.user, sealed)
      }
      let code = Self.code(gateway, secret)
      let late = try await browser.send(.post, "/auth/v1/totp/confirm", #"{"code":"\#(code)"}"#)
      #expect(late.code == "second_factor_exists", "\(late.text)")
      #expect(try await Self.stored(gateway, user.email).0 == first)
    }
  }

  @Test func `second factors come under the newest key, and open without the old one`() async throws {
    try await SignInFixture.run { gateway async throws in
      let path = "/operator/v1/second-factors/rotation"
      let old = SecretSealer(keys: [SignInFixture.oldKey])
      let lost = SecretSealer(keys: [(id: [9], secret: [UInt8](repeating: 9, count: 32))])
      // More than one part, users without a second factor, one whose key is gone, one that is current.
      var users: [(UserID, SecondFactorSecret)] = []
      for number in 0..<103 {
        let user = gateway.user(tenant: FakeAccounts.tenant(UInt64(1 + number % 3)))
        let owner = SessionOwner(tenant: FakeAccounts.tenant(UInt64(1 + number % 3)), user: user.id)
        let secret = SecondFactorSecret.make()
        let sealed = try #require(secret.sealed(for: owner, by: number == 7 ? lost : old))
        #expect(try await gateway.accounts.setSecondFactor(owner.tenant, owner.user, sealed))
        if number != 7 { users.append((user.id, secret)) }
      }
      _ = gateway.user()
      _ = try await Self.enrolled(gateway)

      let browser = gateway.browser()
      try await browser.signIn(gateway.user(role: .owner, isOperator: true).email)
      let first = try await browser.send(.post, path)
      #expect(first.status == 200 && first.root?["examined"]?.int == 100, "\(first.text)")
      let cursor = try #require(first["next_cursor"])
      let second = try await browser.send(.post, "\(path)?cursor=\(cursor)")
      #expect(second.root?["examined"]?.int == 4 && second["next_cursor"] == nil, "\(second.text)")
      func sum(_ name: String) -> Int64 { (first.root?[name]?.int ?? 0) + (second.root?[name]?.int ?? 0) }
      #expect(sum("resealed") == 102 && sum("unreadable") == 1)
      for (user, secret) in users {
        let account = try #require(gateway.accounts[user])
        let owner = SessionOwner(tenant: account.user.tenant, user: user)
        let current = SecretSealer(keys: [(id: [1], secret: [UInt8](repeating: 5, count: 32))])
        #expect(SecondFactorSecret(account.sealedSecondFactor ?? [], of: owner, by: current) == secret)
      }
      // It is done.
      let again = try await browser.send(.post, path)
      #expect(again.root?["resealed"]?.int == 0)
      #expect(try await browser.send(.post, "\(path)?cursor=x").status == 400)
      let plain = gateway.browser()
      try await plain.signIn(gateway.user(role: .owner).email)
      #expect(try await plain.send(.post, path).status == 403)
    }
  }

  @Test func `codes cannot be guessed`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (email, _, secret, _) = try await Self.enrolled(gateway)
      let browser = gateway.browser(address: "198.51.100.9")
      try await browser.signIn(email)
      var statuses: [Int] = []
      for _ in 0..<8 { statuses.append(try await Self.second(browser, code: "000000").status) }
      #expect(statuses == [401, 401, 401, 401, 401, 429, 429, 429])
      #expect(try await Self.second(browser, code: Self.code(gateway, secret)).status == 429)
    }
  }

  @Test func `codes of an app and recovery codes have one count, from one address and from everywhere`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (email, home, secret, codes) = try await Self.enrolled(gateway)
      func guess(_ browser: Browser, _ number: Int) async throws -> Int {
        let body = number % 2 == 0 ? #"{"code":"000000"}"# : #"{"recovery_code":"aaaa-bbbb-cccc-dddd"}"#
        return try await browser.send(.post, "/auth/v1/second-factor", body).status
      }
      var statuses: [Int] = []
      for number in 0..<11 {
        let browser = gateway.browser(address: "198.51.100.\(number / 4)")
        try await browser.signIn(email, tenant: number % 3 == 0 ? FakeAccounts.tenant(1) : nil)
        statuses.append(try await guess(browser, number))
      }
      // The enrolment has had a wrong one too.
      #expect(statuses == [Int](repeating: 401, count: 9) + [429, 429], "\(statuses)")
      let browser = gateway.browser(address: "198.51.100.99")
      try await browser.signIn(email)
      #expect(try await Self.second(browser, code: Self.code(gateway, secret)).status == 429)
      #expect(
        try await browser.send(.post, "/auth/v1/second-factor", #"{"recovery_code":"\#(codes[0])"}"#).status == 429)
      let removal = #"{"password":"\#(SignInFixture.password)","code":"\#(Self.code(gateway, secret))"}"#
      #expect(try await home.send(.post, "/auth/v1/totp/remove", removal).status == 429)
    }
  }

  @Test func `the second factor is removed with password and code, and all else ends`() async throws {
    try await SignInFixture.run { gateway async throws in
      let (email, browser, secret, _) = try await Self.enrolled(gateway)
      let other = gateway.browser()
      try await other.signIn(email)
      #expect(try await Self.second(other, code: Self.code(gateway, secret)).status == 200)
      gateway.time.advance(seconds: 30)
      func remove(_ password: String, _ code: String) async throws -> Answer {
        try await browser.send(.post, "/auth/v1/totp/remove", #"{"password":"\#(password)","code":"\#(code)"}"#)
      }
      #expect(try await remove("a wrong password", Self.code(gateway, secret)).code == "sign_in_failed")
      #expect(try await remove(SignInFixture.password, "000000").code == "second_factor_failed")
      let again = try await browser.send(.post, "/auth/v1/totp", #"{"password":"\#(SignInFixture.password)"}"#)
      #expect(again.code == "second_factor_exists")
      #expect(try await remove(SignInFixture.password, Self.code(gateway, secret)).status == 200)
      #expect(try await browser.isSignedIn())
      #expect(try await other.isSignedIn() == false)
      #expect(try await gateway.browser().signIn(email)["state"] == "full")
      #expect(try await remove(SignInFixture.password, "000000").code == "second_factor_missing")
    }
  }

  @Test func `a changed password ends all other sessions, and is asked for the next time`() async throws {
    try await SignInFixture.run { gateway async throws in
      let user = gateway.user()
      let (browser, other) = (gateway.browser(), gateway.browser())
      try await browser.signIn(user.email)
      try await other.signIn(user.email)
      let before = try #require(browser.session)
      func change(_ old: String, _ new: String) async throws -> Answer {
        try await browser.send(
          .post, "/auth/v1/password", #"{"current_password":"\#(old)","new_password":"\#(new)"}"#)
      }
      #expect(try await change("a wrong password", "another long password").status == 401)
      for refused in ["short", SignInFixture.password, user.email, "aaaaaaaaaaaaaaaa"] {
        #expect(try await change(SignInFixture.password, refused).code == "password_refused", "\(refused)")
      }
      #expect(try await change(SignInFixture.password, "another long password").status == 200)
      #expect(browser.session != before)
      #expect(try await browser.isSignedIn())
      #expect(try await other.isSignedIn() == false)
      #expect(try await gateway.browser().signIn(user.email).status == 401)
      #expect(try await gateway.browser().signIn(user.email, "another long password").status == 200)
    }
  }

  @Test func `a password of an older cost is hashed anew at the sign-in`() async throws {
    try await SignInFixture.run { gateway async throws in
      let dearer = try #require(PasswordHashCost.dearer)
      let old = PasswordHash.make(
        Array(SignInFixture.password.utf8), salt: [UInt8](repeating: 9, count: 16), cost: dearer)
      let user = gateway.user(hash: try #require(old?.text))
      let browser = gateway.browser()
      try await browser.signIn(user.email)
      let new = try #require(gateway.accounts[user.id]?.passwordHash.flatMap { PasswordHash($0) })
      #expect(new.cost == SignInFixture.cheap)
      #expect(try await browser.isSignedIn())
      #expect(try await gateway.browser().signIn(user.email).status == 200)
    }
  }

  @Test func `bodies that are not what is expected are refused`() async throws {
    try await SignInFixture.run { gateway async throws in
      let browser = gateway.browser()
      let user = gateway.user()
      for body in [
        "", "{", "[]", "null", "{}", #"{"email":1,"password":"x"}"#, #"{"email":"a@b","password":["x"]}"#,
        #"{"email":"a@b","password":"x","extra":1}"#, #"{"email":"a@b","password":"x","tenant":"x"}"#,
        #"{"email":"a@b","password":"x","password":"y"}"#, #"{"email":"a@b","password":"\u0000"}"#,
        "{\"email\":\"a@b\",\"password\":\"\(String(repeating: "p", count: 2000))\"}",
      ] {
        let status = try await browser.send(.post, "/auth/v1/sign-in", body).status
        #expect([400, 422].contains(status), "\(body.prefix(60)): \(status)")
      }
      let long = "{\"email\":\"a@b\",\"password\":\"\(String(repeating: "p", count: 20_000))\"}"
      #expect(try await browser.send(.post, "/auth/v1/sign-in", long).status == 413)
      let form = try await gateway.send(
        .post, "/auth/v1/sign-in", nil, headers: [("content-type", "text/plain")])
      #expect([400, 415].contains(form.status))
      #expect(try await browser.signIn(user.email).status == 200)
      #expect(
        try await browser.send(.post, "/auth/v1/totp/confirm", #"{"code":"123456"}"#).code == "second_factor_missing")
    }
  }
}
