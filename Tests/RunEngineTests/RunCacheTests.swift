import Contracts
import Decider
import Primitives
import RunEngine
import RunStorage
import Testing

@Suite struct RunCacheTests {
  private let run = RunID(UUID(high: 1, low: 1))

  private func snapshot(_ steps: WorkflowStep...) throws -> RunSnapshot {
    let submission = try EngineFixture.submission(Workflow(name: "test", version: 1, steps: steps), run)
    return RunSnapshot(
      facts: submission.facts, workflow: CompiledWorkflow(submission.state.workflow), state: submission.state)
  }

  private func started(_ step: String) -> RunEvent { .stepStarted(step: step, attempt: 1, worker: "w") }

  @Test func `a run that is checked out is known to be changing, and its workflow stays known`() throws {
    var cache = RunCacheStateMachine()
    cache.reserve(run)
    cache.checkIn(run, try snapshot(work("a")))
    #expect(cache.checkOut(run)?.isUnverified == false)
    #expect(cache.checkOut(run) == nil)
    guard case .changing = cache.lookup(run) else {
      Issue.record("the run is not changing")
      return
    }
    #expect(cache.workflow(run)?.workflow.name == "test")
  }

  @Test func `so many runs are kept, and no more`() throws {
    var cache = RunCacheStateMachine()
    let snapshot = try snapshot(work("a"))
    let runs = (0..<20_010).map { RunID(UUID(high: 2, low: $0)) }
    for run in runs { cache.checkIn(run, snapshot) }
    let known = runs.count { if case .known = cache.lookup($0) { true } else { false } }
    #expect(known == 20_000)
    guard case .known? = runs.last.map({ cache.lookup($0) }) else {
      Issue.record("the newest run is not kept")
      return
    }
  }

  @Test func `a lease is applied to a state at once, or when it comes back`() throws {
    var cache = RunCacheStateMachine()
    let before = try snapshot(work("a"), work("b"))
    cache.reserve(run)
    cache.started(run, version: before.state.sequence + 1, started("a"))
    cache.checkIn(run, before)
    cache.started(run, version: before.state.sequence + 2, started("b"))
    guard case .known(let after) = cache.lookup(run) else {
      Issue.record("the run is not known")
      return
    }
    #expect(after.state.step("a")?.status == .leased(worker: "w"))
    #expect(after.state.step("b")?.status == .leased(worker: "w"))
  }

  @Test func `a lease that leaves a gap makes the state unusable`() throws {
    var cache = RunCacheStateMachine()
    let before = try snapshot(work("a"))
    cache.reserve(run)
    cache.started(run, version: before.state.sequence + 2, started("a"))
    cache.checkIn(run, before)
    #expect(cache.checkOut(run) == nil)
  }

  @Test func `a run that only waits is not kept, unless its state is unverified`() throws {
    var cache = RunCacheStateMachine()
    let waiting = try snapshot(WorkflowStep(key: "call", kind: .signal(name: "go")))
    cache.checkIn(run, waiting)
    #expect(cache.checkOut(run) == nil)
    cache.checkIn(run, waiting, isUnverified: true)
    #expect(cache.checkOut(run)?.isUnverified == true)
  }

  @Test func `a contested run is forgotten and remembered as such once`() throws {
    var cache = RunCacheStateMachine()
    cache.checkIn(run, try snapshot(work("a")))
    cache.forgetContested(run)
    #expect(cache.checkOut(run) == nil)
    #expect(cache.takeContested(run) == true)
    #expect(cache.takeContested(run) == false)
  }

  @Test func `only a newer state takes the place of a known one`() throws {
    var cache = RunCacheStateMachine()
    let older = try snapshot(work("a"))
    var newer = older
    evolve(&newer.state, started("a"))
    cache.checkIn(run, newer)
    cache.renew(run, older)
    #expect(cache.checkOut(run)?.snapshot.state.sequence == newer.state.sequence)
  }
}
