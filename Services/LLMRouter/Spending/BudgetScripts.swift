internal import Budgets
internal import Redis

/// The counters in Redis, whole numbers below 2^53 (Lua counts in doubles). Each is a hash: `v`, what is spent and
/// reserved; `g`, its generation, a number that is new whenever the counter was rebuilt from the ledger; `m`, the
/// history of writes in which that was: the server's replication id, new with each start of a master and each promotion
/// of a replica. A counter of another history came back with a dump, was copied to a replica that may lack the last
/// writes, or has moved to another node: it counts as missing. `p` is there while a counter is being built, until when.
/// `r`, the run of the server, is for processes of the version before, which know no `m`. A script sees all counters of
/// a call at once, so none is ever oversold; all are of one tenant, whose keys share a slot of a cluster.
enum BudgetScripts {
  /// The history of writes that the server is in.
  private static let run =
    "local run = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or '-'\n"

  /// The arguments of `reserve` for each counter; then the name of the process.
  enum ReserveField: ScriptField {
    case amount
    case limit
    /// What is wanted beyond the amount.
    case ahead
    /// The generation that is expected (0: any).
    case generation
  }

  /// Seconds after which a process that was not heard of counts as gone.
  private static let silentSecondsMax = 10

  /// Reserves in all counters or in none. Beyond the amount up to a twentieth of what is left is granted; who has some
  /// of that stands in the hash with the second of its last contact. Returns a `ReserveReply`: for the code `reserved`
  /// generation, extra and value of each counter, else the index of the first counter that is not as it has to be.
  static let reserve = RedisScript(
    run + """
      local found, values = {\(ReserveReply.Code.reserved)}, {}
      local second = tonumber(redis.call('TIME')[1])
      for i = 1, #KEYS do
        local c = redis.call('HMGET', KEYS[i], 'v', 'g', 'm', 'p')
        if not c[1] or not c[2] or c[3] ~= run then return {\(ReserveReply.Code.missing), i} end
        if c[4] then return {\(ReserveReply.Code.building), i} end
        if \(ReserveField.generation) ~= '0' and \(ReserveField.generation) ~= c[2] then
          return {\(ReserveReply.Code.otherGeneration), i, c[2]}
        end
        local amount = tonumber(\(ReserveField.amount))
        if amount > 0 and tonumber(c[1]) + amount > tonumber(\(ReserveField.limit)) then
          local all = redis.call('HGETALL', KEYS[i])
          for f = 1, #all, 2 do
            if string.sub(all[f], 1, 2) == 'h:' and tonumber(all[f + 1]) < second - \(silentSecondsMax) then
              return {\(ReserveReply.Code.unreturned), i}
            end
          end
          return {\(ReserveReply.Code.exhausted), i, c[1]}
        end
        values[i] = c
      end
      for i = 1, #KEYS do
        local amount, limit = tonumber(\(ReserveField.amount)), tonumber(\(ReserveField.limit))
        local room = math.floor((limit - tonumber(values[i][1]) - amount) / \(PrefetchedQuota.keepDivisor))
        local extra = math.max(0, math.min(tonumber(\(ReserveField.ahead)), room))
        local value = redis.call('HINCRBY', KEYS[i], 'v', string.format('%.0f', amount + extra))
        if extra > 0 then redis.call('HSET', KEYS[i], 'h:' .. \(ReserveField.next), second) end
        table.insert(found, values[i][2])
        table.insert(found, string.format('%.0f', extra))
        table.insert(found, value)
      end
      return found
      """, runsWithoutMemory: true)

  /// The arguments of `settle` for each counter.
  enum SettleField: ScriptField {
    /// The generation that includes the reservation.
    case generation
    case reserved
    case used
  }

  /// Replaces what was reserved by what was used. A counter that another replica has rebuilt in the meantime does not
  /// know of the reservation: all that was used is added.
  static let settle = RedisScript(
    run + """
      local values = {}
      for i = 1, #KEYS do
        local c = redis.call('HMGET', KEYS[i], 'g', 'm')
        local g = c[2] == run and c[1]
        values[i] = -1
        if g == \(SettleField.generation) then
          values[i] = redis.call('HINCRBY', KEYS[i], 'v',
            string.format('%.0f', \(SettleField.used) - \(SettleField.reserved)))
        elseif g then
          values[i] = redis.call('HINCRBY', KEYS[i], 'v', \(SettleField.used))
        end
      end
      return values
      """, runsWithoutMemory: true)

  /// The arguments of `release` for each counter; then the name of the process, which has no quota any more.
  enum ReleaseField: ScriptField {
    case generation
    case amount
  }

