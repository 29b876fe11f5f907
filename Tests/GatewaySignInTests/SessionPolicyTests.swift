import GatewayRequests
import HTTPWire
import JSON
import Primitives
import Synchronization
import Testing

@testable import GatewayAccounts
@testable import GatewaySignIn

/// What policies say of sessions is done.
@Suite struct SessionPolicyTests {
  /// As policies of a tenant, by step, until the test says otherwise.
  private final class Policy: SessionDeciding {
    private let state = Mutex<(rule: @Sendable (SessionQuestion) -> SessionDecision, asked: [SessionQuestion])>(
      ({ _ in .allowed }, []))

    init(_ rule: @escaping @Sendable (SessionQuestion) -> SessionDecision) { set(rule) }
    func set(_ rule: @escaping @Sendable (SessionQuestion) -> SessionDecision) { state.withLock { $0.rule = rule } }
    var asked: [SessionQuestion] { state.withLock { $0.asked } }

    func decide(_ question: SessionQuestion) async -> SessionDecision {
      state.withLock { state in
        state.asked.append(question)
        return state.rule(question)
      }
    }

    /// As `second_factor_from` of a tenant for all of its roles.
    static func demanding(_ question: SessionQuestion) -> SessionDecision {
      if question.hasSecondFactor { return .allowed }
      return question.step == .signIn ? .needsSecondFactor : .denied("The session lacks the second factor.")
    }
  }

  @Test func `a way to sign in that the tenant does not allow leads to no session`() async throws {
    let policy = Policy { $0.step == .signIn && $0.method == "password" ? .denied("Use the provider.") : .allowed }
    try await SignInFixture.run(policy: policy) { gateway async throws in
      let user = gateway.user(role: .admin)
      let browser = gateway.browser()
      let answer = try await browser.signIn(user.email)
      #expect(answer.status == 403 && answer.code == "access_denied" && answer["detail"] == "Use the provider.")
      #expect(browser.session == nil && gateway.accounts.signIns == 0)
      let asked = try #require(policy.asked.first)
      #expect(asked.user == user.id && asked.role == .admin && asked.tenant == FakeAccounts.tenant(1))
      // Who is not let in anyway does not learn what the policies say.
      #expect(try await browser.signIn(user.email, "wrong password").code == "sign_in_failed")
      #expect(policy.asked.count == 1)
    }
  }

  @Test func `while nobody can decide nobody signs in, and no session ends`() async throws {
    let policy = Policy { _ in .allowed }
    try await SignInFixture.run(policy: policy) { gateway async throws in
      let user = gateway.user(role: .admin)
      let browser = gateway.browser()
      #expect(try await browser.signIn(user.email).status == 200)
      policy.set { _ in .undecided }
      let other = gateway.browser()
      let refused = try await other.signIn(user.email)
      #expect(refused.status == 503 && refused.code == "policy_unavailable" && other.session == nil)
      let used = try await browser.send(.get, "/api/v1/tasks")
      #expect(used.status == 503 && used.code == "policy_unavailable", "\(used.text)")
      policy.set { _ in .allowed }
      #expect(try await browser.send(.get, "/auth/v1/session")["state"] == "full")
    }
  }

  @Test func `who needs a second factor and has none adds one before anything else`() async throws {
    let policy = Policy(Policy.demanding)
    try await SignInFixture.run(policy: policy) { gateway async throws in
      let user = gateway.user()
      let browser = gateway.browser()
      let begun = try await browser.signIn(user.email)
      #expect(begun.status == 200 && begun["state"] == "enrolment", "\(begun.text)")
      for (method, path) in [
        (HTTPMethod.get, "/api/v1/tasks"), (.get, "/auth/v1/sessions"), (.delete, "/auth/v1/sessions"),
        (.post, "/auth/v1/password"), (.post, "/auth/v1/totp/remove"),
      ] {
        let answer = try await browser.send(method, path)
        #expect(answer.status == 401 && answer.code == "second_factor_enrolment_required", "\(path)")
      }
      #expect(try await browser.send(.get, "/auth/v1/session")["state"] == "enrolment")
      let pending = try #require(browser.session)
      let added = try await browser.send(.post, "/auth/v1/totp", "{}")
      #expect(added.status == 201, "\(added.text)")
      let secret = SecondFactorTests.decode(try #require(added["secret"]))
      let code = SecondFactorTests.code(gateway, secret)
      let done = try await browser.send(.post, "/auth/v1/totp/confirm", #"{"code":"\#(code)"}"#)
      #expect(done.status == 200 && done["state"] == "full", "\(done.text)")
      #expect((done.root?["recovery_codes"]?.elements.compactMap(\.string) ?? []).count == 10)
      #expect(browser.session != pending)
      #expect(try await browser.isSignedIn())
      #expect(try await browser.send(.post, "/api/v1/tasks").status == 200)
      let stolen = gateway.browser()
      stolen.cookies = ["cadre_session": pending]
      #expect(try await stolen.isSignedIn() == false)
      // From now on it is asked for.
      gateway.time.advance(seconds: 30)
      let next = gateway.browser()
      #expect(try await next.signIn(user.email)["state"] == "second_factor")
      let second = try await SecondFactorTests.second(next, code: SecondFactorTests.code(gateway, secret))
      #expect(second["state"] == "full" && policy.asked.contains { $0.step == .secondFactor && $0.hasSecondFactor })
    }
  }

  @Test func `a session that the policies end may still add the second factor that they ask for`() async throws {
    let policy = Policy { _ in .allowed }
    try await SignInFixture.run(policy: policy) { gateway async throws in
      let browser = gateway.browser()
      try await browser.signIn(gateway.user().email)
      #expect(try await browser.isSignedIn())
      policy.set { $0.step == .refresh ? .needsSecondFactor : .allowed }
      #expect(try await browser.send(.get, "/api/v1/tasks").code == "session_denied", "asked for is not given")
      policy.set(Policy.demanding)
      let denied = try await browser.send(.get, "/api/v1/tasks")
      #expect(denied.status == 403 && denied.code == "session_denied")
      // The password is asked for, as always.
      #expect(try await browser.send(.post, "/auth/v1/totp", "{}").status == 422)
      let begun = try await browser.send(.post, "/auth/v1/totp", #"{"password":"\#(SignInFixture.password)"}"#)
      let code = SecondFactorTests.code(gateway, SecondFactorTests.decode(try #require(begun["secret"])))
      #expect(try await browser.send(.post, "/auth/v1/totp/confirm", #"{"code":"\#(code)"}"#).status == 200)
      #expect(try await browser.isSignedIn())
      policy.set { _ in .denied("No.") }
      for path in ["/api/v1/tasks", "/auth/v1/session"] {
        #expect(try await browser.send(.get, path).code == "session_denied")
      }
      // Everybody can leave.
      #expect(try await browser.send(.post, "/auth/v1/sign-out").status == 204)
    }
  }
}
