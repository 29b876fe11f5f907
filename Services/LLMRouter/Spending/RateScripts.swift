internal import Redis

/// The limits in Redis. Each has a hash with the levels of its two buckets and the time of the last look (`r`, `t`,
/// `at`, by the clock of Redis), and a sorted set of the calls under way, by the time when they are given up.
enum RateScripts {
  /// Names of one limit: the hash and the set.
  static func keys(_ key: String) -> [String] { [key, key + ":calls"] }

  /// The arguments of `acquire` for each limit.
  enum LimitField: ScriptField {
    case requestsPerMinute
    case tokensPerMinute
    /// Calls at once.
    case concurrency
    /// The tokens of this call.
    case tokens
  }

  /// How often a full set of calls is looked at, in microseconds.
  private static let concurrencyPause = 20_000
  /// Nobody waits for less, in microseconds.
  private static let pauseMin = 1000

  /// KEYS: hash and set of each limit. ARGV: for each limit its fields (0: no limit), then the call and its lease in
  /// microseconds. Acquires all limits or none. Returns a `RateLimitReply`: the microseconds to wait, 0 when it is
  /// acquired, and the index of the limit that lets wait longest.
  static let acquire = RedisScript(
    """
    local limits = #KEYS / 2
    local call, lease = ARGV[limits * \(LimitField.count) + 1], ARGV[limits * \(LimitField.count) + 2]
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local wait, who, levels = 0, 0, {}
    local function later(w, i) if w > wait then wait = w; who = i end end
    for i = 1, limits do
      local hash, set = KEYS[i * 2 - 1], KEYS[i * 2]
      local rpm, tpm = tonumber(\(LimitField.requestsPerMinute)), tonumber(\(LimitField.tokensPerMinute))
      local most, tokens = tonumber(\(LimitField.concurrency)), tonumber(\(LimitField.tokens))
      local old = redis.call('HMGET', hash, 'r', 't', 'at')
      local gone = math.max(0, now - (tonumber(old[3] or now)))
      local r = math.min(rpm, tonumber(old[1] or rpm) + gone * rpm / 60000000)
      local t = math.min(tpm, tonumber(old[2] or tpm) + gone * tpm / 60000000)
      levels[i] = {r, t}
      if rpm > 0 and r < 1 then later((1 - r) * 60000000 / rpm, i) end
      -- A call that is larger than a minute's worth passes when the bucket is full.
      local need = math.min(tokens, tpm)
      if tpm > 0 and t < need then later((need - t) * 60000000 / tpm, i) end
      if most > 0 then
        redis.call('ZREMRANGEBYSCORE', set, '-inf', now)
        if redis.call('ZCARD', set) >= most then later(\(concurrencyPause), i) end
      end
    end
    if wait > 0 then return {string.format('%.0f', math.max(\(pauseMin), wait)), who} end
    for i = 1, limits do
      local hash, set = KEYS[i * 2 - 1], KEYS[i * 2]
      local r, t = levels[i][1] - 1, levels[i][2] - tonumber(\(LimitField.tokens))
      redis.call('HSET', hash, 'r', string.format('%.6f', r), 't', string.format('%.3f', t),
        'at', string.format('%.0f', now))
      redis.call('EXPIRE', hash, 3600)
      if tonumber(\(LimitField.concurrency)) > 0 then
        redis.call('ZADD', set, string.format('%.0f', now + lease), call)
        redis.call('EXPIRE', set, 7200)
      end
    end
    return {'0', 0}
    """, runsWithoutMemory: true)

  /// KEYS as above. ARGV: call, tokens that were taken and not used (negative: used beyond).
  static let release = RedisScript(
    """
    for i = 1, #KEYS / 2 do
      redis.call('ZREM', KEYS[i * 2], ARGV[1])
      if ARGV[2] ~= '0' and redis.call('HEXISTS', KEYS[i * 2 - 1], 't') == 1 then
        redis.call('HINCRBYFLOAT', KEYS[i * 2 - 1], 't', ARGV[2])
      end
    end
    return 1
    """, runsWithoutMemory: true)
}

/// What the store answers to a request to acquire.
enum RateLimitReply: Sendable, Equatable {
  /// All limits are acquired.
  case acquired
  /// The limit at an index lets wait so long.
  case limited(Int, microseconds: Int64)

  /// Reads an answer to a request for so many limits. Throws `protocolViolation` for anything else.
  init(_ value: RedisValue, limits: Int) throws(RedisError) {
    let answer = try value.requireArray()
    guard answer.count == 2, let wait = answer[0].integer, let index = answer[1].integer else {
      throw RedisError(.protocolViolation)
    }
    guard wait > 0 else {
      self = .acquired
      return
    }
    guard index >= 1, index <= Int64(limits) else { throw RedisError(.protocolViolation) }
    self = .limited(Int(index) - 1, microseconds: wait)
  }
}
