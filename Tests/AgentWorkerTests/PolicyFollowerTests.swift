import AgentLoop
import AgentTools
import Contracts
import JSON
import PolicyDecisions
import Primitives
import Synchronization
import Telemetry
import Testing

@testable import AgentWorker

/// An orchestrator's answers about policies, one after the other; the last one is repeated.
private final class ScriptedPolicies: PolicySource {
  enum Answer: Sendable {
    case switches(epoch: Int64, version: Int64, halted: Bool?, data: Int64)
    case away
    case unsupported
  }

  struct State {
    var switches: [Answer]
    var data: [StepPolicies?]
    var asked = 0
  }

  let state: Mutex<State>

  init(_ switches: [Answer], data: [StepPolicies?] = []) { state = Mutex(State(switches: switches, data: data)) }

  var asked: Int { state.withLock { $0.asked } }

  func switches() async throws -> AgentWorker.PolicyReply<WorkerPolicies> {
    let said = state.withLock { $0.switches.count > 1 ? $0.switches.removeFirst() : $0.switches[0] }
    switch said {
    case .unsupported: return .unsupported
    case .away: throw PolicySourceError(status: 503)
    case .switches(let epoch, let version, let isHalted, let data):
      return .said(
        WorkerPolicies(
          switches: DeliveredSwitches(
            revision: PolicyRevision(epoch: epoch, number: version), mode: nil, canaryPercent: nil, isHalted: isHalted),
          data: PolicyRevision(epoch: epoch, number: data)))
    }
  }

  func data(for context: ToolContext) async throws -> AgentWorker.PolicyReply<StepPolicies> {
    let said = state.withLock { state -> StepPolicies? in
      state.asked += 1
      return state.data.count > 1 ? state.data.removeFirst() : state.data.first ?? nil
    }
    guard let said else { throw PolicySourceError(status: 503) }
    return .said(said)
  }
}

/// What a worker knows of policies.
@Suite struct PolicyFollowerTests {
  private let clock = VirtualClock(tasks: 1)
  private let control = PolicyControl()

  private func follower(_ source: ScriptedPolicies) -> WorkerPolicyFollower {
    WorkerPolicyFollower(
      source, DeliveredPolicies(control, telemetry: .disabled()), clock: clock, logger: Telemetry.disabled().logger)
  }

  private func context() throws -> ToolContext {
    let step = try LeasedStep.sample()
    return ToolContext(tenant: step.tenant, run: step.run, step: step.id, token: step.token, assertion: { "a" })
  }

  private func said(_ number: Int64, known: Int64, _ document: String?) -> StepPolicies {
    StepPolicies(
      revision: PolicyRevision(epoch: 1, number: number), known: PolicyRevision(epoch: 1, number: known),
      document: document)
  }

  @Test
  func
    `a halt comes and goes; a replica that has heard of less, and one that is away, change nothing`()
    async throws
  {
    let source = ScriptedPolicies([
      .switches(epoch: 1, version: 2, halted: true, data: 0), .switches(epoch: 1, version: 1, halted: nil, data: 0),
      .away, .switches(epoch: 1, version: 3, halted: false, data: 0), .unsupported,
    ])
    let follower = follower(source)
    #expect(!follower.isHalted)
    for expected in [true, true, true, false, false] {
      await follower.look()
      #expect(follower.isHalted == expected)
    }
  }

