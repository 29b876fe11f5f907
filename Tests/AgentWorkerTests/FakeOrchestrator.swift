import AgentLoop
import Contracts
import JSON
import Synchronization

@testable import AgentWorker

/// An orchestrator in memory: it holds one lease, takes records in their order, and can be away.
final class FakeOrchestrator: OrchestratorLink {
  /// A time in which its database is away.
  struct Outage: Sendable {
    enum Kind: Sendable {
      /// Calls are answered at once.
      case refuses
      /// Calls are not answered.
      case hangs
      /// Calls are carried out, and their answers lost.
      case losesAnswers
    }
    let seconds: ClosedRange<Double>
    let kind: Kind
  }

  private struct State {
    var deadline: Double
    var journal: [CallReport] = []
    var outcome: AttemptOutcome?
    var outcomes = 0
    var isTaken = false
    var heartbeats = 0
    var batches = 0
    var refusals: [String: LinkAnswer] = [:]
  }

  private let clock: VirtualClock
  private let lease: Double
  private let outages: [Outage]
  private let takeBackAt: Double?
  /// From when on it knows heartbeats of many leases.
  private let batchesFrom: Double
  private let state: Mutex<State>

  init(
    _ clock: VirtualClock, lease: Double = 15, outages: [Outage] = [], takeBackAt: Double? = nil,
    refusals: [String: LinkAnswer] = [:], batchesFrom: Double = 0
  ) {
    self.clock = clock
    self.lease = lease
    self.outages = outages
    self.takeBackAt = takeBackAt
    self.batchesFrom = batchesFrom
    var state = State(deadline: lease)
    state.refusals = refusals
    self.state = Mutex(state)
  }

  var journal: [CallReport] { state.withLock { $0.journal } }
  var outcome: AttemptOutcome? { state.withLock { $0.outcome } }
  var outcomes: Int { state.withLock { $0.outcomes } }
  var heartbeats: Int { state.withLock { $0.heartbeats } }
  var batches: Int { state.withLock { $0.batches } }

  private var outage: Outage.Kind? { outages.first { $0.seconds.contains(clock.seconds) }?.kind }

  private func answering(
    _ timeout: Duration, _ take: (inout State) -> LinkAnswer
  ) async throws -> LinkAnswer {
    switch outage {
    case .refuses: return .unavailable(reason: "storage_unavailable")
    case .hangs:
      try await clock.sleep(for: timeout)
      return .unavailable(reason: "timed out")
    case .losesAnswers:
      _ = state.withLock { take(&$0) }
      return .unavailable(reason: "connection lost")
    case nil: return state.withLock { take(&$0) }
    }
  }

  /// The sweep: a lease whose time is over goes to somebody else, unless nobody can look at the moment.
  private func isHeld(_ state: inout State, at now: Double) -> Bool {
    if let takeBackAt, now >= takeBackAt { state.isTaken = true }
    return !state.isTaken && state.outcome == nil
  }

  func record(_ calls: [CallReport], for step: LeasedStep, timeout: Duration) async throws -> LinkAnswer {
    let now = clock.seconds
    return try await answering(timeout) { state in
      guard isHeld(&state, at: now) else { return .lost }
      if calls.isEmpty { state.heartbeats += 1 } else if let refusal = state.refusals["journal"] { return refusal }
      if let first = calls.first, first.index != state.journal.count { return .repeated }
      state.journal += calls
      state.deadline = now + lease
      return .accepted
    }
  }

  func heartbeat(_ steps: [LeasedStep], timeout: Duration) async throws -> HeartbeatsAnswer {
    let now = clock.seconds
    guard now >= batchesFrom else { return .unsupported }
    let answer = try await answering(timeout) { state in
      guard isHeld(&state, at: now) else { return .lost }
      state.batches += 1
      state.deadline = now + lease
      return .accepted
    }
    if case .unavailable(let reason) = answer { return .unavailable(reason: reason) }
    return .answered(steps.map { _ in answer })
  }

  func deliver(_ outcome: AttemptOutcome, for step: LeasedStep) async throws -> LinkAnswer {
    let now = clock.seconds
    return try await answering(.seconds(15)) { state in
      guard isHeld(&state, at: now) else { return .lost }
      state.outcomes += 1
      switch outcome {
      case .success: if let refusal = state.refusals["result"] { return refusal }
      case .waiting, .released: break
      case .failure: if let refusal = state.refusals["failure"] { return refusal }
      }
      if let first = outcome.calls.first, first.index != state.journal.count { return .repeated }
      state.journal += outcome.calls
      state.outcome = outcome
      return .accepted
    }
  }
}
