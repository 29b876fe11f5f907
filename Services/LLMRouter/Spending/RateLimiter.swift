package import Budgets
package import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
package import Telemetry

/// What a call has acquired of its rate limits; to be released at its end.
package struct RateLimitPermit: Sendable {
  /// The name of the call in the limits.
  package let call: String
  let limits: [AppliedRateLimit]
  let tokens: Int64
}

/// Admits calls within their rate limits, at once or after some waiting. The buckets are in Redis, so all replicas
/// share them; without Redis a call that has limits is refused.
package final class RateLimiter: Sendable {
  /// How many calls of this replica wait at most, and how long each of them.
  package struct Queue: Sendable {
    var countMax: Int
    var timeMax: Duration

    /// Bounds of waiting.
    package init(countMax: Int, timeMax: Duration) {
      self.countMax = countMax
      self.timeMax = timeMax
    }
  }

  /// What came of an attempt to acquire.
  package enum Verdict: Sendable {
    case acquired(RateLimitPermit)
    /// The limit that is reached, and the time until another try is worth while.
    case limited(AppliedRateLimit, milliseconds: Int64)
  }

  private let store: any RateLimitCounterStore
  private let queue: Queue
  private let lease: Duration
  private let clock: SpendingClock
  private let limited: CounterFamily
  private let waiting = Atomic<Int>(0)

  init(
    store: any RateLimitCounterStore, queue: Queue, lease: Duration, clock: SpendingClock, registry: MetricsRegistry
  ) {
    self.store = store
    self.queue = queue
    self.lease = lease
    self.clock = clock
    limited = registry.counter(
      "cadre_rate_limited_total", help: "Calls that met a rate limit, by what came of it.", labels: ["scope", "result"])
    registry.observeGauge("cadre_rate_limit_waiting", help: "Calls that wait at a rate limit.") { [self] in
      Double(waiting.load(ordering: .relaxed))
    }
  }

  /// `lease`: the longest life of a call; one that nobody has heard of for so long has ended.
  package convenience init(store: RedisRateLimits, queue: Queue, lease: Duration, registry: MetricsRegistry) {
    self.init(store: store, queue: queue, lease: lease, clock: .system, registry: registry)
  }

  /// Calls that wait now.
  var waitingCount: Int { waiting.load(ordering: .relaxed) }

  /// Acquires all limits or none, without waiting. Throws when Redis is away.
  package func tryAcquire(
    _ call: UUID, _ limits: [AppliedRateLimit], tokens: Int64
  ) async throws(SpendingError) -> Verdict {
    let name = call.description
    do {
      switch try await store.acquire(name, limits, tokens: tokens, lease: lease) {
      case .acquired: return .acquired(RateLimitPermit(call: name, limits: limits, tokens: tokens))
      case .limited(let index, let microseconds):
        return .limited(limits[index], milliseconds: microseconds / 1000 + 1)
      }
    } catch { throw .rateLimitsUnavailable }
  }

  /// Acquires all limits, waiting in the queue when there is room in it and time. Throws `SpendingError`, or
  /// `CancellationError`.
  package func acquire(
    _ call: UUID, _ limits: [AppliedRateLimit], tokens: Int64, deadline: UInt64
  ) async throws -> RateLimitPermit {
    let token = WaitToken(limiter: self, deadline: deadline)
    defer { token.release() }
    while true {
      switch try await tryAcquire(call, limits, tokens: tokens) {
      case .acquired(let permit):
        token.count("delayed")
        return permit
      case .limited(let limit, let milliseconds): try await token.wait(limit, milliseconds)
      }
    }
  }

  /// One call's entry in the wait queue, taken at its first wait.
  ///
  /// `@unchecked Sendable`: used by the task of one call only.
  package final class WaitToken: @unchecked Sendable {
    private let limiter: RateLimiter
    private var state: RateLimitWait

    /// An entry for a call that has to begin before `deadline`.
    package init(limiter: RateLimiter, deadline: UInt64) {
      self.limiter = limiter
      let queueLimit = limiter.clock.now() &+ UInt64(clamping: limiter.queue.timeMax.nanoseconds)
      state = RateLimitWait(deadline: min(deadline, queueLimit))
    }

    /// Waits for some time. Throws the refusal as a `SpendingError` when the queue is full or the time would be up
    /// before.
    package func wait(_ limit: AppliedRateLimit, _ milliseconds: Int64) async throws {
      let isFirst = state.limit == nil
      let hasRoom = !isFirst || limiter.enterQueue()
      let action = state.limited(
        by: limit, milliseconds: milliseconds, at: limiter.clock.now(), hasRoom: hasRoom,
        random: UInt64.random(in: 0...UInt64.max))
      switch action {
      case .pause(let milliseconds):
        try await limiter.clock.sleep(UInt64(clamping: milliseconds.multipliedClamped(by: 1_000_000)))
      case .refuse(let reason):
        if isFirst, hasRoom { limiter.leaveQueue() }
        throw refusal(limit, milliseconds, reason)
      }
    }

    func count(_ result: String) {
      if let limit = state.limit { limiter.limited.with(limit.limit.scope.rawValue, result).add() }
    }

    /// Leaves the queue.
    package func release() {
      if state.leave() { limiter.leaveQueue() }
    }

    private func refusal(
      _ limit: AppliedRateLimit, _ milliseconds: Int64, _ reason: RateLimitRefusal.Reason
    ) -> SpendingError {
      limiter.limited.with(limit.limit.scope.rawValue, "refused").add()
      return .rateLimited(RateLimitRefusal(limit: limit, retryAfterMilliseconds: milliseconds, reason: reason))
    }
  }

  /// Returns false when the queue is full.
  private func enterQueue() -> Bool {
    if waiting.add(1, ordering: .relaxed).newValue <= queue.countMax { return true }
    leaveQueue()
    return false
  }

  private func leaveQueue() { waiting.subtract(1, ordering: .relaxed) }

  /// A call has ended; the tokens that it has not used are free again. Does not wait.
  package func release(_ permit: RateLimitPermit, used: Int64) {
    guard let loop = EventLoop.current else { return }
    loop.task { [store] in
      // Without Redis the lease ends by itself and the buckets fill by themselves.
      try? await store.release(permit.call, permit.limits, unused: permit.tokens.subtractingClamped(used))
    }
  }
}
