internal import Redis

/// The counters in Redis, whole numbers below 2^53 (Lua counts in doubles). Each is a hash: `v`, what is spent and
/// reserved, and `g`, a number that is new whenever the counter was rebuilt from the ledger. A script sees all counters
/// of a call at once, so none is ever oversold.
enum BudgetScripts {
  /// ARGV: for each key its amount, limit and end (seconds since 1970, 0 for none). Returns {0, generations...}, or
  /// {1, index, value} for the first that is too small, or {2, index} for the first that is missing.
  static let reserve = RedisScript(
    """
    local found = {}
    for i = 1, #KEYS do
      local c = redis.call('HMGET', KEYS[i], 'v', 'g')
      if not c[1] or not c[2] then return {2, i} end
      if tonumber(c[1]) + tonumber(ARGV[i * 3 - 2]) > tonumber(ARGV[i * 3 - 1]) then return {1, i, c[1]} end
      found[i + 1] = c[2]
    end
    for i = 1, #KEYS do redis.call('HINCRBY', KEYS[i], 'v', ARGV[i * 3 - 2]) end
    found[1] = 0
    return found
    """)

  /// ARGV: for each key the generation that holds the reservation, the amount reserved and the amount used. A counter
  /// that was rebuilt in the meantime by another replica does not know of the reservation: all that was used is added.
  static let settle = RedisScript(
    """
    local values = {}
    for i = 1, #KEYS do
      local g = redis.call('HGET', KEYS[i], 'g')
      values[i] = -1
      if g == ARGV[i * 3 - 2] then
        values[i] = redis.call('HINCRBY', KEYS[i], 'v', string.format('%.0f', ARGV[i * 3] - ARGV[i * 3 - 1]))
      elseif g then
        values[i] = redis.call('HINCRBY', KEYS[i], 'v', ARGV[i * 3])
      end
    end
    return values
    """)

  /// ARGV: value, generation, end, force. Returns 1 when the counter was set, 0 when it was there.
  static let rebuild = RedisScript(
    """
    if ARGV[4] == '0' and redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
    redis.call('HSET', KEYS[1], 'v', ARGV[1], 'g', ARGV[2])
    if ARGV[3] ~= '0' then redis.call('EXPIREAT', KEYS[1], ARGV[3]) else redis.call('EXPIRE', KEYS[1], 604800) end
    return 1
    """)
}