  /// Takes back prefetched quota.
  static let release = RedisScript(
    run + """
      for i = 1, #KEYS do
        local c = redis.call('HMGET', KEYS[i], 'g', 'm')
        if c[2] == run and c[1] == \(ReleaseField.generation) then
          local back = tonumber(\(ReleaseField.amount))
          if back ~= 0 then redis.call('HINCRBY', KEYS[i], 'v', string.format('%.0f', -back)) end
          redis.call('HDEL', KEYS[i], 'h:' .. \(ReleaseField.next))
        end
      end
      return 1
      """, runsWithoutMemory: true)

  /// The arguments of `seed`, for its only counter.
  enum SeedField: ScriptField {
    case generation
    /// When the counter ends, in seconds since 1970 (0: never).
    case end
    /// Time for building.
    case milliseconds
  }

  /// Begins to build a counter that is missing, of another history, or left unfinished. Returns a `SeedReply`.
  static let seed = RedisScript(
    run + """
      local i = 1
      local time = redis.call('TIME')
      local now = time[1] * 1000 + math.floor(time[2] / 1000)
      local c = redis.call('HMGET', KEYS[1], 'g', 'm', 'p')
      if c[1] and c[2] == run then
        if not c[3] then return {\(SeedReply.Code.present), c[1]} end
        if tonumber(c[3]) > now then return {\(SeedReply.Code.building)} end
      end
      redis.call('DEL', KEYS[1])
      local server = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or '-'
      redis.call('HSET', KEYS[1], 'v', 0, 'g', \(SeedField.generation), 'm', run, 'r', server,
        'p', string.format('%.0f', now + \(SeedField.milliseconds)))
      if \(SeedField.end) ~= '0' then
        redis.call('EXPIREAT', KEYS[1], \(SeedField.end))
      else
        redis.call('EXPIRE', KEYS[1], 604800)
      end
      return {\(SeedReply.Code.begun)}
      """, runsWithoutMemory: true)

  /// The arguments of `finish`, for its only counter.
  enum FinishField: ScriptField {
    case generation
    case value
  }

  /// The counter is built; what others have added meanwhile stays in it. Returns 1, or 0 for one that is another by
  /// now.
  static let finish = RedisScript(
    """
    local i = 1
    if redis.call('HGET', KEYS[1], 'g') ~= \(FinishField.generation) then return 0 end
    redis.call('HINCRBY', KEYS[1], 'v', \(FinishField.value))
    redis.call('HDEL', KEYS[1], 'p')
    return 1
    """, runsWithoutMemory: true)

  /// The generation of each counter, an empty text for one that is missing or of another history.
  static let generations = RedisScript(
    run + """
      local found = {}
      for i = 1, #KEYS do
        local c = redis.call('HMGET', KEYS[i], 'g', 'm')
        found[i] = c[2] == run and c[1] or ''
      end
      return found
      """, runsWithoutMemory: true)

  /// The value of each counter that is ready, an empty text for others.
  static let values = RedisScript(
    run + """
      local found = {}
      for i = 1, #KEYS do
        local c = redis.call('HMGET', KEYS[i], 'v', 'm', 'p')
        found[i] = c[2] == run and not c[3] and c[1] or ''
      end
      return found
      """, runsWithoutMemory: true)

  /// KEYS: the epoch. ARGV: its name if there is none. Returns history and epoch: one of them is new after a loss.
  static let epoch = RedisScript(
    run + """
      return run .. ':' .. (redis.call('SET', KEYS[1], ARGV[1], 'NX', 'GET') or ARGV[1])
      """, runsWithoutMemory: true)

  /// KEYS: the epoch of a tenant's slot in a cluster. Returns the milliseconds since its slot has lost nothing: since it
  /// was made, which is done anew when it is lost itself, or comes from another history.
  static let slotEpoch = RedisScript(
    run + """
      local time = redis.call('TIME')
      local now = time[1] * 1000 + math.floor(time[2] / 1000)
      local c = redis.call('HMGET', KEYS[1], 'm', 'at')
      local at = c[1] == run and tonumber(c[2]) or now
      if at == now then redis.call('HSET', KEYS[1], 'm', run, 'at', string.format('%.0f', now)) end
      redis.call('EXPIRE', KEYS[1], \(slotEpochSeconds))
      return string.format('%.0f', math.max(0, now - at))
      """, runsWithoutMemory: true)

  /// The epoch of a tenant without calls is forgotten after this time.
  private static let slotEpochSeconds = 2_592_000

  /// What stands behind the name of a counter that nobody may build for some time.
  static let waitSuffix = ":wait"

  /// KEYS: counters. ARGV: milliseconds. They are removed, and nobody builds them anew before the time is over.
  static let invalidate = RedisScript(
    """
    for i = 1, #KEYS do
      redis.call('DEL', KEYS[i])
      redis.call('SET', KEYS[i] .. '\(waitSuffix)', '1', 'PX', ARGV[1])
    end
    return 1
    """, runsWithoutMemory: true)
}
