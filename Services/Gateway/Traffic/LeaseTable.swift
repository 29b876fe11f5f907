/// Decides which requests pass without asking Redis, and what is asked.
///
/// The buckets in Redis are the truth. Who uses one often is lent tokens ahead: taken out of the shared bucket when
/// they are lent, so that replicas together never admit more than its limit. Tokens that are not used in time are
/// lost; the number that is lent follows the use, from none ahead to a sixteenth of the bucket, so little is. A bucket
/// that is empty is not asked for until it can have a token.
///
/// While Redis is away each replica has buckets of its own, of a configured share of each limit.
package struct LeaseTable: Sendable {
  /// How long lent tokens are good, in nanoseconds.
  static let leaseTime: UInt64 = 1_000_000_000
  /// Redis is not asked for so long after it failed, in nanoseconds.
  static let pauseTime: UInt64 = 1_000_000_000
  /// Part of a bucket that is lent at a time.
  static let leasedPart = 16
  /// Buckets that are remembered. More than this many at a time are all asked for.
  static let countMax = 50_000
  /// An entry that was not used for so long is forgotten, in nanoseconds.
  static let idleTime: UInt64 = 60_000_000_000

  /// What is known of a bucket.
  private struct Entry: Sendable {
    /// Tokens that are lent to this process.
    var tokens = 0
    var expiresAt: UInt64 = 0
    /// Tokens to borrow next time, beyond the one that is needed.
    var ahead = 0
    /// The level in Redis when it was last heard of, and when that was.
    var level: Double
    var levelAt: UInt64
    /// No token before this time.
    var emptyUntil: UInt64 = 0
    var isBorrowing = false
    var usedAt: UInt64 = 0
    /// While Redis is away.
    var own: TokenBucket?
  }

  /// What is asked of Redis for one bucket.
  package struct Ask: Sendable, Equatable {
    package let bucket: LimitedBucket
    /// Tokens that must be there: 1 for a request that waits, 0 when only borrowing.
    package let need: Int
    /// Tokens to borrow beyond it.
    package let ahead: Int
  }

  /// What Redis answers for one bucket.
  package struct Grant: Sendable, Equatable {
    /// Tokens that were taken, the needed one included.
    package let tokens: Int
    /// What is left.
    package let level: Int

    /// Makes a grant.
    package init(tokens: Int, level: Int) {
      self.tokens = tokens
      self.level = level
    }
  }

  /// What becomes of a request.
  package enum Decision: Sendable {
    /// It passes. `borrow` is asked of Redis meanwhile.
    case admitted(LimitView, borrow: [Ask])
    /// It waits for Redis.
    case ask([Ask])
    /// It does not pass.
    case refused(LimitView)
  }

  private var entries: [BucketKey: Entry] = [:]
  private var pausedUntil: UInt64 = 0
  private var sweptAt: UInt64 = 0
  private let ownShare: Double

  /// `ownShare` is the part of each limit that this replica admits while Redis is away.
  package init(ownShare: Double) { self.ownShare = ownShare }

  /// Whether Redis is taken for away.
  package func isPaused(_ now: UInt64) -> Bool { now < pausedUntil }

  /// How many buckets are known.
  package var count: Int { entries.count }

  /// A request that needs a token of each bucket. `now` is in nanoseconds of the monotonic clock.
  package mutating func request(_ buckets: [LimitedBucket], now: UInt64) -> Decision {
    if entries.count > LeaseTable.countMax || now &- sweptAt > LeaseTable.idleTime { sweep(now) }
    if isPaused(now) { return requestAlone(buckets, now: now) }
    var isLent = true
    for bucket in buckets {
      guard let entry = entries[bucket.key] else {
        isLent = false
        continue
      }
      if entry.emptyUntil > now { return .refused(.empty(bucket, wait: entry.emptyUntil - now)) }
      if entry.tokens < 1 || entry.expiresAt <= now { isLent = false }
    }
    guard isLent else {
      return .ask(buckets.map { Ask(bucket: $0, need: 1, ahead: nextAhead($0, now)) })
    }
    var borrow: [Ask] = []
    var view: LimitView?
    for bucket in buckets {
      guard var entry = entries[bucket.key] else { continue }
      entry.tokens -= 1
      entry.usedAt = now
      // Lent tokens come to their end: more are fetched before a request has to wait for them.
      if !entry.isBorrowing, entry.tokens <= entry.ahead / 4 {
        entry.isBorrowing = true
        borrow.append(Ask(bucket: bucket, need: 0, ahead: LeaseTable.grown(entry.ahead, bucket.limit)))
      }
      entries[bucket.key] = entry
      view = LimitView.tighter(view, LimitView(bucket, remaining: remaining(entry, bucket.limit, now)))
    }
    return .admitted(view ?? .unlimited, borrow: borrow)
  }

  /// Redis has granted what was asked. Returns what the view of the request that waited for it; `nil` for one that only
  /// borrowed.
  package mutating func granted(_ asks: [Ask], _ grants: [Grant], now: UInt64) -> LimitView? {
    var view: LimitView?
    for (ask, grant) in zip(asks, grants) {
      var entry = entries[ask.bucket.key] ?? Entry(level: 0, levelAt: now)
      let lent = max(0, grant.tokens - ask.need)
      entry.tokens = (entry.expiresAt > now ? entry.tokens : 0) + lent
      if lent > 0 { entry.expiresAt = now &+ LeaseTable.leaseTime }
      entry.ahead = ask.ahead
      entry.level = Double(grant.level)
      entry.levelAt = now
      entry.emptyUntil = 0
      entry.usedAt = now
      if ask.need == 0 { entry.isBorrowing = false }
      entries[ask.bucket.key] = entry
      if ask.need > 0 {
        view = LimitView.tighter(view, LimitView(ask.bucket, remaining: remaining(entry, ask.bucket.limit, now)))
      }
    }
    return view
  }

  /// Redis has refused: the bucket at `index` has no token for so many nanoseconds.
  package mutating func refused(_ asks: [Ask], index: Int, wait: UInt64, now: UInt64) -> LimitView {
    guard asks.indices.contains(index) else { return .unlimited }
    let bucket = asks[index].bucket
    var entry = entries[bucket.key] ?? Entry(level: 0, levelAt: now)
    entry.level = 0
    entry.levelAt = now
    entry.ahead = 0
    // A configuration with smaller limits must not let anybody wait for the time of the old ones.
    entry.emptyUntil = now &+ min(wait, LeaseTable.idleTime)
    entry.usedAt = now
    entries[bucket.key] = entry
    return .empty(bucket, wait: wait)
  }

  /// Redis has failed. Requests go by the buckets of this process for a while.
  package mutating func failed(_ asks: [Ask], now: UInt64) {
    pausedUntil = now &+ LeaseTable.pauseTime
    for ask in asks { entries[ask.bucket.key]?.isBorrowing = false }
  }

  /// A request while Redis is away.
  package mutating func requestAlone(_ buckets: [LimitedBucket], now: UInt64) -> Decision {
    var own: [(LimitedBucket, TokenBucket, RateLimit)] = []
    var refusal: LimitView?
    for bucket in buckets {
      let limit = bucket.limit.share(ownShare)
      var level = entries[bucket.key]?.own ?? TokenBucket(limit, now: now)
      level.fill(limit, now: now)
      let wait = level.wait(limit)
      if wait > 0 { refusal = .empty(bucket, wait: wait) }
      own.append((bucket, level, limit))
    }
    var view: LimitView?
    for (bucket, level, limit) in own {
      var level = level
      if refusal == nil {
        level.take()
        view = LimitView.tighter(view, LimitView(LimitedBucket(bucket.key, limit), remaining: level.level))
      }
      var entry = entries[bucket.key] ?? Entry(level: 0, levelAt: now)
      entry.own = level
      entry.usedAt = now
      entries[bucket.key] = entry
    }
    if let refusal { return .refused(refusal) }
    return .admitted(view ?? .unlimited, borrow: [])
  }

  /// How much to borrow with the next token: more when what was lent was used up in time, less when it was not.
  private func nextAhead(_ bucket: LimitedBucket, _ now: UInt64) -> Int {
    guard let entry = entries[bucket.key] else { return 0 }
    if entry.expiresAt <= now, entry.tokens > 0 { return entry.ahead / 2 }
    // Two requests within the time of a lease: it is worth one.
    let isBusy = now &- entry.usedAt < LeaseTable.leaseTime
    return isBusy ? LeaseTable.grown(entry.ahead, bucket.limit) : entry.ahead / 2
  }

  private static func grown(_ ahead: Int, _ limit: RateLimit) -> Int {
    min(max(1, ahead * 2), limit.burst / leasedPart)
  }

  private func remaining(_ entry: Entry, _ limit: RateLimit, _ now: UInt64) -> Double {
    let gone = now > entry.levelAt ? Double(now - entry.levelAt) / 1e9 : 0
    return min(Double(limit.burst), entry.level + gone * limit.perSecond) + Double(entry.tokens)
  }

  /// Forgets what was not used lately. Lent tokens of those are lost.
  private mutating func sweep(_ now: UInt64) {
    sweptAt = now
    entries = entries.filter { now &- $0.value.usedAt < LeaseTable.idleTime || $0.value.emptyUntil > now }
    // More callers than are remembered: all are asked for.
    if entries.count > LeaseTable.countMax { entries = entries.filter { $0.value.emptyUntil > now } }
    if entries.count > LeaseTable.countMax { entries = [:] }
  }
}
