package import Primitives

/// Which overdue leases a sweep reads, and since when workers could extend them.
///
/// No worker can extend its lease while the database is away: each lease gets a whole life from the moment at which the
/// database came back, so that an outage costs no attempt.
///
/// Pure: `LeaseSweep` reads the database.
package struct LeaseSweepStateMachine: Sendable {
  /// What passed so shortly before the last look is looked at again: it may have been committed late.
  private static let overlapMilliseconds: Int64 = 500
  /// All leases are looked at so often, in nanoseconds, whatever was swept before.
  private static let fullInterval: UInt64 = 60_000_000_000
  /// A look that takes longer than this, in nanoseconds, found a database that stood still.
  private static let standstill: UInt64 = 3_000_000_000
  /// How long beyond the life of a lease the grace of a return lasts, in nanoseconds.
  private static let graceMargin: UInt64 = 2_000_000_000

  private let leaseNanoseconds: UInt64
  private var sweptUntil: Timestamp?
  private var nextFull: UInt64 = 0
  /// The database did not answer, or this process has just begun and does not know.
  private var isDatabaseAway = true
  /// When it was there again, by its own clock and by that of this process.
  private var backSince: Timestamp?
  private var graceUntil: UInt64 = 0

  /// Begins without knowing whether the database was there before.
  package init(lease: Duration) { leaseNanoseconds = UInt64(max(0, lease.nanoseconds)) }

  /// What a look at the leases begins with.
  package enum Start: Equatable, Sendable {
    /// The time at the database is asked for first; `returned` follows.
    case askForTime
    /// The leases whose deadlines passed behind `from`, or all for `nil`, are read.
    case read(from: Timestamp?, backSince: Timestamp?)
  }

  /// A sweep begins.
  package func begin(now: UInt64) -> Start {
    isDatabaseAway ? .askForTime : .read(from: isFull(now) ? nil : sweptUntil, backSince: backSince)
  }

  /// The database is there, and this is its time.
  package mutating func returned(_ time: Timestamp?, now: UInt64) {
    backSince = time
    isDatabaseAway = false
    graceUntil = now &+ leaseNanoseconds &+ Self.graceMargin
    sweptUntil = nil
  }

  /// The database did not answer.
  package mutating func failed() { isDatabaseAway = true }

  /// The leases were read in a look that began at `began`. Returns whether they count: not when the database stood
  /// still meanwhile.
  package mutating func read(began: UInt64, now: UInt64) -> Bool {
    if now &- began > Self.standstill { isDatabaseAway = true }
    return !isDatabaseAway
  }

  /// All leases that a read found were dealt with; it looked at them at `seenAt`, and was started at `startedAt`.
  package mutating func swept(seenAt: Timestamp, startedAt: UInt64, now: UInt64) {
    let wasFull = isFull(startedAt)
    sweptUntil = seenAt + .milliseconds(-Self.overlapMilliseconds)
    if wasFull, startedAt >= graceUntil { nextFull = now &+ Self.fullInterval }
  }

  private func isFull(_ now: UInt64) -> Bool { now < graceUntil || now >= nextFull }
}
