import Contracts
import Decider
import Postgres
import Primitives
import RunEngine
import StepDispatch
import Synchronization

@testable import RunStorage

/// The tables of runs in memory, with the fence and the proofs of the real ones. Its clock stands still unless it is
/// moved.
final class FakeStore: RunCommitStore, TimerStore, LeaseSweepStore, SubRunStore, ForkStore, StepQueue {
  struct Run {
    let facts: RunFacts
    let workflow: Workflow
    var events: [RunEvent]
    var state: RunState
  }

  struct Tables {
    var runs: [RunID: Run] = [:]
    var payloads: [String: [UInt8]] = [:]
    var leases: [StepID: UUID] = [:]
    var queued: [String] = []
    var timers: [NewTimer] = []
    /// Timers that went with a transition, that were deleted, and that were postponed.
    var firedTimers: [Int64] = []
    var deletedTimers: [Int64] = []
    var postponedTimers: [Int64: Int64] = [:]
    var due: [DueTimer] = []
    var overdue: [OverdueLease] = []
    var expired: [ExpiredStep] = []
    var sweepStarts: [Timestamp?] = []
    /// What happens while leases are read.
    var whileReading: (@Sendable () -> Void)?
    var time = Timestamp(unixMicroseconds: 1_000_000_000)
    var commits: [[RunID]] = []
    var inserts = 0
    /// Commits that are answered so before anything is written.
    var refusals: [RunStore.Outcome] = []
    var limited: Set<TenantID> = []
    /// Runs that no statement can write.
    var unwritable: Set<RunID> = []
    var failure: PostgresError?
    var claims = 0
    var awaitingClaim: [CheckedContinuation<Void, Never>] = []
  }

  let tables = Mutex(Tables())

  func change(_ body: (inout Tables) -> Void) { tables.withLock { body(&$0) } }
  func read<Value>(_ body: (Tables) -> Value) -> Value { tables.withLock { body($0) } }

  /// A run as the table has it.
  func run(_ id: RunID) -> Run? { read { $0.runs[id] } }

  /// Another replica moves the run.
  func elsewhere(_ id: RunID, _ input: RunInput) throws {
    try tables.withLock { tables in
      guard var run = tables.runs[id] else { return }
      run.events += try decide(&run.state, input)
      tables.runs[id] = run
    }
  }

  // MARK: Commits

  func insert(
    _ submissions: [Submission], _ plans: [Transition], idempotency: IdempotencyRow?
  ) async throws -> [RunID: RunStore.Insertion] {
    try tables.withLock { tables in
      tables.inserts += 1
      if let failure = tables.failure { throw failure }
      var result: [RunID: RunStore.Insertion] = [:]
      for (submission, plan) in zip(submissions, plans) {
        if tables.runs[submission.run] != nil {
          result[submission.run] = .exists
        } else if let timer = submission.timer, tables.deletedTimers.contains(timer) {
          result[submission.run] = .unwanted
        } else if !plan.dispatched.isEmpty, tables.limited.contains(plan.tenant) {
          result[submission.run] = .limited
        } else {
          tables.runs[submission.run] = Run(
            facts: submission.facts, workflow: submission.state.workflow, events: submission.events,
            state: submission.state)
          tables.payloads[submission.input.ref.sha256] = submission.input.body
          let leases = FakeStore.write(plan, to: &tables)
          result[submission.run] = .inserted(createdAt: tables.time, leases: leases)
        }
      }
      return result
    }
  }

  func apply(_ transitions: [Transition]) async throws -> [RunID: RunStore.Outcome] {
    try tables.withLock { tables in
      tables.commits.append(transitions.map(\.run))
      if let failure = tables.failure { throw failure }
      if transitions.contains(where: { tables.unwritable.contains($0.run) }) { throw PostgresError(.sql("22P05")) }
      var result: [RunID: RunStore.Outcome] = [:]
      for transition in transitions {
        if !tables.refusals.isEmpty {
          result[transition.run] = tables.refusals.removeFirst()
          continue
        }
        guard var run = tables.runs[transition.run], run.events.count == transition.expectedVersion else {
          result[transition.run] = .conflict
          continue
        }
        let lost = transition.proofs.filter { tables.leases[$0.step] != $0.token }.map(\.step)
        guard lost.isEmpty else {
          result[transition.run] = .leaseLost(Set(lost))
          continue
        }
        if !transition.dispatched.isEmpty, tables.limited.contains(transition.tenant) {
          result[transition.run] = .limited
          continue
        }
        run.events += transition.events
        for event in transition.events { evolve(&run.state, event) }
        tables.runs[transition.run] = run
        for proof in transition.proofs where proof.isReleased { tables.leases[proof.step] = nil }
        result[transition.run] = .committed(FakeStore.write(transition, to: &tables))
      }
      return result
    }
  }

