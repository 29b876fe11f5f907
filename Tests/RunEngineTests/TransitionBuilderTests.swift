import Contracts
import Decider
import Primitives
import RunStorage
import Testing

@testable import RunEngine

/// What the effects of a decision are in rows of the queue and timers.
@Suite struct TransitionBuilderTests {
  private let project = ProjectID(UUID(high: 5, low: 5))
  private let run = RunID(UUID(high: 6, low: 6))

  /// The queue entries of a run at its beginning.
  private func work(priority: Int, project: ProjectID?, _ steps: WorkflowStep...) throws -> [QueuedStep] {
    let begun = try EngineFixture.submission(Workflow(name: "test", version: 1, steps: steps), run)
    let facts = RunFacts(
      tenant: tenant, task: TaskID(run.uuid), project: project, priority: priority, parent: nil, depth: 0,
      traceparent: nil)
    return TransitionBuilder(run: run, facts: facts, state: begun.state)
      .work(Effects(of: begun.events, in: begun.state))
  }

  private func step(priority: Int) -> WorkflowStep {
    var step = WorkflowStep(key: "a", jobType: "agent")
    step.priority = priority
    return step
  }

  @Test(arguments: [(0, 0, 0), (3, 4, 7), (9, 9, 10), (-9, -9, -10), (-2, 5, 3)])
  func `the priorities of run and step are added within bounds`(_ ofRun: Int, _ ofStep: Int, _ sum: Int) throws {
    #expect(try work(priority: ofRun, project: nil, step(priority: ofStep)).map(\.priority) == [sum])
  }

  @Test func `a lane names all that a limit can be set for`() throws {
    var step = step(priority: 0)
    step.agent = "planner"
    step.model = "small"
    step.locks = ["repository"]
    let queued = try #require(try work(priority: 0, project: project, step).first)
    #expect(
      queued.lane.split(separator: Lane.separator).map(String.init)
        == ["project:\(project)", "agent:planner", "model:small", "lock:repository"])
    #expect(queued.hasLocks)
    let plain = try #require(try work(priority: 0, project: nil, self.step(priority: 0)).first)
    #expect(plain.lane.isEmpty && !plain.hasLocks)
  }

  @Test(arguments: [false, true])
  func `a sub-run that nobody waits for is cancelled, whether it began or not`(_ isBegun: Bool) async throws {
    let fixture = EngineFixture()
    fixture.workflows.add(Workflow(name: "inner", version: 1, steps: [WorkflowStep(key: "b", jobType: "agent")]))
    let run = try await fixture.submit(WorkflowStep(key: "outer", kind: .run(workflow: "inner", version: nil)))
    if isBegun { try await fixture.fire(timer(1, .own, run, fixture, step: "outer")) }
    fixture.store.change { $0.timers = [] }
    try await fixture.apply(.cancel(by: "somebody", reason: ""), to: run)
    let cancels = fixture.store.read { $0.timers.filter { $0.kind == .cancel } }
    #expect(cancels.map(\.run) == [RunID.of(run, step: "outer", attempt: 1)])
    #expect(cancels.map(\.delayMilliseconds) == [0])
  }
}
