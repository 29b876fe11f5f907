internal import Redis

/// The buckets in Redis. Each is a hash of its level and the time of the last look (`l`, `at`, by the clock of Redis);
/// a bucket that is full again is no more kept.
enum LimitScript {
  private static let fieldsPerBucket = 4

  /// KEYS: the buckets. ARGV: for each the rate in tokens a second, the burst, the tokens that are needed, the tokens
  /// to borrow. Takes what is needed from all buckets or nothing from any; of what is left beyond it at most a quarter
  /// is lent, so that one replica never empties a bucket for the others. Returns the microseconds to wait (0: taken),
  /// the index of the bucket that lets wait longest, and tokens and level of each.
  static let take = RedisScript(
    """
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local wait, who, levels, answer = 0, 0, {}, {}
    for i = 1, #KEYS do
      local at = (i - 1) * \(fieldsPerBucket)
      local rate, burst, need = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
      local old = redis.call('HMGET', KEYS[i], 'l', 'at')
      local gone = math.max(0, now - (tonumber(old[2] or now)))
      levels[i] = math.min(burst, (tonumber(old[1] or burst)) + gone * rate / 1000000)
      if levels[i] < need then
        local w = math.ceil((need - levels[i]) * 1000000 / rate)
        if w > wait then wait = w; who = i end
      end
    end
    if wait > 0 then return {wait, who} end
    for i = 1, #KEYS do
      local at = (i - 1) * \(fieldsPerBucket)
      local rate, burst = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
      local need, ahead = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
      local taken = need + math.max(0, math.min(ahead, math.floor((levels[i] - need) / 4)))
      local level = levels[i] - taken
      redis.call('HSET', KEYS[i], 'l', string.format('%.6f', level), 'at', string.format('%.0f', now))
      redis.call('PEXPIRE', KEYS[i], math.ceil((burst - level) * 1000 / rate) + 1000)
      answer[#answer + 1] = taken
      answer[#answer + 1] = math.floor(level)
    end
    return {0, 0, unpack(answer)}
    """, runsWithoutMemory: true)

  static func arguments(_ asks: [LeaseTable.Ask]) -> [RedisArgument] {
    asks.flatMap { ask -> [RedisArgument] in
      [
        .string("\(ask.bucket.limit.perSecond)"), .integer(Int64(ask.bucket.limit.burst)), .integer(Int64(ask.need)),
        .integer(Int64(ask.ahead)),
      ]
    }
  }
}

/// What the script answers.
enum LimitReply: Sendable, Equatable {
  case granted([LeaseTable.Grant])
  /// The bucket at an index has no token for so long.
  case refused(index: Int, nanoseconds: UInt64)

  /// Reads an answer about so many buckets. Throws `protocolViolation` for anything else.
  init(_ value: RedisValue, count: Int) throws(RedisError) {
    let numbers = try value.requireArray().map(\.integer)
    guard let wait = numbers.first ?? nil, numbers.count >= 2, let index = numbers[1] else {
      throw RedisError(.protocolViolation)
    }
    if wait > 0 {
      guard index >= 1, index <= Int64(count) else { throw RedisError(.protocolViolation) }
      let nanoseconds = UInt64(clamping: wait).multipliedReportingOverflow(by: 1000)
      self = .refused(index: Int(index) - 1, nanoseconds: nanoseconds.overflow ? .max : nanoseconds.partialValue)
      return
    }
    guard numbers.count == 2 + 2 * count else { throw RedisError(.protocolViolation) }
    var grants: [LeaseTable.Grant] = []
    for place in 0..<count {
      guard let tokens = numbers[2 + 2 * place], let level = numbers[3 + 2 * place] else {
        throw RedisError(.protocolViolation)
      }
      grants.append(LeaseTable.Grant(tokens: LimitReply.bounded(tokens), level: LimitReply.bounded(level)))
    }
    self = .granted(grants)
  }

  /// No bucket holds more, whatever a server answers.
  private static func bounded(_ number: Int64) -> Int { Int(clamping: min(max(0, number), 10_000_000)) }
}
