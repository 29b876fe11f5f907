import AgentLoop
import AgentWorkspace
import Contracts
import JSON
import Synchronization
import Telemetry
import Testing

@testable import AgentWorker

/// Steps that are given back, and steps that wait for people.
@Suite struct ReleaseTests {
  private func runner(
    _ models: FakeModels, _ link: FakeOrchestrator, _ clock: VirtualClock, fault: WorkspaceError? = nil,
    missing: [String] = []
  ) -> StepRunner {
    StepRunner(
      models: models, tools: CalculatorTools(fault: fault, missing: missing), link: link, clock: clock,
      policy: ModelRetryPolicy(),
      telemetry: .disabled())
  }

  @Test func `a model call under way is dropped, and what was paid before is recorded`() async throws {
    let clock = VirtualClock(tasks: 2)
    let link = FakeOrchestrator(clock)
    let models = FakeModels(
      clock, [.init(seconds: 1, outcome: try .tool()), .init(seconds: 1000, outcome: try .text("late"))])
    let runner = runner(models, link, clock)
    let step = try LeasedStep.sample()
    let word = await clock.run {
      await withTaskGroup(of: String.self) { group in
        group.addTask { await runner.run(step) }
        group.addTask {
          try? await clock.sleep(for: .seconds(30))
          runner.release()
          return ""
        }
        var word = ""
        for await one in group where !one.isEmpty { word = one }
        return word
      }
    }
    #expect(word == "released")
    #expect(models.cancelled == 1)
    #expect(link.journal.map(\.index) == [0, 1, 2])
    guard case .released(let calls) = link.outcome else { return #expect(Bool(false), "it was not given back") }
    #expect(calls.isEmpty)
    // What comes afterwards is given back at once.
    #expect(await clock.run { await runner.run(step) } == "lease_lost" || link.outcomes > 0)
    #expect(models.count == 2)
  }

  @Test(arguments: [(["run_python"], false), (["mine"], true), (["run_python", "office__mail"], true)])
  func `a step that names tools that are not there fails, and asks no model without them`(
    missing: [String], isRetryable: Bool
  ) async throws {
    let clock = VirtualClock(tasks: 2)
    let link = FakeOrchestrator(clock)
    let models = FakeModels(clock, [.init(outcome: try .text("without tools"))])
    let runner = runner(models, link, clock, missing: missing)
    let step = try LeasedStep.sample()
    _ = await clock.run { await runner.run(step) }
    guard case .failure(let failure) = link.outcome else { return #expect(Bool(false), "it did not fail") }
    #expect(failure.code == "tools_missing" && failure.isRetryable == isRetryable)
    #expect(failure.message.contains(missing[0]))
    #expect(models.count == 0)
  }

  @Test func `a step whose tools nobody can name is given back, and asks no model without them`() async throws {
    let clock = VirtualClock(tasks: 2)
    let link = FakeOrchestrator(clock)
    let models = FakeModels(clock, [.init(outcome: try .text("without tools"))])
    let fault = WorkspaceError(.unavailable, code: "orchestrator_unavailable", "Nobody answers.")
    let runner = runner(models, link, clock, fault: fault)
    let step = try #require(try LeasedStep.parse(input: #"{"prompt":"p","tools":["user:*"]}"#))
    #expect(await clock.run { await runner.run(step) } == "released")
    #expect(models.count == 0)
  }

  @Test func `an approval ends the attempt with a question, and holds nothing`() async throws {
    let clock = VirtualClock(tasks: 2)
    let link = FakeOrchestrator(clock)
    let models = FakeModels(clock, [.init(outcome: try .tool())])
    let step = try #require(
      try LeasedStep.parse(input: #"{"prompt":"p","tools":["calculator"],"approve":["tool:calculator"]}"#))
    let runner = runner(models, link, clock)
    #expect(await clock.run { await runner.run(step) } == "waiting")
    guard case .waiting(let wait) = link.outcome else { return #expect(Bool(false), "it does not wait") }
    #expect(wait.asks.map(\.kind) == [.approval])
    #expect(wait.asks.map(\.tool) == ["calculator"])
    #expect(link.journal.map(\.kind) == [.note, .model, .note])
    #expect(models.count == 1)
  }

  // MARK: Memory

  @Test func `leasing stops above the soft limit and goes on well below it; above the hard one it ends`() {
    var pressure = MemoryPressure(softBytes: 1000, hardBytes: 2000, limitBytes: nil)
    #expect(pressure.update(usedBytes: 999) == nil)
    #expect(pressure.update(usedBytes: 1000) == .high)
    #expect(pressure.update(usedBytes: 950) == nil)
    #expect(pressure.update(usedBytes: 899) == .normal)
    #expect(pressure.update(usedBytes: 2000) == .critical)
    #expect(pressure.update(usedBytes: 1) == nil && pressure.level == .critical)
    let shares = MemoryPressure(softBytes: 0, hardBytes: 0, limitBytes: 1000)
    #expect(shares.softBytes == 800 && shares.hardBytes == 920)
    var none = MemoryPressure(softBytes: 0, hardBytes: 0, limitBytes: nil)
    #expect(none.update(usedBytes: .max) == nil)
  }

  @Test func `a monitor reads this process and says when the level changes`() {
    let used = Mutex<UInt64>(10)
    let levels = Mutex<[MemoryPressure.Level]>([])
    let monitor = MemoryMonitor(
      softBytes: 100, hardBytes: 200, telemetry: .disabled(), used: { used.withLock { $0 } }, limit: nil
    ) { level in levels.withLock { $0.append(level) } }
    for bytes in [10, 150, 150, 50, 250] as [UInt64] {
      used.withLock { $0 = bytes }
      monitor.check()
    }
    #expect(levels.withLock { $0 } == [.high, .normal, .critical])
    #expect(MemoryMonitor.residentBytes() ?? 0 > 1 << 20)
  }
}
