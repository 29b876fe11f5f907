internal import Redis

/// The counters in Redis, whole numbers below 2^53 (Lua counts in doubles). Each is a hash: `v`, what is spent and
/// reserved; `g`, a number that is new whenever the counter was rebuilt from the ledger; `r`, the run of the server in
/// which that was. A counter of an earlier run came back with a dump: it is older than the ledger, so it counts as
/// missing. `p` is there while a counter is being built, until when. A script sees all counters of a call at once, so
/// none is ever oversold.
enum BudgetScripts {
  /// The run of the server, new with each start.
  private static let run =
    "local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or '-'\n"

  /// ARGV: for each key the amount, the limit, what is wanted beyond, and the generation that is expected (0: any);
  /// then the name of the process. Beyond the amount up to a twentieth of what is left is granted; who holds something
  /// stands in the hash with the second of its last contact. Returns {0, then generation, extra and value of each}, {1,
  /// index, value} for the first that is too small, {2, index} for the first that is missing, {3, index, generation}
  /// for the first of another generation, {4, index} for one that is too small as long as a process that was not heard
  /// of for ten seconds may hold some of it, or {5, index} for the first that is being built.
  static let reserve = RedisScript(
    run + """
      local found, values = {0}, {}
      local second = tonumber(redis.call('TIME')[1])
      for i = 1, #KEYS do
        local c = redis.call('HMGET', KEYS[i], 'v', 'g', 'r', 'p')
        if not c[1] or not c[2] or c[3] ~= run then return {2, i} end
        if c[4] then return {5, i} end
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
      """, runsWithoutMemory: true)

  /// ARGV: for each key the generation that holds the reservation, the amount reserved and the amount used. A counter
  /// that was rebuilt in the meantime by another replica does not know of the reservation: all that was used is added.
  static let settle = RedisScript(
    run + """
      local values = {}
      for i = 1, #KEYS do
        local c = redis.call('HMGET', KEYS[i], 'g', 'r')
        local g = c[2] == run and c[1]
        values[i] = -1
        if g == ARGV[i * 3 - 2] then
          values[i] = redis.call('HINCRBY', KEYS[i], 'v', string.format('%.0f', ARGV[i * 3] - ARGV[i * 3 - 1]))
        elseif g then
          values[i] = redis.call('HINCRBY', KEYS[i], 'v', ARGV[i * 3])
        end
      end
      return values
      """, runsWithoutMemory: true)

  /// ARGV: for each key the generation and the amount that is given back; then the name of the process, which holds
  /// nothing any more.
  static let release = RedisScript(
    run + """
      for i = 1, #KEYS do
        local c = redis.call('HMGET', KEYS[i], 'g', 'r')
        if c[2] == run and c[1] == ARGV[i * 2 - 1] then
          local back = tonumber(ARGV[i * 2])
          if back ~= 0 then redis.call('HINCRBY', KEYS[i], 'v', string.format('%.0f', -back)) end
          redis.call('HDEL', KEYS[i], 'h:' .. ARGV[#KEYS * 2 + 1])
        end
      end
      return 1
      """, runsWithoutMemory: true)

  /// ARGV: generation, end, and milliseconds for building. Begins to build a counter that is missing, of an earlier
  /// run, or left unfinished. Returns {0, generation} for one that is there, {1} for one that another process builds,
  /// and {2}.
  static let seed = RedisScript(
    run + """
      local time = redis.call('TIME')
      local now = time[1] * 1000 + math.floor(time[2] / 1000)
      local c = redis.call('HMGET', KEYS[1], 'g', 'r', 'p')
      if c[1] and c[2] == run then
        if not c[3] then return {0, c[1]} end
        if tonumber(c[3]) > now then return {1} end
      end
      redis.call('DEL', KEYS[1])
      redis.call('HSET', KEYS[1], 'v', 0, 'g', ARGV[1], 'r', run, 'p', string.format('%.0f', now + ARGV[3]))
      if ARGV[2] ~= '0' then redis.call('EXPIREAT', KEYS[1], ARGV[2]) else redis.call('EXPIRE', KEYS[1], 604800) end
      return {2}
      """, runsWithoutMemory: true)

  /// ARGV: generation and value. The counter is built; what others have added meanwhile stays in it. Returns 1, or 0
  /// for one that is another by now.
  static let finish = RedisScript(
    """
    if redis.call('HGET', KEYS[1], 'g') ~= ARGV[1] then return 0 end
    redis.call('HINCRBY', KEYS[1], 'v', ARGV[2])
    redis.call('HDEL', KEYS[1], 'p')
    return 1
    """, runsWithoutMemory: true)

  /// The generation of each counter, an empty text for one that is missing or of an earlier run.
  static let generations = RedisScript(
    run + """
      local found = {}
      for i = 1, #KEYS do
        local c = redis.call('HMGET', KEYS[i], 'g', 'r')
        found[i] = c[2] == run and c[1] or ''
      end
      return found
      """, runsWithoutMemory: true)

  /// The value of each counter that is ready, an empty text for others.
  static let values = RedisScript(
    run + """
      local found = {}
      for i = 1, #KEYS do
        local c = redis.call('HMGET', KEYS[i], 'v', 'r', 'p')
        found[i] = c[2] == run and not c[3] and c[1] or ''
      end
      return found
      """, runsWithoutMemory: true)

  /// KEYS: the epoch. ARGV: its name if there is none. Returns run and epoch: one of them is new after a loss.
  static let epoch = RedisScript(
    run + """
      return run .. ':' .. (redis.call('SET', KEYS[1], ARGV[1], 'NX', 'GET') or ARGV[1])
      """, runsWithoutMemory: true)

  /// KEYS: counters. ARGV: milliseconds. They are removed, and nobody builds them anew before the time is over.
  static let invalidate = RedisScript(
    """
    for i = 1, #KEYS do
      redis.call('DEL', KEYS[i])
      redis.call('SET', KEYS[i] .. ':wait', '1', 'PX', ARGV[1])
    end
    return 1
    """, runsWithoutMemory: true)
}
