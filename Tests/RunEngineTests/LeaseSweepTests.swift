import Contracts
import Decider
import Postgres
import Primitives
import RunEngine
import Testing

@testable import RunStorage

private let second: UInt64 = 1_000_000_000

@Suite struct LeaseSweepTests {
  private let start = Timestamp(unixMicroseconds: 5_000_000)

  @Test func `all leases are read for a whole life after the database came back`() {
    var sweep = LeaseSweepStateMachine(lease: .seconds(15))
    #expect(sweep.begin(now: 0) == .askForTime)
    sweep.returned(start, now: 0)
    #expect(sweep.begin(now: 1 * second) == .read(from: nil, backSince: start))
    sweep.swept(seenAt: start + .seconds(1), startedAt: 1 * second, now: 1 * second)
    #expect(sweep.begin(now: 16 * second) == .read(from: nil, backSince: start))
  }

  @Test func `after that only what has passed since, with an overlap, and all once a minute`() {
    var sweep = LeaseSweepStateMachine(lease: .seconds(15))
    sweep.returned(start, now: 0)
    sweep.swept(seenAt: start + .seconds(17), startedAt: 17 * second, now: 17 * second)
    let from = start + .milliseconds(16_500)
    #expect(sweep.begin(now: 18 * second) == .read(from: from, backSince: start))
    #expect(sweep.begin(now: 76 * second) == .read(from: from, backSince: start))
    #expect(sweep.begin(now: 77 * second) == .read(from: nil, backSince: start))
  }

  @Test func `a failure, or a database that stood still, begins a new grace`() {
    var sweep = LeaseSweepStateMachine(lease: .seconds(15))
    sweep.returned(start, now: 0)
    #expect(sweep.read(began: 20 * second, now: 23 * second) == true)
    #expect(sweep.read(began: 20 * second, now: 23 * second + 1) == false)
    #expect(sweep.begin(now: 24 * second) == .askForTime)
    sweep.returned(start, now: 24 * second)
    sweep.failed()
    #expect(sweep.begin(now: 25 * second) == .askForTime)
  }

  // MARK: With the engine

  private func leasedRun(_ fixture: EngineFixture, isClosed: Bool = false) async throws -> (
    run: RunID, lease: OverdueLease
  ) {
    let run = try await fixture.submit(work("a"))
    try fixture.store.elsewhere(run, .lease(step: "a", worker: "silent"))
    let step = StepID.of(run, step: "a")
    let token = UUID(high: 4, low: 4)
    let lease = OverdueLease(
      step: step, run: run, tenant: tenant, key: "a", attempt: 1, token: token, isClosed: isClosed,
      isUndelivered: false)
    fixture.store.change {
      $0.leases[step] = token
      $0.overdue = [lease]
    }
    return (run, lease)
  }

  private func sweep(_ fixture: EngineFixture) async throws -> Bool {
    let timers = fixture.timers
    return try await fixture.onLoop {
      var state = LeaseSweepStateMachine(lease: .seconds(15))
      return try await timers.sweepLeases(&state)
    }
  }

  @Test func `the step of a silent worker is taken back and attempted again`() async throws {
    let fixture = EngineFixture()
    let (run, _) = try await leasedRun(fixture)
    #expect(try await !sweep(fixture))
    #expect(fixture.store.run(run)?.state.step("a")?.attempt == 2)
    #expect(fixture.store.read { $0.leases.isEmpty })
    let types = fixture.store.run(run)?.events.map(\.type) ?? []
    #expect(types.contains("step.lost") && !types.contains("step.timed_out"), "\(types)")
  }

  @Test func `an attempt that takes too long is timed out, not lost`() async throws {
    let fixture = EngineFixture()
    let (run, _) = try await leasedRun(fixture, isClosed: true)
    #expect(try await !sweep(fixture))
    let types = fixture.store.run(run)?.events.map(\.type) ?? []
    #expect(types.contains("step.timed_out") && !types.contains("step.lost"), "\(types)")
  }

  @Test func `what a database says that stood still is not acted upon`() async throws {
    let fixture = EngineFixture()
    let (run, _) = try await leasedRun(fixture)
    let clock = fixture.clock
    fixture.store.change { $0.whileReading = { clock.advance(by: .seconds(4)) } }
    #expect(try await !sweep(fixture))
    #expect(fixture.store.run(run)?.state.step("a")?.attempt == 1)
    fixture.store.change { $0.whileReading = nil }
    #expect(try await !sweep(fixture))
    #expect(fixture.store.run(run)?.state.step("a")?.attempt == 2)
  }

  @Test func `a lease that another replica has taken back is no failure`() async throws {
    let fixture = EngineFixture()
    let (run, lease) = try await leasedRun(fixture)
    fixture.store.change { $0.leases[lease.step] = UUID(high: 5, low: 5) }
    #expect(try await !sweep(fixture))
    #expect(fixture.status(run, "a") == .leased(worker: "silent"))
  }

  @Test func `a step that nobody took in time times out`() async throws {
    let fixture = EngineFixture()
    let run = try await fixture.submit(work("a"))
    fixture.store.change { $0.expired = [ExpiredStep(run: run, step: "a", attempt: 1)] }
    _ = try await sweep(fixture)
    #expect(fixture.store.run(run)?.state.status == .failed)
  }
}
