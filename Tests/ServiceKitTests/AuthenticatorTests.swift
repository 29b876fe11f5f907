import Contracts
import HTTP
import HTTPWire
import Primitives
import ServiceKit
import Testing

@Suite struct AuthenticatorTests {
  private static let now = Timestamp(unixMicroseconds: 1_800_000_000_000_000)
  private static let tenant = TenantID(UUID(high: 0x7000, low: 0x8000_0000_0000_0001))

  private let gateway: SigningKeys
  private let steps: SigningKeys
  private let authenticator: Authenticator

  init() throws {
    gateway = try SigningKeys(issuer: .gateway, setting: "g:gateway-secret-0123456789-0123456789", named: "g")
    steps = try SigningKeys(issuer: .orchestrator, setting: "s:step-secret-0123456789-0123456789-01", named: "s")
    authenticator = try Authenticator(.router, trusting: [gateway, steps])
  }

  private func headers(_ assertion: String?) -> HTTPHeaders {
    var headers = HTTPHeaders()
    // What was a source of identity once, or could be taken for one.
    headers.append("x-cadre-tenant", "tenant_00000000000070008000000000000002")
    headers.append("x-cadre-principal", "key:admin")
    headers.append("x-cadre-operator", "1")
    if let assertion { headers.append(InternalHeader.assertion, assertion) }
    return headers
  }

  private func signed(_ scopes: Scopes, to audience: Audience = .router) -> String {
    let caller = Caller(issuer: .gateway, tenant: AuthenticatorTests.tenant, principal: "key:a", scopes: scopes)
    return CallerAssertions(AssertionSigner(gateway)).text(for: caller, to: audience, now: AuthenticatorTests.now)
  }

  private func problem(_ assertion: String?, _ scope: Scope, after: Duration = .zero) -> (Int, String)? {
    do {
      _ = try authenticator.authenticate(headers(assertion), scope: scope, now: AuthenticatorTests.now + after)
      return nil
    } catch { return (Int(error.status.code), error.code) }
  }

  @Test func `identity comes from the assertion alone`() throws {
    let caller = try authenticator.authenticate(headers(signed([.api])), scope: .api, now: AuthenticatorTests.now)
    #expect(caller.tenant == AuthenticatorTests.tenant && caller.principal == "key:a")
    #expect(!caller.has(.operator))
    #expect(problem(nil, .api).map { $0 == (401, "assertion_missing") } == true)
  }

  @Test func `what is not believed is 401, what is not allowed is 403`() {
    func expect(_ found: (Int, String)?, _ status: Int, _ code: String) {
      #expect(found?.0 == status && found?.1 == code, "\(String(describing: found))")
    }
    expect(problem("", .api), 401, "assertion_invalid")
    expect(problem(signed([.api]) + "x", .api), 401, "assertion_invalid")
    expect(problem(signed([.api], to: .orchestrator), .api), 401, "assertion_invalid")
    expect(problem(signed([.api]), .api, after: .seconds(120)), 401, "assertion_expired")
    expect(problem(signed([.api, .models]), .operator), 403, "operator_required")
    expect(problem(signed([.api]), .models), 403, "scope_missing")
    expect(problem(signed([.api, .step]), .step), 403, "scope_missing")
  }

  private func signedStep(milliseconds: Int64, at time: Timestamp = AuthenticatorTests.now) -> String {
    let caller = Caller(
      issuer: .orchestrator, tenant: AuthenticatorTests.tenant, principal: "key:a", scopes: [.models, .step],
      step: Caller.Step(
        run: RunID(UUID(high: 1, low: 1)), id: StepID(UUID(high: 1, low: 2)),
        lease: LeaseBinding(token: UUID(high: 1, low: 3))))
    return StepAssertions(AssertionSigner(steps)).text(for: caller, leaseMilliseconds: milliseconds, now: time)
  }

  @Test func `a worker's assertion opens model calls and nothing of the API`() {
    let text = signedStep(milliseconds: 15_000)
    #expect(problem(text, .models) == nil)
    #expect(problem(text, .api)?.0 == 403)
    #expect(problem(text, .operator)?.0 == 403)
    // It ends with the lease.
    #expect(problem(text, .models, after: .seconds(19)) == nil)
    #expect(problem(text, .models, after: .seconds(20))?.1 == "assertion_expired")
  }

