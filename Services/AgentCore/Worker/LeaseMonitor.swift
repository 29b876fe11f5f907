internal import Primitives

/// What a worker knows about its lease, and when it speaks to the orchestrator next. Pure: times go in, actions come
/// out.
///
/// Only the orchestrator ends a lease. That its time is over is no reason to drop an attempt: where the orchestrator or
/// its database is away, nobody else can have got the step, and a paid answer is kept until it can be recorded. The
/// attempt is given up when the orchestrator says so, or when nothing was heard for so long that nobody waits for it.
struct LeaseMonitor: Sendable {
  /// What is to be done next.
  enum Action: Equatable, Sendable {
    /// A heartbeat is sent after this time.
    case beat(after: Duration)
    /// The attempt is given up.
    case giveUp
  }

  /// How long an attempt goes on without a word of the orchestrator: longer than any restore or failover that somebody
  /// waits for.
  static let silenceMax = Duration.seconds(900)
  private static let retryFirst = Duration.milliseconds(100)
  private static let retryMax = Duration.seconds(1)

  /// How long the orchestrator has promised to wait.
  let lease: Duration
  private var heardAt: UInt64
  private var backoff: Backoff
  private let seed: UInt64

  /// A lease that was granted at `now`.
  init(lease: Duration, now: UInt64, seed: UInt64) {
    self.lease = lease
    self.seed = seed
    heardAt = now
    backoff = LeaseMonitor.backoff(lease, seed)
  }

  private static func backoff(_ lease: Duration, _ seed: UInt64) -> Backoff {
    Backoff(first: retryFirst, max: min(retryMax, lease / 6), seed: seed)
  }

  /// Three heartbeats fit into a lease.
  var beatInterval: Duration { lease / 3 }

  /// How long a heartbeat may take. One that hangs must leave time for another one, at another replica, within the
  /// lease.
  var beatTimeout: Duration { max(.milliseconds(600), min(.seconds(15), lease / 3)) }

  /// The orchestrator has taken a call that was sent at `sentAt`: the lease was prolonged then at the earliest.
  mutating func heard(sentAt: UInt64) -> Action {
    heardAt = max(heardAt, sentAt)
    backoff = LeaseMonitor.backoff(lease, seed)
    return .beat(after: beatInterval)
  }

  /// There was no answer, or one of a service that cannot answer at the moment.
  mutating func unanswered(at now: UInt64) -> Action {
    isSilent(at: now) ? .giveUp : .beat(after: backoff.pause())
  }

  /// Whether nothing was heard for so long that nobody waits for the attempt.
  func isSilent(at now: UInt64) -> Bool {
    now > heardAt && Duration.nanoseconds(Int64(clamping: now - heardAt)) > LeaseMonitor.silenceMax
  }
}