  @Test func `what a tenant has set is asked for once, and again when somebody's data has changed`() async throws {
    let source = ScriptedPolicies(
      [.switches(epoch: 1, version: 1, halted: nil, data: 5), .switches(epoch: 1, version: 1, halted: nil, data: 8)],
      data: [
        said(0, known: 5, nil), said(0, known: 5, nil),
        said(8, known: 8, #"{"tools":{"deny":["a"]}}"#),
      ])
    let follower = follower(source)
    let context = try context()
    await follower.look()
    for _ in 0..<3 { #expect(await follower.areKnown(for: context)) }
    #expect(source.asked == 1 && control.data(of: "\(context.tenant)") == nil)
    await follower.look()
    // The replica that answers first has not heard of it.
    #expect(await clock.run { await follower.areKnown(for: context) })
    #expect(source.asked == 3)
    #expect(control.data(of: "\(context.tenant)") != nil)
  }

  @Test func `what a tenant has set is forgotten when it was not needed for an hour`() async throws {
    let clock = clock
    let source = ScriptedPolicies(
      [.switches(epoch: 1, version: 1, halted: nil, data: 5)], data: [said(5, known: 5, #"{"tools":{"deny":["a"]}}"#)])
    let follower = follower(source)
    let context = try context()
    await follower.look()
    #expect(await follower.areKnown(for: context))
    for (pause, isKept) in [(3000, true), (3000, true), (3601, false)] {
      await clock.run { try? await clock.sleep(for: .seconds(pause)) }
      await follower.look()
      #expect((control.data(of: "\(context.tenant)") != nil) == isKept)
      if isKept { #expect(await follower.areKnown(for: context)) }
    }
    // Needed again, it is asked for.
    #expect(source.asked == 1)
    #expect(await follower.areKnown(for: context))
    #expect(source.asked == 2 && control.data(of: "\(context.tenant)") != nil)
  }

  @Test func `while nobody says what a tenant has set, nothing is decided`() async throws {
    let source = ScriptedPolicies([.switches(epoch: 1, version: 1, halted: nil, data: 5)], data: [nil])
    let follower = follower(source)
    await follower.look()
    let context = try context()
    #expect(await !clock.run { await follower.areKnown(for: context) })
    #expect(clock.seconds >= 10 && source.asked > 10)
    // An orchestrator of before has nothing to say: the settings count.
    let old = self.follower(ScriptedPolicies([.unsupported], data: [nil]))
    await old.look()
    #expect(await old.areKnown(for: context))
  }

  // MARK: Steps

  private func runner(
    _ models: FakeModels, _ link: FakeOrchestrator, _ clock: VirtualClock, tools: any ToolCalling = CalculatorTools(),
    _ isHalted: @escaping @Sendable () -> Bool
  ) -> StepRunner {
    StepRunner(
      models: models, tools: tools, link: link, clock: clock, policy: ModelRetryPolicy(), isHalted: isHalted,
      telemetry: .disabled())
  }

  private func isReleased(_ link: FakeOrchestrator) -> Bool {
    if case .released = link.outcome { true } else { false }
  }

  @Test func `a halt gives a step back before its first model call`() async throws {
    let clock = VirtualClock(tasks: 2)
    let (link, models) = (FakeOrchestrator(clock), FakeModels(clock, [.init(outcome: try .text("x"))]))
    let runner = runner(models, link, clock) { true }
    let step = try LeasedStep.sample()
    #expect(await clock.run { await runner.run(step) } == "released")
    #expect(models.count == 0 && isReleased(link))
  }

  @Test func `a halt gives a step back before its next tool call, with what the model has answered`() async throws {
    let clock = VirtualClock(tasks: 2)
    let link = FakeOrchestrator(clock)
    let models = FakeModels(clock, [.init(outcome: try .tool()), .init(outcome: try .text("x"))])
    // It comes while the model thinks.
    let runner = runner(models, link, clock) { models.count > 0 }
    let step = try LeasedStep.sample()
    #expect(await clock.run { await runner.run(step) } == "released")
    #expect(models.count == 1 && isReleased(link))
    #expect(link.journal.contains { $0.kind == .model } && !link.journal.contains { $0.kind == .tool })
  }

  @Test func `a refusal of a halted llm-router gives the step back, and is no failure`() async throws {
    let clock = VirtualClock(tasks: 2)
    let link = FakeOrchestrator(clock)
    let models = FakeModels(
      clock, [.init(outcome: .refusal(503, "installation_halted", shouldRetry: true, retryAfter: 5))])
    let runner = runner(models, link, clock) { false }
    let step = try LeasedStep.sample()
    #expect(await clock.run { await runner.run(step) } == "released")
    #expect(models.count == 1 && isReleased(link))
  }

  @Test(arguments: [
    PolicyDecision.haltedRule, PolicyDecision.unknownRule, PolicyDecision.unavailableRule, "policy:role",
  ])
  func `a tool call that is refused by the state of the installation is not told to the model`(rule: String)
    async throws
  {
    let clock = VirtualClock(tasks: 2)
    let link = FakeOrchestrator(clock)
    let models = FakeModels(clock, [.init(outcome: try .tool()), .init(outcome: try .text("x"))])
    let runner = runner(models, link, clock, tools: RefusedTools(rule: rule)) { false }
    let step = try LeasedStep.sample()
    let word = await clock.run { await runner.run(step) }
    #expect(word == (rule == "policy:role" ? "succeeded" : "released"))
    #expect(models.count == (rule == "policy:role" ? 2 : 1))
  }

  @Test func `nothing is leased while everything is halted`() async throws {
    let source = FakeStepSource()
    let halted = Mutex(true)
    let clock = VirtualClock(tasks: 1)
    let steps = UnhaltedSteps(source, clock: clock) { halted.withLock { $0 } }
    let none = await clock.run { try? await steps.lease(slots: 1, wait: .seconds(20)).steps.count }
    #expect(none == 0 && clock.seconds > 0)
    halted.withLock { $0 = false }
    async let some = steps.lease(slots: 1, wait: .seconds(20))
    for await poll in source.polls {
      poll.answer([try LeasedStep.sample()])
      break
    }
    #expect(try await some.steps.count == 1)
  }
}

/// Refuses every call by a rule.
private struct RefusedTools: ToolCalling {
  let rule: String
  private let inner = CalculatorTools()

  init(rule: String) { self.rule = rule }

  func catalog(for context: ToolContext, wanted: [String]?) async throws -> ToolCatalog {
    try await inner.catalog(for: context, wanted: wanted)
  }

  func decide(
    _ request: ToolRequest, in catalog: ToolCatalog, _ context: ToolContext, earlier: ToolCallHistory
  ) async -> ToolVerdict {
    ToolVerdict(
      .deny(.failure(.denied, "no")), decision: PolicyDecision(.deny, rule: rule, reason: "no"),
      definition: catalog.entry(request.name)?.definition)
  }

  func run(_ call: DecidedToolCall, _ context: ToolContext) async throws -> ToolResult {
    try await inner.run(call, context)
  }
}
