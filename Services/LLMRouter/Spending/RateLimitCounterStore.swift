internal import Budgets
internal import Primitives
package import Redis

/// The buckets and calls of rate limits, which all replicas share. Everything throws `RedisError`.
protocol RateLimitCounterStore: Sendable {
  /// Acquires all limits or none. Runs to its end although the caller is cancelled.
  func acquire(
    _ call: String, _ limits: [AppliedRateLimit], tokens: Int64, lease: Duration
  ) async throws -> RateLimitReply
  /// A call has ended; `unused` tokens are free again (negative: it has used more).
  func release(_ call: String, _ limits: [AppliedRateLimit], unused: Int64) async throws
}

/// Rate limits in Redis.
package struct RedisRateLimits: RateLimitCounterStore {
  private let redis: RedisPool

  /// The limits behind a pool.
  package init(redis: RedisPool) { self.redis = redis }

  private static func keys(_ limits: [AppliedRateLimit]) -> [RedisArgument] {
    limits.flatMap { RateScripts.keys($0.key).map { RedisArgument($0) } }
  }

  func acquire(
    _ call: String, _ limits: [AppliedRateLimit], tokens: Int64, lease: Duration
  ) async throws -> RateLimitReply {
    var arguments = limits.flatMap { applied in
      RateScripts.LimitField.arguments { field in
        switch field {
        case .requestsPerMinute: .integer(applied.limit.requests ?? 0)
        case .tokensPerMinute: .integer(applied.limit.tokens ?? 0)
        case .concurrency: .integer(applied.limit.concurrency ?? 0)
        case .tokens: .integer(tokens)
        }
      }
    }
    arguments += [.string(call), .integer(lease.nanoseconds / 1000)]
    let answer = try await redis.confirm(
      RateScripts.acquire, keys: RedisRateLimits.keys(limits), arguments: arguments)
    return try RateLimitReply(answer, limits: limits.count)
  }

  func release(_ call: String, _ limits: [AppliedRateLimit], unused: Int64) async throws {
    _ = try await redis.evaluate(
      RateScripts.release, keys: RedisRateLimits.keys(limits), arguments: [.string(call), .integer(unused)])
  }
}
