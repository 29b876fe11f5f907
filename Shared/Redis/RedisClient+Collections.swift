/// A member of a sorted set with its score.
public struct RedisScored: Sendable, Hashable {
  /// The member.
  public let member: [UInt8]
  /// Its score.
  public let score: Double

  /// Makes a pair.
  public init(member: [UInt8], score: Double) {
    self.member = member
    self.score = score
  }
}

extension RedisClient {
  // MARK: Hashes

  /// A field of a hash; `nil` when either does not exist.
  public nonisolated(nonsending) func hget(
    _ key: RedisArgument, _ field: RedisArgument
  ) async throws(RedisError) -> [UInt8]? {
    try await call(.hget, ["HGET", key, field]).requireBytesOrNull()
  }

  /// Fields of a hash, `nil` for each that does not exist.
  public nonisolated(nonsending) func hmget(
    _ key: RedisArgument, _ fields: [RedisArgument]
  ) async throws(RedisError) -> [[UInt8]?] {
    guard !fields.isEmpty else { return [] }
    let values = try await call(.hmget, ["HMGET", key] + fields).requireArray()
    guard values.count == fields.count else { throw RedisError(.decoding, detail: "\(values.count) values") }
    var result: [[UInt8]?] = []
    for value in values { result.append(try value.requireBytesOrNull()) }
    return result
  }

  /// Sets fields of a hash; the number of new ones.
  @discardableResult
  public nonisolated(nonsending) func hset(
    _ key: RedisArgument, _ fields: [(field: RedisArgument, value: RedisArgument)]
  ) async throws(RedisError) -> Int64 {
    guard !fields.isEmpty else { return 0 }
    return try await call(.hset, ["HSET", key] + fields.flatMap { [$0.field, $0.value] }).requireInteger()
  }

  /// All fields of a hash, in the server's order.
  public nonisolated(nonsending) func hgetAll(
    _ key: RedisArgument
  ) async throws(RedisError) -> [(field: [UInt8], value: [UInt8])] {
    let flat = try await call(.hgetall, ["HGETALL", key]).requireArray()
    guard flat.count.isMultiple(of: 2) else { throw RedisError(.decoding, detail: "a field without a value") }
    var result: [(field: [UInt8], value: [UInt8])] = []
    result.reserveCapacity(flat.count / 2)
    for index in stride(from: 0, to: flat.count, by: 2) {
      result.append((try flat[index].requireBytes(), try flat[index + 1].requireBytes()))
    }
    return result
  }

  /// Deletes fields of a hash; the number that existed.
  @discardableResult
  public nonisolated(nonsending) func hdel(
    _ key: RedisArgument, _ fields: [RedisArgument]
  ) async throws(RedisError) -> Int64 {
    guard !fields.isEmpty else { return 0 }
    return try await call(.hdel, ["HDEL", key] + fields).requireInteger()
  }

  /// Adds to the integer of a field (0 when it does not exist); the sum.
  @discardableResult
  public nonisolated(nonsending) func hincrBy(
    _ key: RedisArgument, _ field: RedisArgument, _ amount: Int64 = 1
  ) async throws(RedisError) -> Int64 {
    try await call(.hincrby, ["HINCRBY", key, field, .integer(amount)]).requireInteger()
  }

  // MARK: Sorted sets

  /// Adds members to a sorted set or changes their scores; the number of new ones.
  @discardableResult
  public nonisolated(nonsending) func zadd(
    _ key: RedisArgument, _ members: [(score: Double, member: RedisArgument)]
  ) async throws(RedisError) -> Int64 {
    guard !members.isEmpty else { return 0 }
    return try await call(.zadd, ["ZADD", key] + members.flatMap { [.double($0.score), $0.member] }).requireInteger()
  }

  /// The number of members.
  public nonisolated(nonsending) func zcard(_ key: RedisArgument) async throws(RedisError) -> Int64 {
    try await call(.zcard, ["ZCARD", key]).requireInteger()
  }

  /// The number of members with scores in the range, its ends included.
  public nonisolated(nonsending) func zcount(
    _ key: RedisArgument, _ scores: ClosedRange<Double>
  ) async throws(RedisError) -> Int64 {
    try await call(.zcount, ["ZCOUNT", key, .double(scores.lowerBound), .double(scores.upperBound)]).requireInteger()
  }

  /// Members with scores in the range, its ends included, in order of score, at most `limit`.
  public nonisolated(nonsending) func zrangeByScore(
    _ key: RedisArgument, _ scores: ClosedRange<Double>, limit: Int = 1000
  ) async throws(RedisError) -> [RedisScored] {
    let flat = try await call(
      .zrangebyscore,
      [
        "ZRANGEBYSCORE", key, .double(scores.lowerBound), .double(scores.upperBound), "WITHSCORES", "LIMIT", 0,
        RedisArgument(limit),
      ]
    ).requireArray()
    guard flat.count.isMultiple(of: 2) else { throw RedisError(.decoding, detail: "a member without a score") }
    var result: [RedisScored] = []
    for index in stride(from: 0, to: flat.count, by: 2) {
      result.append(
        RedisScored(member: try flat[index].requireBytes(), score: try flat[index + 1].requireDouble()))
    }
    return result
  }

  /// Removes members with scores in the range, its ends included; their number.
  @discardableResult
  public nonisolated(nonsending) func zremRangeByScore(
    _ key: RedisArgument, _ scores: ClosedRange<Double>
  ) async throws(RedisError) -> Int64 {
    try await call(
      .zremrangebyscore, ["ZREMRANGEBYSCORE", key, .double(scores.lowerBound), .double(scores.upperBound)]
    ).requireInteger()
  }

  /// Removes members; the number that were there.
  @discardableResult
  public nonisolated(nonsending) func zrem(
    _ key: RedisArgument, _ members: [RedisArgument]
  ) async throws(RedisError) -> Int64 {
    guard !members.isEmpty else { return 0 }
    return try await call(.zrem, ["ZREM", key] + members).requireInteger()
  }
}
