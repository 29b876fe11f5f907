import Contracts
import GatewayAccess
import GatewayRequests
import HTTPWire
import JSON
import Policy
import PolicyDecisions
import Synchronization
import Telemetry
import Testing

/// What the gateway asks the policies, and what becomes of their answers.
@Suite("Access of requests")
struct PolicyAccessTests {
  private final class Scripted: PolicyDeciding {
    let answer: PolicyAnswer
    let asked = Mutex<[PolicyQuery]>([])
    init(_ answer: PolicyAnswer) { self.answer = answer }
    func decide(_ query: PolicyQuery) async -> PolicyAnswer {
      asked.withLock { $0.append(query) }
      return answer
    }
  }

  private static let tenant = "tenant_00000000000070008000000000000001"

  private func identity(_ kind: Identity.Kind, isOperator: Bool = false) throws -> Identity {
    switch kind {
    case .virtualKey:
      return Identity(
        kind: kind, caller: nil, virtualKey: "cadre_vk_planted", role: .member, subject: "virtual_key",
        credential: "virtual_key")
    case .anonymous: return .anonymous
    default:
      let caller = Caller(
        issuer: .gateway, tenant: try #require(TenantID(PolicyAccessTests.tenant)), principal: "user_1",
        scopes: isOperator ? [.api, .operator] : [.api])
      return Identity(
        kind: kind, caller: caller, role: .admin, subject: "user_1", credential: "key_1", grants: [.read, .approve])
    }
  }

  private func route(_ method: HTTPMethod, _ pattern: String) throws -> RouteSpecification {
    try #require(Routes.all.first { $0.method == method && $0.pattern == pattern })
  }

  @Test func `what was asked before is asked again, and nothing else`() async throws {
    let tenants = [PolicyAccessTests.tenant, "tenant_00000000000070008000000000000002"].compactMap { TenantID($0) }
    var identities = [Identity.anonymous, try identity(.virtualKey)]
    for kind in [Identity.Kind.session, .apiKey] {
      for tenant in tenants {
        for scopes in [[.api], [.api, .operator]] as [Scopes] {
          for (role, grants, subject) in [
            (Role.admin, Grants([.read]), "user_1"), (.member, [.read], "user_1"), (.admin, [.read, .write], "user_1"),
            (.admin, [.read], "user_2"),
          ] {
            let caller = Caller(issuer: .gateway, tenant: tenant, principal: subject, scopes: scopes)
            identities.append(
              Identity(kind: kind, caller: caller, role: role, subject: subject, credential: "key_1", grants: grants))
          }
        }
      }
    }
    let routes = [try route(.get, "/api/v1/tasks"), try route(.post, "/api/v1/tasks"), try route(.get, "/api/v1/keys")]
    let policies = Scripted(PolicyAnswer(effect: .allow))
    let access = PolicyAccess(policies)
    // The second time all of them are known.
    for _ in 0..<2 {
      for identity in identities {
        for route in routes {
          for address in [nil, "192.0.2.1", "192.0.2.2"] {
            _ = await access.decide(identity, at: route, address: address)
            let asked = try #require(policies.asked.withLock { $0.last })
            let expected = PolicyAccess.query(identity, route, address: address)
            #expect(asked.input == expected.input && asked.tenant == expected.tenant)
            #expect(asked.isReading == expected.isReading && asked.path == expected.path)
          }
        }
      }
    }
  }

  @Test func `the input says who does what, and nothing of the request`() throws {
    let route = try route(.delete, "/api/v1/artefacts/{id}")
    let query = PolicyAccess.query(try identity(.session, isOperator: true), route)
    #expect(query.path == ["cadre", "http", "decision"] && query.tenant == PolicyAccessTests.tenant)
    #expect(!query.isReading)
    #expect(
      query.input.json
        == #"{"action":{"access":"tenant","is_change":true,"method":"DELETE","route":"/api/v1/artefacts/{id}","#
        + #""service":"orchestrator"},"subject":{"grants":["read","approve"],"id":"user_1","is_operator":true,"#
        + #""kind":"session","role":"admin","tenant":"\#(PolicyAccessTests.tenant)"}}"#
    )
    #expect(
      PolicyAccess.query(try identity(.session), route, address: "10.0.0.1").input.json.contains(#""ip":"10.0.0.1""#))
  }

