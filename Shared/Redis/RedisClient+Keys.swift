/// When a key expires.
public enum RedisExpiry: Sendable, Hashable {
  /// After this time, in whole milliseconds, at least one.
  case after(Duration)
  /// When the key had been going to expire.
  case keep
}

/// When a key is set.
public enum RedisCondition: Sendable, Hashable {
  /// Only when it does not exist (NX).
  case ifAbsent
  /// Only when it exists (XX).
  case ifPresent
}

extension RedisClient {
  /// The value of a key; `nil` when it does not exist. Throws `RedisError`, as all of these do.
  public nonisolated(nonsending) func get(_ key: RedisArgument) async throws(RedisError) -> [UInt8]? {
    try await call(.get, ["GET", key]).requireBytesOrNull()
  }

  /// The values of keys, `nil` for each that does not exist.
  public nonisolated(nonsending) func mget(_ keys: [RedisArgument]) async throws(RedisError) -> [[UInt8]?] {
    guard !keys.isEmpty else { return [] }
    let values = try await call(.mget, ["MGET"] + keys).requireArray()
    guard values.count == keys.count else { throw RedisError(.decoding, detail: "\(values.count) values") }
    var result: [[UInt8]?] = []
    result.reserveCapacity(values.count)
    for value in values { result.append(try value.requireBytesOrNull()) }
    return result
  }

  /// Sets a key; `false` when the condition did not hold.
  @discardableResult
  public nonisolated(nonsending) func set(
    _ key: RedisArgument, _ value: RedisArgument, expiry: RedisExpiry? = nil, condition: RedisCondition? = nil
  ) async throws(RedisError) -> Bool {
    var words: [RedisArgument] = ["SET", key, value]
    switch expiry {
    case .after(let time): words += ["PX", .integer(wholeMilliseconds(time))]
    case .keep: words.append("KEEPTTL")
    case nil: break
    }
    switch condition {
    case .ifAbsent: words.append("NX")
    case .ifPresent: words.append("XX")
    case nil: break
    }
    let reply = try await call(.set, words)
    if reply.isNull { return false }
    guard reply.isOK else { throw reply.unexpected("OK") }
    return true
  }

  /// Deletes keys; the number that existed.
  @discardableResult
  public nonisolated(nonsending) func del(_ keys: [RedisArgument]) async throws(RedisError) -> Int64 {
    guard !keys.isEmpty else { return 0 }
    return try await call(.del, ["DEL"] + keys).requireInteger()
  }

  /// Deletes a key; whether it existed.
  @discardableResult
  public nonisolated(nonsending) func del(_ key: RedisArgument) async throws(RedisError) -> Bool {
    try await call(.del, ["DEL", key]).requireInteger() == 1
  }

  /// Whether a key exists.
  public nonisolated(nonsending) func exists(_ key: RedisArgument) async throws(RedisError) -> Bool {
    try await call(.exists, ["EXISTS", key]).requireInteger() == 1
  }

  /// Adds to the integer of a key (0 when it does not exist); the sum.
  @discardableResult
  public nonisolated(nonsending) func incrBy(
    _ key: RedisArgument, _ amount: Int64 = 1
  ) async throws(RedisError) -> Int64 {
    try await call(.incrby, ["INCRBY", key, .integer(amount)]).requireInteger()
  }

  /// Lets a key expire after `time`, in whole milliseconds, at least one; `false` when it does not exist.
  @discardableResult
  public nonisolated(nonsending) func expire(
    _ key: RedisArgument, after time: Duration
  ) async throws(RedisError) -> Bool {
    try await call(.pexpire, ["PEXPIRE", key, .integer(wholeMilliseconds(time))]).requireInteger() == 1
  }

  /// The time until a key expires; `nil` when it does not exist or never expires.
  public nonisolated(nonsending) func timeToLive(_ key: RedisArgument) async throws(RedisError) -> Duration? {
    let left = try await call(.pttl, ["PTTL", key]).requireInteger()
    return left < 0 ? nil : .milliseconds(left)
  }

  /// Asks whether the server answers.
  public nonisolated(nonsending) func ping() async throws(RedisError) {
    _ = try await call(.ping, ["PING"])
  }

  /// Publishes to a channel; the number of subscribers that got it.
  @discardableResult
  public nonisolated(nonsending) func publish(
    _ channel: RedisArgument, _ payload: RedisArgument
  ) async throws(RedisError) -> Int64 {
    try await call(.publish, ["PUBLISH", channel, payload]).requireInteger()
  }
}