  @Test func `a step's assertion does not end before its lease, and lasts an hour at most`() {
    // Half a second and a second: the lease ends between two seconds. Clocks may differ by five.
    let fraction = signedStep(milliseconds: 1000, at: AuthenticatorTests.now + .milliseconds(500))
    #expect(problem(fraction, .models, after: .milliseconds(6999)) == nil)
    #expect(problem(fraction, .models, after: .seconds(7))?.1 == "assertion_expired")
    let long = signedStep(milliseconds: 365 * 86_400_000)
    #expect(problem(long, .models, after: .seconds(3604)) == nil)
    #expect(problem(long, .models, after: .seconds(3605))?.1 == "assertion_expired")
    #expect(problem(signedStep(milliseconds: -1), .models, after: .seconds(5))?.1 == "assertion_expired")
  }

  @Test func `shared secrets are a start error`() throws {
    let same = try SigningKeys(issuer: .orchestrator, setting: "s:gateway-secret-0123456789-0123456789", named: "s")
    #expect(throws: KeyListError.self) { try Authenticator(.router, trusting: [gateway, same]) }
  }

  // MARK: What is signed

  @Test func `a caller's assertion is used for a while and then made anew`() {
    let assertions = CallerAssertions(AssertionSigner(gateway))
    let caller = Caller(issuer: .gateway, tenant: AuthenticatorTests.tenant, principal: "key:a", scopes: [.api])
    let other = Caller(issuer: .gateway, tenant: AuthenticatorTests.tenant, principal: "key:b", scopes: [.api])
    let first = assertions.text(for: caller, to: .router, now: AuthenticatorTests.now)
    #expect(assertions.text(for: caller, to: .router, now: AuthenticatorTests.now + .seconds(19)) == first)
    #expect(assertions.text(for: caller, to: .router, now: AuthenticatorTests.now + .seconds(20)) != first)
    #expect(assertions.text(for: caller, to: .orchestrator, now: AuthenticatorTests.now) != first)
    #expect(assertions.text(for: other, to: .router, now: AuthenticatorTests.now) != first)
    // A clock that was set back.
    let early = assertions.text(for: caller, to: .router, now: AuthenticatorTests.now + .seconds(-100))
    #expect(problem(early, .api, after: .seconds(-100)) == nil)
  }

  @Test func `so many callers are remembered, and no more`() {
    let assertions = CallerAssertions(AssertionSigner(gateway), callersMax: 3)
    for number in 0..<10 {
      let caller = Caller(
        issuer: .gateway, tenant: AuthenticatorTests.tenant, principal: "key:\(number)", scopes: [.api])
      let text = assertions.text(for: caller, to: .router, now: AuthenticatorTests.now)
      #expect(assertions.text(for: caller, to: .router, now: AuthenticatorTests.now + .seconds(1)) == text)
      #expect((1...3).contains(assertions.count))
    }
  }

  // MARK: Workers

  @Test func `workers show one of the credentials in force`() throws {
    let old = "old:worker-secret-0123456789-0123456789"
    let new = "new:worker-secret-new-0123456789-012345"
    let accepted = WorkerCredentials(try KeyList("\(old),\(new)", named: "w"))
    for setting in [old, new, "\(new),\(old)"] {
      var headers = HTTPHeaders()
      headers.append(.authorization, WorkerCredentials(try KeyList(setting, named: "w")).authorization)
      #expect(throws: Never.self) { try accepted.require(headers) }
    }
    #expect(accepted.authorization == "Bearer old.worker-secret-0123456789-0123456789")
    for text in ["", "Bearer", "Bearer old.", "Bearer new.worker-secret-0123456789-0123456789", "bearer \(old)"] {
      var headers = HTTPHeaders()
      headers.append(.authorization, text)
      #expect(throws: Problem.self) { try accepted.require(headers) }
    }
    #expect(throws: Problem.self) { try accepted.require(headers(signed([.api]))) }
  }
}