  @Test func `a step of a session is asked about by user, role and way`() async throws {
    let user = try #require(UserID("user_00000000000070008000000000000002"))
    let tenant = try #require(TenantID(PolicyAccessTests.tenant))
    let question = SessionQuestion(
      .signIn, method: "oidc", hasSecondFactor: false, user: user, role: .admin, tenant: tenant)
    let query = PolicySessions.query(question)
    #expect(query.path == ["cadre", "sessions", "decision"] && query.tenant == PolicyAccessTests.tenant)
    // Who releases a halt signs in.
    #expect(query.isReading)
    #expect(
      query.input.json
        == #"{"action":{"has_second_factor":false,"kind":"sign_in","method":"oidc"},"#
        + #""subject":{"id":"\#(user)","role":"admin","tenant":"\#(PolicyAccessTests.tenant)"}}"#)
    let answers: [(PolicyAnswer, SessionDecision)] = [
      (PolicyAnswer(effect: .allow), .allowed), (PolicyAnswer(effect: .ask), .needsSecondFactor),
      (PolicyAnswer(effect: .deny, reasons: ["not this way"]), .denied("Not this way.")),
      (PolicyAnswer(effect: .deny, fault: .timeout), .denied("No policy allows this.")),
      (PolicyAnswer(effect: .deny, fault: .unavailable), .undecided),
    ]
    for (answer, decision) in answers { #expect(await PolicySessions(Scripted(answer)).decide(question) == decision) }
  }

  @Test func `virtual keys and nobody pass too, without the key`() throws {
    let models = try #require(Routes.all.first { $0.isModelRoute && $0.method == .post })
    let virtual = PolicyAccess.query(try identity(.virtualKey), models)
    #expect(virtual.input.json.contains(#""kind":"virtual_key""#) && virtual.tenant == nil)
    #expect(!virtual.input.json.contains("planted") && !virtual.input.json.contains("\"tenant\":"))
    #expect(PolicyAccess.query(.anonymous, models).input.json.contains(#""kind":"anonymous""#))
  }

  @Test func `reading is what a halt leaves`() throws {
    for route in Routes.all {
      let isReading = PolicyAccess.query(try identity(.apiKey), route).isReading
      // Signing in, to reach the switch, and what only takes rights away.
      let goesOn =
        (route.access == .operator && route.pattern.hasSuffix("/suspend"))
        || ["/auth/v1/sign-in", "/auth/v1/second-factor", "/auth/v1/sign-out"].contains(route.pattern)
        || (route.method == .delete && ["/api/v1/keys", "/auth/v1/sessions"].contains { route.pattern.hasPrefix($0) })
      #expect(
        isReading
          == (goesOn || route.method == .get || route.method == .head
            || route.pattern.hasPrefix("/operator/v1/policy")),
        "\(route)")
    }
  }

  @Test func `only an answer that allows is one`() async throws {
    let route = try route(.get, "/api/v1/artefacts")
    let cases: [(PolicyAnswer, Bool, String)] = [
      (PolicyAnswer(effect: .allow, reasons: ["because"], decisionID: "d1"), true, ""),
      (
        PolicyAnswer(effect: .deny, reasons: ["the role is too low", "Ask somebody."]), false,
        "The role is too low. Ask somebody."
      ),
      (
        PolicyAnswer(effect: .ask, reasons: []), false,
        "This needs an approval, which cannot be given for requests."
      ),
      (PolicyAnswer(effect: .deny), false, "No policy allows this."),
      (
        PolicyAnswer(effect: .deny, reasons: [String(repeating: "x", count: 5000)]), false,
        "X" + String(repeating: "x", count: 599) + "..."
      ),
    ]
    for (answer, isAllowed, reason) in cases {
      let policies = Scripted(answer)
      let decision = await PolicyAccess(policies).decide(try identity(.apiKey), at: route, address: nil)
      #expect(decision == AccessDecision(isAllowed: isAllowed, reason: reason, id: answer.decisionID))
      #expect(policies.asked.withLock { $0.count } == 1)
    }
  }

  @Test func `what nobody can decide is not allowed, and may be asked again`() async throws {
    let undecided = Scripted(
      PolicyAnswer(effect: .deny, reasons: ["the policies are not available"], fault: .unavailable))
    let decision = await PolicyAccess(undecided).decide(
      try identity(.apiKey), at: try route(.get, "/api/v1/artefacts"), address: nil)
    #expect(!decision.isAllowed && decision.isUndecided)
  }

  @Test func `a bundle decides and a halt refuses changes`() async throws {
    let module = """
      package cadre.http
      decision := {"effect": "allow"} if "read" in input.subject.grants
      """
    let bundle = try PolicyBundle(modules: [("a.rego", Array(module.utf8))])
    let engine = PolicyEngine(bundle: bundle, telemetry: .disabled())
    let access = PolicyAccess(engine)
    let (get, delete) = (try route(.get, "/api/v1/artefacts"), try route(.delete, "/api/v1/artefacts/{id}"))
    #expect(await access.decide(try identity(.apiKey), at: delete, address: nil).isAllowed)
    #expect(await access.decide(.anonymous, at: get, address: nil).reason == "No policy allows this.")
    engine.control.change { $0.isHalted = true }
    #expect(await access.decide(try identity(.apiKey), at: get, address: nil).isAllowed)
    #expect(
      await access.decide(try identity(.apiKey), at: delete, address: nil).reason
        == "Changes are halted in this installation.")
  }
}
