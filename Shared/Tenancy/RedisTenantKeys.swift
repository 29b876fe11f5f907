public import Contracts
public import Redis

/// The keys of a tenant in Redis, whichever service writes them: counters of budgets and rate limits, cached answers,
/// sessions. Each has the id of its tenant in its name; a test walks over them.
public struct RedisTenantKeys: Sendable {
  private static let pageSize = 1000
  /// Hash tags with which the walk over a cluster asks for nodes: so many that none is left out.
  private static let tagsInCluster = 64

  private let redis: RedisPool

  /// The keys behind a pool.
  public init(redis: RedisPool) { self.redis = redis }

  /// How many keys there are.
  public func count(_ tenant: TenantID) async throws -> Int64 {
    var keys: Set<[UInt8]> = []
    try await walk(tenant) { keys.formUnion($0) }
    return Int64(keys.count)
  }

  /// Deletes them.
  public func delete(_ tenant: TenantID) async throws {
    try await walk(tenant) { page in
      let keys = page.map { RedisArgument.bytes($0) }
      for group in redis.groups(keys) {
        _ = try await redis.send(RedisCommand([RedisArgument("UNLINK")] + group.map { keys[$0] }))
      }
    }
  }

  private func walk(_ tenant: TenantID, _ body: ([[UInt8]]) async throws -> Void) async throws {
    let pattern = RedisArgument("*\(tenant)*")
    let tags: [RedisArgument?] =
      redis.isCluster ? (0..<RedisTenantKeys.tagsInCluster).map { RedisArgument("{\($0)}") } : [nil]
    for tag in tags {
      for try await page in redis.scan(match: pattern, near: tag, pageSize: RedisTenantKeys.pageSize)
      where !page.isEmpty { try await body(page) }
    }
  }
}
