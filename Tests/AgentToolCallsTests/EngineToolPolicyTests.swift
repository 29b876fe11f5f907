import AgentTools
import Contracts
import JSON
import Policy
import PolicyDecisions
import Synchronization
import Testing

@testable import AgentToolCalls

/// Says what a test wants, and keeps what it was asked.
final class FixedDecisions: PolicyDeciding {
  private let answer: PolicyAnswer
  private let queries = Mutex<[PolicyQuery]>([])

  init(_ answer: PolicyAnswer) { self.answer = answer }

  var asked: [PolicyQuery] { queries.withLock { $0 } }

  func decide(_ query: PolicyQuery) async -> PolicyAnswer {
    queries.withLock { $0.append(query) }
    return answer
  }
}

/// Of what settings, steps and policies say, the strictest counts.
struct EngineToolPolicyTests {
  private func input(_ approve: Set<String> = []) throws -> ToolPolicyInput {
    ToolPolicyInput(
      definition: ToolDefinition(
        name: "mail", description: "", parameters: Array("{}".utf8), risk: .write, isIdempotent: false,
        timeoutMilliseconds: 1000, resultBytesMax: 1000, source: .mcp(server: "office")),
      arguments: try JSONDocument(parsing: #"{"to":"a","n":[1,2.5,null]}"#), approve: approve)
  }

  @Test(arguments: [
    (PolicyEffect.allow, [], PolicyDecision.Effect.allow, "tools.allowed_risks"),
    (.allow, ["write"], .ask, "step.approve"), (.ask, [], .ask, "policy:mail_needs_approval"),
    (.ask, ["write"], .ask, "step.approve"), (.deny, [], .deny, "policy:mail_needs_approval"),
    (.deny, ["write"], .deny, "policy:mail_needs_approval"),
  ])
  func `the stricter word counts`(
    said: PolicyEffect, approve: [String], effect: PolicyDecision.Effect, rule: String
  ) async throws {
    let engine = FixedDecisions(PolicyAnswer(effect: said, reasons: ["a reason"], rule: "mail_needs_approval"))
    let policy = EngineToolPolicy(settings: RiskPolicy(), engine: engine) { _ in }
    let decision = await policy.decide(try input(Set(approve)), testContext())
    #expect(decision.effect == effect && decision.rule == rule)
    #expect(effect == .allow || decision.rule == "step.approve" || decision.reason == "a reason")
  }

  @Test func `what the settings refuse is not asked, and faults are refusals`() async throws {
    let engine = FixedDecisions(PolicyAnswer(effect: .deny, fault: .timeout))
    let strict = EngineToolPolicy(settings: RiskPolicy(allowed: [.read]), engine: engine) { _ in }
    #expect(await strict.decide(try input(), testContext()).rule == "tools.allowed_risks")
    #expect(engine.asked.isEmpty)
    let policy = EngineToolPolicy(settings: RiskPolicy(), engine: engine) { _ in }
    let decision = await policy.decide(try input(), testContext())
    #expect(decision.effect == .deny && decision.rule == "policy:timeout" && decision.reason.contains("mail"))
  }

  @Test(arguments: [true, false])
  func `while it is not known what the tenant has set, nothing is asked`(isKnown: Bool) async throws {
    struct Tenants: TenantPolicies {
      let isKnown: Bool
      func areKnown(for context: ToolContext) async -> Bool { isKnown }
    }
    let engine = FixedDecisions(PolicyAnswer(effect: .allow))
    let policy = EngineToolPolicy(settings: RiskPolicy(), engine: engine, tenants: Tenants(isKnown: isKnown)) { _ in }
    let decision = await policy.decide(try input(), testContext())
    #expect(decision.effect == (isKnown ? .allow : .deny) && decision.isPostponed == !isKnown)
    #expect(engine.asked.count == (isKnown ? 1 : 0))
    let halted = EngineToolPolicy(
      settings: RiskPolicy(), engine: FixedDecisions(PolicyAnswer(effect: .deny, fault: .halted))
    ) { _ in }
    #expect(await halted.decide(try input(), testContext()).isPostponed)
  }

  /// Cannot decide a number of times.
  private final class Restarting: PolicyDeciding {
    private let state: Mutex<(left: Int, asked: Int)>
    init(_ times: Int) { state = Mutex((times, 0)) }
    var asked: Int { state.withLock { $0.asked } }
    func decide(_ query: PolicyQuery) async -> PolicyAnswer {
      state.withLock { state in
        state.asked += 1
        state.left -= 1
        return state.left >= 0
          ? PolicyAnswer(effect: .deny, fault: .unavailable) : PolicyAnswer(effect: .ask, rule: "mail")
      }
    }
  }

  @Test func `while nobody can decide the question is put again, and then postponed`() async throws {
    let pauses = Mutex(0)
    let restarting = Restarting(3)
    let policy = EngineToolPolicy(settings: RiskPolicy(), engine: restarting, triesMax: 5) { _ in
      pauses.withLock { $0 += 1 }
    }
    let decision = await policy.decide(try input(), testContext())
    #expect(decision.effect == .ask && decision.rule == "policy:mail" && !decision.isPostponed)
    #expect(restarting.asked == 4 && pauses.withLock { $0 } == 3)
    let away = Restarting(.max)
    let other = EngineToolPolicy(settings: RiskPolicy(), engine: away, triesMax: 5) { _ in }
    let postponed = await other.decide(try input(), testContext())
    #expect(postponed.effect == .deny && postponed.isPostponed && away.asked == 5)
  }

  @Test func `policies see the tool, its arguments and who asks`() async throws {
    let engine = FixedDecisions(PolicyAnswer(effect: .allow))
    let policy = EngineToolPolicy(settings: RiskPolicy(), engine: engine) { _ in }
    _ = await policy.decide(try input(), testContext())
    let query = try #require(engine.asked.first)
    #expect(query.path == ["cadre", "tools", "decision"] && query.tenant == testContext().tenant.description)
    let action =
      #"{"arguments":{"n":[1,2.5,null],"to":"a"},"is_idempotent":false,"labels":{},"risk":"write","server":"office","#
      + #""source":"mcp","tool":"mail"}"#
    let subject = #"{"id":"","kind":"step","project":"project_1","tenant":"\#(testContext().tenant.description)"}"#
    #expect(query.input.json == #"{"action":\#(action),"subject":\#(subject)}"#)
  }
}
