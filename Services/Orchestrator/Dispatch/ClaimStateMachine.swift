package import RunStorage

/// When the ready queue is claimed from, and what of it a claim reads. One claim is in flight at a time; what is
/// notified meanwhile makes another one follow.
///
/// Pure: `Dispatcher` makes the claims.
package struct ClaimStateMachine: Sendable {
  /// How long the oldest bucket is taken for granted. What is committed late behind it waits that long at most.
  private static let bucketNanoseconds: UInt64 = 1_000_000_000
  /// Job types that something is remembered of.
  private static let typesMax = 1000
  /// Steps of one claim.
  package static let stepsMax = 128

  /// A claim that is to be made.
  package struct Claim: Sendable {
    package let scan: ClaimScan
    fileprivate let jobType: String
    fileprivate let notifications: Int
    fileprivate let startedAt: UInt64
    /// Whether the oldest bucket was known.
    fileprivate let isBucketKnown: Bool
  }

  /// Whether claims are being made, and whether more was notified since they began.
  private var isClaiming = false
  private var isPending = false
  /// Counts notifications, so that a claim is known to be older than one of them.
  private var notifications = 0
  /// The notification up to which nothing of a job type was in the queue.
  private var emptySince: [String: Int] = [:]
  /// Steps that are in the queue as far as this process knows.
  private var expected = 0
  /// The oldest bucket of each job type that may still have steps, and when all were read last.
  private var oldest: [String: (bucket: Int32, at: UInt64)] = [:]
  private var cursors: [String: ClaimCursor] = [:]
  /// That of the job type whose claims are being made.
  private var cursor = ClaimCursor()
  /// The job types of which steps wait for a limit or lock.
  private var blockedTypes: Set<String> = []

  /// Nothing is known of the queue.
  package init() {}

  /// About `steps` steps are new in the queue.
  package mutating func notified(steps: Int) {
    notifications += 1
    expected += steps
  }

  /// Whether something of the job type may be in the queue.
  package func mayHaveSteps(_ jobType: String) -> Bool { emptySince[jobType] != notifications }

  /// Whether steps were seen waiting for a limit or lock.
  package var hasBlocked: Bool { !blockedTypes.isEmpty }

  /// Slots that a claim reserves: no more are kept from what becomes ready meanwhile.
  package var slotsWanted: Int { expected + 1 }

  // MARK: Rounds

  /// Asks for a round of claims. Returns whether it begins now; while one is under way, another one follows.
  package mutating func requestRound(hasWaiters: @autoclosure () -> Bool) -> Bool {
    if isClaiming {
      isPending = true
      return false
    }
    guard hasWaiters() else { return false }
    isClaiming = true
    return true
  }

  /// A round begins.
  package mutating func beginRound() { isPending = false }

  /// A round is over. Returns whether another one follows.
  package mutating func endRound() -> Bool {
    isClaiming = isPending
    return isPending
  }

  // MARK: Claims

  /// The claims of a job type begin, from where the last ones were cut off.
  package mutating func beginScan(_ jobType: String) {
    cursor = cursors[jobType] ?? ClaimCursor()
    cursor.begin()
  }

  /// The claims of a job type are over for this round.
  package mutating func endScan(_ jobType: String) { cursors[jobType] = cursor }

  /// The next claim, for `count` slots.
  package mutating func claim(_ jobType: String, count: Int, now: UInt64) -> Claim {
    if oldest.count > ClaimStateMachine.typesMax {
      oldest = [:]
      emptySince = [:]
      cursors = [:]
      blockedTypes = []
    }
    let known = oldest[jobType].flatMap { now < $0.at &+ ClaimStateMachine.bucketNanoseconds ? $0.bucket : nil }
    return Claim(
      scan: cursor.next(count, from: known ?? 0), jobType: jobType, notifications: notifications, startedAt: now,
      isBucketKnown: known != nil)
  }

  /// A claim was made. Returns whether it filled all slots, so that more may be left.
  package mutating func claimed(_ result: ClaimResult, by claim: Claim, slots: Int) -> Bool {
    let jobType = claim.jobType
    cursor.advance(result, claim.scan)
    let isWhole = claim.scan.tenant == ClaimScan.start
    if !claim.isBucketKnown, isWhole {
      // Without any step, what comes is newer than what was there before.
      oldest[jobType] = (result.oldest ?? oldest[jobType]?.bucket ?? 0, claim.startedAt)
    }
    let isFull = result.steps.count == slots
    let isEmpty =
      isWhole && result.oldest == nil && !result.hasBlocked && claim.scan.blockedTenant == ClaimScan.start
    emptySince[jobType] = isEmpty ? claim.notifications : nil
    if result.hasBlocked { blockedTypes.insert(jobType) } else if !cursor.mayFindMore { blockedTypes.remove(jobType) }
    expected = isFull ? max(ClaimStateMachine.stepsMax, expected - result.steps.count) : 0
    return isFull
  }

  /// Whether the scan has to go on although the last claim was not full.
  package var mayFindMore: Bool { cursor.mayFindMore }
}
