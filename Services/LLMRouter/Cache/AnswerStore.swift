package import Redis
internal import Telemetry

/// Answers in Redis. Without Redis nothing is found and nothing kept: slower, never wrong.
package struct AnswerStore: Sendable {
  private let redis: RedisPool
  package let mode: CacheMode
  package let standardSeconds: Int64
  /// Larger answers are not kept.
  package let bytesMax: Int
  package let metrics: CacheMetrics

  /// A store of answers up to `bytesMax`.
  package init(redis: RedisPool, mode: CacheMode, standardSeconds: Int64, bytesMax: Int, metrics: CacheMetrics) {
    self.redis = redis
    self.mode = mode
    self.standardSeconds = standardSeconds
    self.bytesMax = bytesMax
    self.metrics = metrics
  }

  package func find(_ key: CacheKey) async -> CachedAnswer? {
    do {
      guard let bytes = try await redis.get(RedisArgument(key.text)) else { return nil }
      return CachedAnswer(bytes: bytes)
    } catch {
      metrics.errors.add()
      return nil
    }
  }

  package func store(_ key: CacheKey, _ answer: CachedAnswer, seconds: Int64) async {
    guard answer.body.count <= bytesMax else { return }
    do {
      _ = try await redis.send(
        RedisCommand([
          "SET", RedisArgument(key.text), RedisArgument(answer.bytes), "EX", .integer(seconds),
        ]))
      metrics.stores.add()
    } catch {
      metrics.errors.add()
    }
  }
}
