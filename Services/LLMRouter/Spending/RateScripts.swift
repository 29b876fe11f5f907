internal import Redis

/// The gates in Redis. Each has a hash with the levels of its two buckets and the time of the last look (`r`, `t`,
/// `at`, by the clock of Redis), and a sorted set of the calls inside, by the time when they are given up.
enum RateScripts {
  /// KEYS: hash and set of each gate. ARGV: call, lease in microseconds, then for each gate requests and tokens per
  /// minute, calls at once (0: no limit) and the tokens of this call. Passes all gates or none. Returns {0} or
  /// {microseconds to wait, index}.
  static let enter = RedisScript(
    """
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local wait, who, levels = 0, 0, {}
    local function later(w, i) if w > wait then wait = w; who = i end end
    for i = 1, #KEYS / 2 do
      local rpm, tpm, most = tonumber(ARGV[i * 4 - 1]), tonumber(ARGV[i * 4]), tonumber(ARGV[i * 4 + 1])
      local tokens = tonumber(ARGV[i * 4 + 2])
      local old = redis.call('HMGET', KEYS[i * 2 - 1], 'r', 't', 'at')
      local gone = math.max(0, now - (tonumber(old[3] or now)))
      local r = math.min(rpm, tonumber(old[1] or rpm) + gone * rpm / 60000000)
      local t = math.min(tpm, tonumber(old[2] or tpm) + gone * tpm / 60000000)
      levels[i] = {r, t}
      if rpm > 0 and r < 1 then later((1 - r) * 60000000 / rpm, i) end
      -- A call that is larger than a minute's worth passes when the bucket is full.
      local need = math.min(tokens, tpm)
      if tpm > 0 and t < need then later((need - t) * 60000000 / tpm, i) end
      if most > 0 then
        redis.call('ZREMRANGEBYSCORE', KEYS[i * 2], '-inf', now)
        if redis.call('ZCARD', KEYS[i * 2]) >= most then later(20000, i) end
      end
    end
    if wait > 0 then return {string.format('%.0f', math.max(1000, wait)), who} end
    for i = 1, #KEYS / 2 do
      local r, t = levels[i][1] - 1, levels[i][2] - tonumber(ARGV[i * 4 + 2])
      redis.call('HSET', KEYS[i * 2 - 1], 'r', string.format('%.6f', r), 't', string.format('%.3f', t),
        'at', string.format('%.0f', now))
      redis.call('EXPIRE', KEYS[i * 2 - 1], 3600)
      if tonumber(ARGV[i * 4 + 1]) > 0 then
        redis.call('ZADD', KEYS[i * 2], string.format('%.0f', now + ARGV[2]), ARGV[1])
        redis.call('EXPIRE', KEYS[i * 2], 7200)
      end
    end
    return {'0', 0}
    """, runsWithoutMemory: true)

  /// KEYS as above. ARGV: call, tokens that were taken and not used (negative: used beyond).
  static let leave = RedisScript(
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