  private static func write(_ transition: Transition, to tables: inout Tables) -> [StepID: WrittenLease] {
    for payload in transition.payloads { tables.payloads[payload.ref.sha256] = payload.body }
    tables.queued += transition.work.map(\.key)
    tables.timers += transition.timers
    tables.firedTimers += transition.finishedTimers
    var leases: [StepID: WrittenLease] = [:]
    for step in transition.dispatched {
      tables.leases[step.id] = step.token
      leases[step.id] = WrittenLease(deadline: tables.time, input: nil)
    }
    return leases
  }

  func head(_ run: RunID) async throws -> RunHead? {
    read { $0.runs[run] }.map {
      RunHead(
        facts: $0.facts, workflow: $0.workflow.name, version: $0.workflow.version,
        createdAt: Timestamp(unixMicroseconds: 0))
    }
  }

  func history(_ run: RunID) async throws -> [RunEvent] { read { $0.runs[run]?.events ?? [] } }

  func history(_ run: RunID, after sequence: Int) async throws -> [RunEvent] {
    Array(try await history(run).dropFirst(sequence))
  }

  func version(of run: RunID) async throws -> Int? { read { $0.runs[run]?.events.count } }

  // MARK: Timers

  func claimTimers(limit: Int) async throws -> [DueTimer] {
    tables.withLock { tables in
      defer { tables.due = [] }
      return tables.due
    }
  }

  func finish(timers: [Int64]) async throws { change { $0.deletedTimers += timers } }

  func postpone(_ timers: [(id: Int64, milliseconds: Int64)]) async throws {
    change { tables in for timer in timers { tables.postponedTimers[timer.id] = timer.milliseconds } }
  }

  func promoteDelayed(limit: Int) async throws -> Int { 0 }
  func millisecondsToNextDue(max: Int64) async throws -> Int64 { max }

  // MARK: Leases

  func overdueLeases(
    from start: Timestamp?, backSince: Timestamp?, leaseMilliseconds: Int64, limit: Int
  ) async throws -> (leases: [OverdueLease], seenAt: Timestamp?) {
    read { $0.whileReading }?()
    return tables.withLock { tables in
      tables.sweepStarts.append(start)
      return (tables.overdue, tables.time)
    }
  }

  func expiredSteps(limit: Int) async throws -> [ExpiredStep] { read { $0.expired } }
  func now() async throws -> Timestamp? { read { $0.time } }

  // MARK: Sub-runs and forks

  func payloads(_ tenant: TenantID, _ payloads: [PayloadRef]) async throws -> [String: [UInt8]] {
    read { tables in
      Dictionary(
        payloads.compactMap { ref in tables.payloads[ref.sha256].map { (ref.sha256, $0) } },
        uniquingKeysWith: { first, _ in first })
    }
  }

  func childEnd(_ run: RunID) async throws -> ChildEnd? {
    self.run(run).map { run in
      let result = run.state.step(run.workflow.resultStep)
      return ChildEnd(
        status: run.state.status, output: result?.output, failure: result?.failure, usage: run.state.usage)
    }
  }

  func run(_ tenant: TenantID, _ id: RunID) async throws -> RunRow? { nil }

  func end(of run: RunID) async throws -> RunEnd? {
    self.run(run).map { RunEnd(status: $0.state.status, output: nil, failure: nil) }
  }

  func touch(_ tenant: TenantID, _ payloads: [PayloadRef]) async throws {}

  // MARK: The ready queue

  func claim(
    jobType: String, workers: [String], milliseconds: Int64, _ scan: ClaimScan
  ) async throws -> ClaimResult {
    let woken = tables.withLock { tables in
      tables.claims += 1
      defer { tables.awaitingClaim = [] }
      return tables.awaitingClaim
    }
    for continuation in woken { continuation.resume() }
    return ClaimResult()
  }

  /// Waits until the first claim was made.
  func claimed() async throws {
    await withCheckedContinuation { continuation in
      let isMade = tables.withLock { tables in
        if tables.claims == 0 { tables.awaitingClaim.append(continuation) }
        return tables.claims > 0
      }
      if isMade { continuation.resume() }
    }
  }

  func releaseUndelivered(_ steps: [LeasedStep]) async throws {}
}
