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

  @Test func `a worker's assertion opens model calls and nothing of the API`() {
    let caller = Caller(
      issuer: .orchestrator, tenant: AuthenticatorTests.tenant, principal: "key:a", scopes: [.models, .step],
      step: Caller.Step(
        run: RunID(UUID(high: 1, low: 1)), id: StepID(UUID(high: 1, low: 2)),
        lease: LeaseBinding(token: UUID(high: 1, low: 3))))
    let text = StepAssertions(AssertionSigner(steps)).text(
      for: caller, leaseMilliseconds: 15_000, now: AuthenticatorTests.now)
    #expect(problem(text, .models) == nil)
    #expect(problem(text, .api)?.0 == 403)
    #expect(problem(text, .operator)?.0 == 403)
    // It ends with the lease.
    #expect(problem(text, .models, after: .seconds(19)) == nil)
    #expect(problem(text, .models, after: .seconds(20))?.1 == "assertion_expired")
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
