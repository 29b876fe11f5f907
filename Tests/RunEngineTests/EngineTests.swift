import Contracts
import Decider
import Postgres
import Primitives
import Reactor
import RunEngine
import RunStorage
import StepDispatch
import Testing

@Suite struct EngineTests {
  @Test func `a run is written before it is acknowledged, and once`() async throws {
    let fixture = EngineFixture()
    let run = try await fixture.submit(work("a"))
    #expect(fixture.status(run, "a") == .ready)
    #expect(fixture.store.read { $0.queued } == ["a"])
    let again = try await fixture.onLoop { [engine = fixture.engine] in
      try await engine.accept(
        EngineFixture.submission(Workflow(name: "test", version: 1, steps: [work("a")]), run))
    }
    #expect(again == nil)
  }

  @Test func `a step goes straight to a worker that waits, without a place in the queue`() async throws {
    let fixture = EngineFixture()
    let worker = Task { [engine = fixture.engine] in try await engine.dispatcher.lease(leaseRequest) }
    try await fixture.workerWaits()
    let run = try await fixture.submit(work("a"))
    let steps = try await worker.value
    #expect(steps.map(\.key) == ["a"])
    #expect(fixture.status(run, "a") == .leased(worker: "w"))
    #expect(fixture.store.read { $0.queued }.isEmpty)
    let step = try #require(steps.first)
    #expect(fixture.engine.leases.verify(step.step, token: step.token)?.run == run)
  }

  @Test func `a step that meets a limit goes through the queue`() async throws {
    let fixture = EngineFixture()
    fixture.store.change { $0.limited = [tenant] }
    let worker = Task { [engine = fixture.engine] in try await engine.dispatcher.lease(leaseRequest) }
    try await fixture.workerWaits()
    let run = try await fixture.submit(work("a"))
    #expect(fixture.status(run, "a") == .ready)
    #expect(fixture.store.read { $0.inserts } == 2)
    #expect(fixture.store.read { $0.queued } == ["a"])
    fixture.engine.drain()
    #expect(try await worker.value.isEmpty)
  }

  @Test func `a change on an old state is decided again on what the database holds`() async throws {
    let fixture = EngineFixture()
    let run = try await fixture.submit(work("a"), work("b"))
    try fixture.store.elsewhere(run, .lease(step: "a", worker: "of another replica"))
    let result = try await fixture.apply(.pause(by: "somebody"), to: run)
    #expect(result.effectiveStatus == "paused")
    #expect(fixture.store.read { $0.commits.count } == 2)
    #expect(fixture.status(run, "a") == .leased(worker: "of another replica"))
  }

  @Test func `a refusal counts only on what the database holds`() async throws {
    let fixture = EngineFixture()
    let run = try await fixture.submit(work("a"))
    try fixture.store.elsewhere(run, .pause(by: "somebody"))
    // The state in memory is not paused, and refuses this.
    try await fixture.apply(.resume(by: "somebody"), to: run)
    #expect(fixture.store.run(run)?.state.isPaused == false)
    await #expect(throws: ChangeRefusal.self) { try await fixture.apply(.resume(by: "somebody"), to: run) }
  }

  @Test func `changes that arrive together are written together, what one refuses keeps no other`() async throws {
    let fixture = EngineFixture()
    let first = try await fixture.submit(work("a"), run: 1)
    let second = try await fixture.submit(work("a"), run: 2)
    let unknown = RunID(UUID(high: 9, low: 9))
    let results = try await fixture.onLoop { [engine = fixture.engine] in
      try await engine.apply(
        all: [first, unknown, second].map { RunChange(run: $0, inputs: [.pause(by: "somebody")]) })
    }
    #expect(results.map { (try? $0.get())?.effectiveStatus } == ["paused", nil, "paused"])
    #expect(fixture.store.read { $0.commits.map { Set($0) } } == [[first, second]])
  }

  @Test func `a run that cannot be written fails nobody else`() async throws {
    let fixture = EngineFixture()
    let first = try await fixture.submit(work("a"), run: 1)
    let second = try await fixture.submit(work("a"), run: 2)
    fixture.store.change { $0.unwritable = [first] }
    let results = try await fixture.onLoop { [engine = fixture.engine] in
      try await engine.apply(all: [first, second].map { RunChange(run: $0, inputs: [.pause(by: "somebody")]) })
    }
    #expect(results.map { (try? $0.get()) != nil } == [false, true])
  }

  @Test func `a lease that does not hold writes nothing`() async throws {
    let fixture = EngineFixture()
    let run = try await fixture.submit(work("a"))
    try fixture.store.elsewhere(run, .lease(step: "a", worker: "w"))
    let step = StepID.of(run, step: "a")
    let token = UUID(high: 4, low: 4)
    func result() -> RunChange {
      RunChange(
        run: run, inputs: [.succeed(step: "a", attempt: 1, output: Payload([]).ref, facts: [])],
        proof: Transition.LeaseProof(
          step: step, token: token, isReleased: true, extensionMilliseconds: 0, isLost: false))
    }
    let change = result()
    await #expect(throws: ChangeRefusal.self) {
      try await fixture.onLoop { [engine = fixture.engine] in try await engine.apply(change) }
    }
    #expect(fixture.status(run, "a") == .leased(worker: "w"))
    fixture.store.change { $0.leases[step] = token }
    try await fixture.onLoop { [engine = fixture.engine] in _ = try await engine.apply(change) }
    #expect(fixture.status(run, "a") == .succeeded)
    #expect(fixture.store.read { $0.leases.isEmpty })
  }

  @Test func `an unavailable database is reported, and the next change reads the run again`() async throws {
    let fixture = EngineFixture()
    let run = try await fixture.submit(work("a"))
    fixture.store.change { $0.failure = PostgresError(.unavailable) }
    await #expect(throws: PostgresError.self) { try await fixture.apply(.pause(by: "somebody"), to: run) }
    fixture.store.change { $0.failure = nil }
    try fixture.store.elsewhere(run, .pause(by: "another"))
    await #expect(throws: ChangeRefusal.self) { try await fixture.apply(.pause(by: "somebody"), to: run) }
  }

  @Test func `a snapshot is at least as new as the version that was asked for`() async throws {
    let fixture = EngineFixture()
    let run = try await fixture.submit(work("a"))
    try fixture.store.elsewhere(run, .pause(by: "another"))
    let version = try #require(fixture.store.run(run)?.events.count)
    let snapshots = try await fixture.onLoop { [engine = fixture.engine] in
      (try await engine.snapshot(of: run, atLeast: 1), try await engine.snapshot(of: run, atLeast: version))
    }
    #expect(snapshots.0?.state.isPaused == false)
    #expect(snapshots.1?.state.isPaused == true)
  }
}

private let leaseRequest = WorkerPoll(
  worker: "w", jobTypes: ["agent"], slots: 1, leaseMilliseconds: 1000, deadline: .max)

extension EngineFixture {
  /// Waits until a worker is registered and its first claim has found nothing.
  fileprivate func workerWaits() async throws {
    try await store.claimed()
    try await group.onEach { _ in }
  }
}
