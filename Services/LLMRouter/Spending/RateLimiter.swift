package import Budgets
package import Primitives
internal import Reactor
package import Redis
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

/// Admits calls within their rate limits, at once or after some waiting. The buckets are in Redis, so all replicas share
/// them; without Redis a call that has limits is refused.
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

  private static let pauseMillisecondsMax: Int64 = 1000

  private let redis: RedisPool
  private let queue: Queue
  private let lease: Duration
  private let limited: CounterFamily
  private let waiting = Atomic<Int>(0)

  /// `lease`: the longest life of a call; one that nobody has heard of for so long has ended.
  package init(redis: RedisPool, queue: Queue, lease: Duration, registry: MetricsRegistry) {
    self.redis = redis
    self.queue = queue
    self.lease = lease
    limited = registry.counter(
      "cadre_rate_limited_total", help: "Calls that met a rate limit, by what came of it.", labels: ["scope", "result"])
    registry.observeGauge("cadre_rate_limit_waiting", help: "Calls that wait at a rate limit.") { [self] in
      Double(waiting.load(ordering: .relaxed))
    }
  }

  /// Acquires all limits or none, without waiting. Throws when Redis is away.
  package func tryAcquire(
    _ call: UUID, _ limits: [AppliedRateLimit], tokens: Int64
  ) async throws(SpendingError) -> Verdict {
    let name = call.description
    var arguments: [RedisArgument] = [.string(name), .integer(lease.nanoseconds / 1000)]
    for limit in limits {
      arguments += [
        .integer(limit.limit.requests ?? 0), .integer(limit.limit.tokens ?? 0),
        .integer(limit.limit.concurrency ?? 0), .integer(tokens),
      ]
    }
    do throws(RedisError) {
      let answer = try await redis.confirm(RateScripts.enter, keys: RateLimiter.keys(limits), arguments: arguments)
        .requireArray()
      guard answer.count == 2, let wait = answer[0].text.flatMap({ Int64($0) }), let index = answer[1].integer else {
        throw RedisError(.protocolViolation)
      }
      guard wait > 0 else { return .acquired(RateLimitPermit(call: name, limits: limits, tokens: tokens)) }
      guard index >= 1, index <= Int64(limits.count) else { throw RedisError(.protocolViolation) }
      return .limited(limits[Int(index) - 1], milliseconds: wait / 1000 + 1)
    } catch { throw .rateLimitsUnavailable }
  }

  private static func keys(_ limits: [AppliedRateLimit]) -> [RedisArgument] {
    limits.flatMap { [RedisArgument($0.key), RedisArgument($0.key + ":calls")] }
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
        token.note("delayed")
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
    private let deadline: UInt64
    private var limit: AppliedRateLimit?

    /// An entry for a call that has to begin before `deadline`.
    package init(limiter: RateLimiter, deadline: UInt64) {
      self.limiter = limiter
      self.deadline = min(deadline, MonotonicClock.now() &+ UInt64(clamping: limiter.queue.timeMax.nanoseconds))
    }

    /// Waits for some time. Throws the refusal as a `SpendingError` when the queue is full or the time would be up
    /// before.
    package func wait(_ limit: AppliedRateLimit, _ milliseconds: Int64) async throws {
      let now = MonotonicClock.now()
      let remaining = deadline > now ? Int64((deadline - now) / 1_000_000) : 0
      if self.limit == nil {
        guard limiter.waiting.add(1, ordering: .relaxed).newValue <= limiter.queue.countMax else {
          limiter.waiting.subtract(1, ordering: .relaxed)
          throw refusal(limit, milliseconds, .queueFull)
        }
        self.limit = limit
      }
      guard milliseconds <= remaining else { throw refusal(limit, milliseconds, .notInTime) }
      // Not all at the same moment.
      let spread = Int64.random(in: 0...max(1, min(milliseconds / 4, 50)))
      try await EventLoop.sleep(for: .milliseconds(min(milliseconds + spread, RateLimiter.pauseMillisecondsMax)))
    }

    func note(_ result: String) {
      if let limit { limiter.limited.with(limit.limit.scope.rawValue, result).add() }
    }

    /// Leaves the queue.
    package func release() {
      if limit != nil { limiter.waiting.subtract(1, ordering: .relaxed) }
      limit = nil
    }

    private func refusal(
      _ limit: AppliedRateLimit, _ milliseconds: Int64, _ reason: RateLimitRefusal.Reason
    ) -> SpendingError {
      limiter.limited.with(limit.limit.scope.rawValue, "refused").add()
      return .rateLimited(RateLimitRefusal(limit: limit, retryAfterMilliseconds: milliseconds, reason: reason))
    }
  }

  /// A call has ended; the tokens that it has not used are free again. Does not wait.
  package func release(_ permit: RateLimitPermit, used: Int64) {
    guard let loop = EventLoop.current else { return }
    let keys = RateLimiter.keys(permit.limits)
    loop.task { [redis] in
      // Without Redis the lease ends by itself and the buckets fill by themselves.
      _ = try? await redis.evaluate(
        RateScripts.leave, keys: keys,
        arguments: [.string(permit.call), .integer(permit.tokens.subtractingClamped(used))])
    }
  }
}
