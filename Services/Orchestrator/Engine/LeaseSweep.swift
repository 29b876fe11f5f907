internal import Contracts
internal import Decider
internal import Primitives
internal import RunStorage
internal import Telemetry

/// Ends leases that were not extended in time, and times steps out that no worker took in time.
struct LeaseSweep: Sendable {
  private static let leasesMax = 200

  let engine: Engine
  let store: any LeaseSweepStore
  let lease: Duration
  let logger: Logger
  let now: @Sendable () -> UInt64

  /// Looks once. Returns whether there may be more.
  func sweep(_ state: inout LeaseSweepStateMachine) async throws -> Bool {
    let began = now()
    if state.begin(now: began) == .askForTime { state.returned(try await store.now(), now: now()) }
    let startedAt = now()
    guard case .read(let start, let backSince) = state.begin(now: startedAt) else { return false }
    let (overdue, seenAt) = try await store.overdueLeases(
      from: start, backSince: backSince, leaseMilliseconds: lease.milliseconds, limit: LeaseSweep.leasesMax)
    guard state.read(began: began, now: now()) else { return false }
    let lostLeft = try await apply(overdue.map(LeaseSweep.loss), "a lease could not be taken back") {
      engine.metrics.lost()
    }
    let expired = try await store.expiredSteps(limit: LeaseSweep.leasesMax)
    let expiredLeft = try await apply(
      expired.map { step in
        RunChange(run: step.run, inputs: [.timeOut(step: step.step, attempt: step.attempt, .scheduleToStart)])
      }, "a step could not be timed out")
    if overdue.count < LeaseSweep.leasesMax, lostLeft == 0, let seenAt {
      state.swept(seenAt: seenAt, startedAt: startedAt, now: now())
    }
    // What was left this time is not looked at again at once.
    return (overdue.count == LeaseSweep.leasesMax && lostLeft == 0)
      || (expired.count == LeaseSweep.leasesMax && expiredLeft == 0)
  }

  /// What an overdue lease means for its run.
  private static func loss(of lease: OverdueLease) -> RunChange {
    RunChange(
      run: lease.run,
      inputs: [
        lease.isClosed
          ? .timeOut(step: lease.key, attempt: lease.attempt, .startToClose)
          : .lose(step: lease.key, attempt: lease.attempt, wasUndelivered: lease.isUndelivered)
      ],
      proof: Transition.LeaseProof(
        step: lease.step, token: lease.token, isReleased: true, extensionMilliseconds: 0, isLost: true))
  }

  /// Makes changes, each by itself: one that fails does not hinder the others. Returns how many are still owed.
  private func apply(_ changes: [RunChange], _ message: String, _ made: () -> Void = {}) async throws -> Int {
    guard !changes.isEmpty else { return 0 }
    var left = 0
    for (change, result) in zip(changes, try await engine.apply(all: changes)) {
      switch result {
      case .success: made()
      // Another replica was faster, the lease was extended, or the run has ended.
      case .failure(ChangeRefusal.byDecider), .failure(ChangeRefusal.leaseLost), .failure(ChangeRefusal.unknownRun):
        break
      case .failure(let error):
        left += 1
        logger.warning(message, ["run": .string(change.run.description), "reason": .string("\(error)")])
      }
    }
    return left
  }
}
