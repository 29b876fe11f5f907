internal import Redis

/// The counters in Redis, whole numbers below 2^53 (Lua counts in doubles). Each is a hash: `v`, what is spent and
/// reserved, and `g`, a number that is new whenever the counter was rebuilt from the ledger. A script sees all counters
/// of a call at once, so none is ever oversold.
enum BudgetScripts {
  /// ARGV: for each key the amount, the limit, what is wanted beyond, and the generation that is expected (0: any);
  /// then the name of the process. Beyond the amount up to a twentieth of what is left is granted; who holds something
  /// stands in the hash with the second of its last contact. Returns {0, then generation, extra and value of each}, {1,
  /// index, value} for the first that is too small, {2, index} for the first that is missing, {3, index, generation}
  /// for the first of another generation, or {4, index} for one that is too small as long as a process that was not
  /// heard of for ten seconds may hold some of it.
  static let reserve = RedisScript(
    """
    local found, values = {0}, {}
    local second = tonumber(redis.call('TIME')[1])
    for i = 1, #KEYS do
      local c = redis.call('HMGET', KEYS[i], 'v', 'g')
      if not c[1] or not c[2] then return {2, i} end
      if ARGV[i * 4] ~= '0' and ARGV[i * 4] ~= c[2] then return {3, i, c[2]} end
      local amount = tonumber(ARGV[i * 4 - 3])
      if amount > 0 and tonumber(c[1]) + amount > tonumber(ARGV[i * 4 - 2]) then
        local all = redis.call('HGETALL', KEYS[i])
        for f = 1, #all, 2 do
          if string.sub(all[f], 1, 2) == 'h:' and tonumber(all[f + 1]) < second - 10 then return {4, i} end
        end
        return {1, i, c[1]}
      end
      values[i] = c
    end
    for i = 1, #KEYS do
      local amount, limit = tonumber(ARGV[i * 4 - 3]), tonumber(ARGV[i * 4 - 2])
      local room = math.floor((limit - tonumber(values[i][1]) - amount) / 20)
      local extra = math.max(0, math.min(tonumber(ARGV[i * 4 - 1]), room))
      local value = redis.call('HINCRBY', KEYS[i], 'v', string.format('%.0f', amount + extra))
      if extra > 0 then redis.call('HSET', KEYS[i], 'h:' .. ARGV[#KEYS * 4 + 1], second) end
      found[i * 3 - 1] = values[i][2]
      found[i * 3] = string.format('%.0f', extra)
      found[i * 3 + 1] = value
    end
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

  /// ARGV: for each key the generation and the amount that is given back; then the name of the process, which holds
  /// nothing any more.
  static let release = RedisScript(
    """
    for i = 1, #KEYS do
      if redis.call('HGET', KEYS[i], 'g') == ARGV[i * 2 - 1] then
        local back = tonumber(ARGV[i * 2])
        if back ~= 0 then redis.call('HINCRBY', KEYS[i], 'v', string.format('%.0f', -back)) end
        redis.call('HDEL', KEYS[i], 'h:' .. ARGV[#KEYS * 2 + 1])
      end
    end
    return 1
    """)

  /// ARGV: value, generation, end. Returns 1 when the counter was set, 0 when it was there.
  static let rebuild = RedisScript(
    """
    if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
    redis.call('HSET', KEYS[1], 'v', ARGV[1], 'g', ARGV[2])
    if ARGV[3] ~= '0' then redis.call('EXPIREAT', KEYS[1], ARGV[3]) else redis.call('EXPIRE', KEYS[1], 604800) end
    return 1
    """)

  /// KEYS: counters. ARGV: milliseconds. They are removed, and nobody builds them anew before the time is over.
  static let invalidate = RedisScript(
    """
    for i = 1, #KEYS do
      redis.call('DEL', KEYS[i])
      redis.call('SET', KEYS[i] .. ':wait', '1', 'PX', ARGV[1])
    end
    return 1
    """)
}
