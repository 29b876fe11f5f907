import AgentLoop
import AgentTools
import Contracts
import JSON
import Reactor
import Synchronization
import Telemetry
import Testing

@testable import AgentWorker

/// The end of a worker, in the time of the event loops where it has to wait at all.
@Suite struct WorkerDrainTests {
  @Test func `the patience leaves at least half of the grace, and a part of it to give steps back`() throws {
    let plan = try DrainPlan(patience: .seconds(1), grace: .seconds(10))
    #expect(plan.orderly == .seconds(8) && plan.margin == .seconds(2))
    let short = try DrainPlan(patience: .milliseconds(200), grace: .milliseconds(400))
    #expect(short.orderly == .milliseconds(300) && short.margin == .milliseconds(100))
    #expect(try DrainPlan(patience: .zero, grace: .zero).orderly == .zero)
    #expect(throws: DrainPlan.Misfit.self) { try DrainPlan(patience: .seconds(6), grace: .seconds(10)) }
    #expect(throws: DrainPlan.Misfit.self) { try DrainPlan(patience: .milliseconds(1), grace: .zero) }
    do { _ = try DrainPlan(patience: .seconds(6), grace: .seconds(10)) } catch {
      #expect(error.description.contains("CADRE_WORKER_DRAIN_PATIENCE_MS"))
    }
  }

  /// Runs a step whose tool hangs whatever is asked of it, and drains the worker.
  private func drained(isIdempotent: Bool, _ link: FakeOrchestrator, _ clock: VirtualClock) async throws {
    let group = EventLoopGroup(count: 2)
    defer { group.stop() }
    let tools = StubbornTools(isIdempotent: isIdempotent)
    let runner = StepRunner(
      models: FakeModels(clock, [.init(outcome: try .tool())]), tools: tools, link: link, clock: clock,
      policy: ModelRetryPolicy(), telemetry: .disabled())
    let source = FakeStepSource()
    let poller = StepPoller(
      source: source, slots: 1, group: group, logger: Telemetry.disabled().logger
    ) { step in await runner.run(step) }
    let polling = Task { await poller.run() }
    var polls = source.polls.makeAsyncIterator()
    try #require(await polls.next()).answer([try LeasedStep.sample()])
    await tools.hasBegun()
    let plan = try DrainPlan(patience: .milliseconds(20), grace: .milliseconds(60))
    let drain = WorkerDrain(plan, poller: poller, runner: runner, logger: Telemetry.disabled().logger)
    _ = await group.loops[0].task { await drain.run() }.result
    #expect(runner.openCount == 0)
    tools.end()
    await polling.value
    while poller.isBusy { try await Task.sleep(for: .milliseconds(1)) }
  }

  @Test(arguments: [true, false])
  func `a tool that does not listen keeps no step: it is given back before the grace is over`(
    isIdempotent: Bool
  ) async throws {
    let clock = VirtualClock(tasks: 100)
    let link = FakeOrchestrator(clock)
    let result = await clock.run { () -> Result<Void, any Error> in
      do { return .success(try await drained(isIdempotent: isIdempotent, link, clock)) } catch {
        return .failure(error)
      }
    }
    try result.get()
    guard case .released(let calls) = link.outcome else {
      return #expect(Bool(false), "it was not given back: \(String(describing: link.outcome))")
    }
    #expect(calls.isEmpty && link.outcomes == 1)
    // Of a call that must not be made twice the journal says that it was about to be made.
    #expect(link.journal.contains { $0.kind == .intent } == !isIdempotent)
  }
}

/// A calculator that neither ends nor is cancelled until the test says so.
private final class StubbornTools: ToolCalling {
  private let tools: CalculatorTools
  private let isIdempotent: Bool
  private let begun = PendingEvent<Void>()
  private let released = Mutex<(isOver: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

  init(isIdempotent: Bool) {
    self.isIdempotent = isIdempotent
    tools = CalculatorTools()
  }

  func hasBegun() async { try? await begun.value() }

  func end() {
    let waiters = released.withLock { state in
      defer { state = (true, []) }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func catalog(for context: ToolContext, wanted: [String]?) async throws -> ToolCatalog {
    let catalog = try await tools.catalog(for: context, wanted: wanted)
    return ToolCatalog(
      catalog.entries.map { entry in
        let tool = entry.definition
        return ToolCatalog.Entry(
          ToolDefinition(
            name: tool.name, description: tool.description, parameters: tool.parameters, risk: tool.risk,
            isIdempotent: isIdempotent, source: tool.source), entry.executor)
      })
  }

  func decide(
    _ request: ToolRequest, in catalog: ToolCatalog, _ context: ToolContext, earlier: ToolCallHistory
  ) async -> ToolVerdict { await tools.decide(request, in: catalog, context, earlier: earlier) }

  func run(_ call: DecidedToolCall, _ context: ToolContext) async throws -> ToolResult {
    begun.resume(with: .success(()))
    await withCheckedContinuation { continuation in
      let isOver = released.withLock { state in
        if !state.isOver { state.waiters.append(continuation) }
        return state.isOver
      }
      if isOver { continuation.resume() }
    }
    return ToolResult(text: "late")
  }
}
