import Contracts
import Decider
import Postgres
import Primitives
import RunEngine
import RunStorage
import Testing

@Suite struct TimerServiceTests {
  private let fixture = EngineFixture()

  private func delayed() async throws -> RunID {
    try await fixture.submit(WorkflowStep(key: "pause", kind: .delay(milliseconds: 10)), work("a", ["pause"]))
  }

  @Test func `a timer goes with the transition that does its work`() async throws {
    let run = try await delayed()
    #expect(fixture.status(run, "pause") == .waiting)
    try await fixture.fire(timer(1, .delay, run, fixture, step: "pause"))
    #expect(fixture.status(run, "pause") == .succeeded)
    #expect(fixture.status(run, "a") == .ready)
    #expect(fixture.store.read { $0.firedTimers } == [1])
    #expect(fixture.store.read { $0.deletedTimers.isEmpty && $0.postponedTimers.isEmpty })
  }

  @Test func `a timer whose work was done is deleted`() async throws {
    let run = try await delayed()
    try await fixture.fire(timer(1, .delay, run, fixture, step: "pause"))
    try await fixture.fire(timer(2, .delay, run, fixture, step: "pause"))
    #expect(fixture.store.read { $0.deletedTimers } == [2])
  }

  @Test func `a timer of a run that has ended or gone is deleted`() async throws {
    let run = try await delayed()
    try await fixture.apply(.cancel(by: "somebody", reason: ""), to: run)
    try await fixture.fire(timer(1, .delay, run, fixture, step: "pause"))
    let gone = RunID(UUID(high: 9, low: 9))
    try await fixture.fire(timer(2, .expire, gone, fixture, attempt: nil))
    #expect(fixture.store.read { $0.deletedTimers } == [1, 2])
  }

  @Test func `an unavailable database postpones a timer, longer each time`() async throws {
    let run = try await delayed()
    fixture.store.change { $0.failure = PostgresError(.unavailable) }
    let timers = fixture.timers
    var pauses: [Int64] = []
    for _ in 0..<4 {
      let due = timer(1, .delay, run, fixture, step: "pause")
      fixture.store.change { $0.due = [due] }
      try await fixture.onLoop { _ = try await timers.fireDue() }
      pauses.append(fixture.store.read { $0.postponedTimers[1] } ?? 0)
    }
    // Up to half of each pause is left to chance.
    for (pause, longest) in zip(pauses, [250, 500, 1000, 2000] as [Int64]) {
      #expect((longest / 2...longest).contains(pause))
    }
    #expect(fixture.store.read { $0.deletedTimers.isEmpty })
    fixture.store.change { $0.failure = nil }
    try await fixture.fire(timer(1, .delay, run, fixture, step: "pause"))
    #expect(fixture.status(run, "pause") == .succeeded)
  }

  @Test func `a wait that takes too long times the step out`() async throws {
    var step = WorkflowStep(key: "call", kind: .signal(name: "go"))
    step.timeouts = StepTimeouts(startToClose: 10)
    let run = try await fixture.submit(step)
    try await fixture.fire(timer(1, .close, run, fixture, step: "call"))
    #expect(fixture.store.run(run)?.state.status == .failed)
    #expect(fixture.store.run(run)?.state.step("call")?.failure?.code == "start_to_close_timeout")
  }

  // MARK: Steps of the orchestrator

  @Test func `a transform gives its rendered input as its output`() async throws {
    var step = WorkflowStep(key: "shape", kind: .transform)
    step.input = #"{"answer": {"$ref": "input.prompt"}}"#
    let run = try await fixture.submit(step)
    try await fixture.fire(timer(1, .own, run, fixture, step: "shape"))
    let output = try #require(fixture.store.run(run)?.state.step("shape")?.output)
    let body = fixture.store.read { $0.payloads[output.sha256] }
    #expect(body.map { String(decoding: $0, as: UTF8.self) } == #"{"answer":"p"}"#)
    #expect(fixture.store.read { $0.firedTimers } == [1])
  }

  @Test func `an input that can never be rendered fails the step`() async throws {
    var step = WorkflowStep(key: "shape", kind: .transform)
    step.input = #"{"answer": {"$ref": "input.missing.part"}}"#
    let run = try await fixture.submit(step)
    fixture.store.change { $0.payloads = [:] }
    try await fixture.fire(timer(1, .own, run, fixture, step: "shape"))
    #expect(fixture.store.run(run)?.state.step("shape")?.failure?.code == "input_failed")
  }

  @Test func `an approval waits for the decision`() async throws {
    let run = try await fixture.submit(WorkflowStep(key: "ask", kind: .approval))
    try await fixture.fire(timer(1, .own, run, fixture, step: "ask"))
    #expect(fixture.status(run, "ask") == .waiting)
    #expect(fixture.store.run(run)?.state.step("ask")?.subject != nil)
  }

  // MARK: Sub-runs

  @Test func `a sub-run begins once, and its end completes the step`() async throws {
    fixture.workflows.add(Workflow(name: "inner", version: 1, steps: [work("b")]))
    let run = try await fixture.submit(
      WorkflowStep(key: "outer", kind: .run(workflow: "inner", version: nil)), work("a", ["outer"]))
    let child = RunID.of(run, step: "outer", attempt: 1)
    let begin = timer(1, .own, run, fixture, step: "outer")
    try await fixture.fire(begin)
    #expect(fixture.store.run(child)?.facts.parent?.run == run)
    #expect(fixture.store.run(child)?.facts.depth == 1)
    #expect(fixture.store.run(run)?.state.step("outer")?.child == child.description)
    // The claim of the timer ran out, and another replica does its work again.
    try await fixture.fire(begin)
    #expect(fixture.store.read { $0.runs.count } == 2)
    let output = Payload(Array("1".utf8))
    try fixture.store.elsewhere(child, .lease(step: "b", worker: "w"))
    try fixture.store.elsewhere(child, .succeed(step: "b", attempt: 1, output: output.ref, facts: []))
    try await fixture.fire(timer(2, .childEnded, run, fixture, step: "outer", other: child))
    #expect(fixture.status(run, "outer") == .succeeded)
    #expect(fixture.status(run, "a") == .ready)
  }

  @Test func `a sub-run whose timer went while its replica stood still is not begun`() async throws {
    fixture.workflows.add(Workflow(name: "inner", version: 1, steps: [work("b")]))
    let run = try await fixture.submit(WorkflowStep(key: "outer", kind: .run(workflow: "inner", version: nil)))
    let begin = timer(1, .own, run, fixture, step: "outer")
    fixture.store.change { $0.deletedTimers = [1] }
    try await fixture.fire(begin)
    #expect(fixture.store.read { $0.runs.count } == 1)
    // A later look at the run settles what becomes of the timer.
    #expect(fixture.store.read { $0.postponedTimers[1] } != nil)
    #expect(fixture.status(run, "outer") == .waiting)
  }

  @Test func `a step whose workflow does not exist fails`() async throws {
    let run = try await fixture.submit(WorkflowStep(key: "outer", kind: .run(workflow: "nowhere", version: nil)))
    try await fixture.fire(timer(1, .own, run, fixture, step: "outer"))
    #expect(fixture.store.run(run)?.state.step("outer")?.failure?.code == "unknown_workflow")
  }
}
