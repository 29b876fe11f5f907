internal import Contracts
internal import Decider
internal import Postgres
internal import Primitives
internal import SystemSources
internal import Telemetry

/// Takes back leases whose holders fell silent, and steps that nobody took in time.
///
/// A holder cannot be heard while the database is away: each lease gets a whole life from the moment at which it came
/// back, so that an outage costs no attempt.
struct LeaseSweep: Sendable {
  private static let leasesMax = 200
  /// What passed so shortly before the last look is looked at again: it may have been committed late.
  private static let overlap: Int64 = 500
  /// All leases are looked at so often, in nanoseconds, whatever was swept before.
  private static let fullInterval: UInt64 = 60_000_000_000
  /// A look that takes longer than this, in nanoseconds, found a database that stood still.
  private static let standstill: UInt64 = 3_000_000_000

  /// How far leases have been swept, and since when the database has been there.
  struct Swept {
    var until: Timestamp?
    var nextFull: UInt64 = 0
    /// The database did not answer, or this process has just begun and does not know.
    var isDatabaseAway = true
    /// When it was there again, by its own clock and by that of this process.
    var backSince: Timestamp?
    var graceUntil: UInt64 = 0
  }

  let engine: RunEngine
  let lease: Duration
  let logger: Logger

  /// Looks once. Returns whether there may be more.
  func sweep(_ swept: inout Swept) async throws -> Bool {
    let began = MonotonicClock.now()
    if swept.isDatabaseAway { try await comeBack(&swept) }
    let isInGrace = MonotonicClock.now() < swept.graceUntil
    let isFull = isInGrace || MonotonicClock.now() >= swept.nextFull
    let (overdue, seenAt) = try await engine.store.overdueLeases(
      from: isFull ? nil : swept.until, backSince: swept.backSince, leaseMilliseconds: lease.milliseconds,
      limit: LeaseSweep.leasesMax)
    if MonotonicClock.now() &- began > LeaseSweep.standstill {
      swept.isDatabaseAway = true
      return false
    }
    let lost = overdue.map { lease in
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
    let left = try await apply(lost, "a lease could not be taken back") { engine.metrics.lost() }
    let expired = try await engine.store.expiredSteps(limit: LeaseSweep.leasesMax)
    let expiredLeft = try await apply(
      expired.map { step in
        RunChange(run: step.run, inputs: [.timeOut(step: step.step, attempt: step.attempt, .scheduleToStart)])
      }, "a step could not be timed out")
    if overdue.count < LeaseSweep.leasesMax, left == 0, let seenAt {
      swept.until = seenAt + .milliseconds(-LeaseSweep.overlap)
      if isFull, !isInGrace { swept.nextFull = MonotonicClock.now() &+ LeaseSweep.fullInterval }
    }
    // What was left this time is not looked at again at once.
    return (overdue.count == LeaseSweep.leasesMax && left == 0)
      || (expired.count == LeaseSweep.leasesMax && expiredLeft == 0)
  }

  private func comeBack(_ swept: inout Swept) async throws {
    swept.backSince = try await engine.store.now()
    swept.isDatabaseAway = false
    swept.graceUntil = MonotonicClock.now() &+ UInt64(max(0, lease.nanoseconds)) &+ 2_000_000_000
    swept.until = nil
  }

  /// Makes changes, each by itself: one that cannot be made keeps no other. Returns how many are still owed.
  private func apply(_ changes: [RunChange], _ message: String, _ made: () -> Void = {}) async throws -> Int {
    guard !changes.isEmpty else { return 0 }
    var left = 0
    for (change, result) in zip(changes, try await engine.apply(all: changes)) {
      switch result {
      case .success: made()
      // Another replica was faster, the lease was prolonged, or the run has ended.
      case .failure(RunEngine.Refused.byDecider), .failure(RunEngine.Refused.leaseLost),
        .failure(RunEngine.Refused.unknownRun):
        break
      case .failure(let error):
        left += 1
        logger.warning(
          message, ["run": .string(change.run.description), "reason": .string("\(error)")])
      }
    }
    return left
  }
}
