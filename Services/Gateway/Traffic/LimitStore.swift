package import Redis

/// Where the shared buckets are.
protocol LimitStore: Sendable {
  /// Takes tokens. Throws `RedisError`.
  func take(_ asks: [LeaseTable.Ask]) async throws -> LimitReply
}

/// The buckets in Redis.
package struct RedisLimitStore: LimitStore {
  private let redis: RedisPool
  private let timeout: Duration

  /// The buckets behind a pool. A request waits for it for `timeout` at most.
  package init(redis: RedisPool, timeout: Duration) {
    self.redis = redis
    self.timeout = timeout
  }

  func take(_ asks: [LeaseTable.Ask]) async throws -> LimitReply {
    let keys = asks.map { RedisArgument($0.bucket.key.redisKey) }
    let answer = try await redis.evaluate(
      LimitScript.take, keys: keys, arguments: LimitScript.arguments(asks), timeout: timeout)
    return try LimitReply(answer, count: asks.count)
  }
}
