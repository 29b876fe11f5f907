import Contracts
import Decider
import Primitives
import Reactor
import RunStorage
import StepDispatch
import Telemetry
import Testing

/// A run with two steps that are ready, and the transition that writes them.
private func twoReadySteps(isRepeated: Bool = false, hasLocks: Bool = false) throws -> (Transition, RunState) {
  let workflow = Workflow(
    name: "two", version: 1,
    steps: [WorkflowStep(key: "a", jobType: "agent"), WorkflowStep(key: "b", jobType: "agent")])
  var state = RunState(workflow: workflow)
  let input = PayloadRef(sha256: String(repeating: "a", count: 64), bytes: 1)
  let events = try decide(&state, .create(input: input, seed: 1, facts: []))
  let work = ["a", "b"].map { key in
    QueuedStep(
      key: key, attempt: isRepeated ? 2 : 1, version: state.sequence, jobType: "agent", lane: "", hasLocks: hasLocks,
      priority: 0, delayMilliseconds: 0, timeouts: StepTimeouts(), inputSHA256: nil)
  }
  let transition = Transition(
    tenant: tenant, run: RunID(UUID(high: 3, low: 3)), expectedVersion: 0, version: state.sequence, events: events,
    status: state.status, isPaused: false, clearedAt: 0, usage: .zero, clearing: .nothing, work: work, timers: [],
    unqueued: [], payloads: [], proofs: [], finishedTimers: [], approvalLimits: [:], parent: nil)
  return (transition, state)
}

private let facts = RunFacts(
  tenant: tenant, task: TaskID(UUID(high: 3, low: 3)), project: nil, priority: 0, parent: nil, depth: 0,
  traceparent: nil)

@Suite struct EagerDispatchTests {
  /// A registry at which one worker with one slot waits.
  private func withWaitingWorker(_ body: @escaping @Sendable (WorkerSlotRegistry) throws -> Void) async throws {
    let group = EventLoopGroup(count: 1)
    let queue = FakeQueue()
    let dispatcher = Dispatcher(
      loop: group.loops[0], queue: queue, logger: Telemetry.disabled().logger, now: { 5000 }, onLease: { _, _ in })
    let waiting = Task { try await dispatcher.lease(request(deadline: .max)) }
    await queue.claims(atLeast: 1)
    try await group.loops[0].task { try body(dispatcher.slots) }.value
    dispatcher.drain()
    waiting.cancel()
    _ = await waiting.result
    group.stop()
  }

  @Test func `a new step goes to the worker that is free, the other into the queue`() async throws {
    try await withWaitingWorker { slots in
      var (transition, state) = try twoReadySteps()
      let before = state.sequence
      var eager = EagerDispatch(registry: slots, now: { 5000 })
      eager.assign(&transition, &state)
      #expect(transition.dispatched.map(\.step.key) == ["a"])
      #expect(transition.work.map(\.key) == ["b"])
      #expect(state.sequence == before + 1)
      #expect(transition.version == state.sequence)
      #expect(state.step("a")?.status == .leased(worker: "w"))
      let id = StepID.of(transition.run, step: "a")
      let lease = WrittenLease(deadline: Timestamp(unixMicroseconds: 9), input: nil)
      let steps = eager.committed(transition, facts, [id: lease])
      #expect(steps.map(\.step) == [id])
      #expect(steps.first?.version == transition.version)
      #expect(eager.grants.grants.map(\.steps.count) == [1])
    }
  }

  @Test func `a transition that was not written leaves its grant empty`() async throws {
    try await withWaitingWorker { slots in
      var (transition, state) = try twoReadySteps()
      var eager = EagerDispatch(registry: slots, now: { 5000 })
      eager.assign(&transition, &state)
      #expect(eager.committed(transition, facts, [:]).isEmpty)
      #expect(eager.grants.grants.map(\.reserved) == [1])
      #expect(eager.grants.grants.map(\.steps.count) == [0])
    }
  }

  @Test(arguments: [(true, false), (false, true)])
  func `repeated attempts and steps with locks go through the queue`(isRepeated: Bool, hasLocks: Bool) async throws {
    try await withWaitingWorker { slots in
      var (transition, state) = try twoReadySteps(isRepeated: isRepeated, hasLocks: hasLocks)
      var eager = EagerDispatch(registry: slots, now: { 5000 })
      eager.assign(&transition, &state)
      #expect(transition.dispatched.isEmpty)
      #expect(transition.work.count == 2)
      #expect(eager.grants.grants.isEmpty)
    }
  }
}
