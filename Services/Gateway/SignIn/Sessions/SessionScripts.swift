internal import Redis

/// What Redis does with the sessions of one user, which are one hash: by digest of the token the record, and by `s` and
/// the digest when it was last used. All times are by the clock of Redis.
enum SessionScripts {
  private static let clock = """
    local function clock()
      local t = redis.call('TIME')
      return t[1] * 1000 + math.floor(t[2] / 1000)
    end
    local function isOver(s, seen, now)
      return now >= s.created + s.life or now - seen >= s.idle
    end

    """

  /// Keys: the hash. Arguments: the digest, the record, the most sessions, the digest that it replaces or nothing,
  /// whether that one must be there. Returns 1, or 0 when it is not.
  static let begin = RedisScript(
    clock + """
      local key, digest, now = KEYS[1], ARGV[1], clock()
      if ARGV[4] ~= '' then
        local removed = redis.call('HDEL', key, ARGV[4], 's' .. ARGV[4])
        if removed == 0 and ARGV[5] == '1' then return 0 end
      end
      local all, count, oldest, oldestSeen = redis.call('HGETALL', key), 0, nil, nil
      for i = 1, #all, 2 do
        if string.sub(all[i], 1, 1) ~= 's' then
          local s = cjson.decode(all[i + 1])
          local seen = tonumber(redis.call('HGET', key, 's' .. all[i])) or s.created
          if isOver(s, seen, now) then
            redis.call('HDEL', key, all[i], 's' .. all[i])
          else
            count = count + 1
            if not oldest or seen < oldestSeen then oldest, oldestSeen = all[i], seen end
          end
        end
      end
      if count >= tonumber(ARGV[3]) then redis.call('HDEL', key, oldest, 's' .. oldest) end
      local s = cjson.decode(ARGV[2])
      s.created = now
      redis.call('HSET', key, digest, cjson.encode(s), 's' .. digest, string.format('%.0f', now))
      local left = redis.call('PTTL', key)
      if left < s.life then redis.call('PEXPIRE', key, s.life) end
      return 1
      """)

  /// Keys: the hash. Arguments: the digest, whether it counts as used. Returns the record and when it was last used, or
  /// nothing when it is over.
  static let find = RedisScript(
    clock + """
      local key, digest = KEYS[1], ARGV[1]
      local text = redis.call('HGET', key, digest)
      if not text then return false end
      local s, now = cjson.decode(text), clock()
      local seen = tonumber(redis.call('HGET', key, 's' .. digest)) or s.created
      if isOver(s, seen, now) then
        redis.call('HDEL', key, digest, 's' .. digest)
        return false
      end
      if ARGV[2] == '1' and now - seen > math.min(s.idle / 10, 60000) then
        redis.call('HSET', key, 's' .. digest, string.format('%.0f', now))
      end
      return {text, string.format('%.0f', seen)}
      """)

  /// Keys: the hash. Returns digest, record and last use of each session that is not over.
  static let list = RedisScript(
    clock + """
      local key, now, found = KEYS[1], clock(), {}
      local all = redis.call('HGETALL', key)
      for i = 1, #all, 2 do
        if string.sub(all[i], 1, 1) ~= 's' then
          local s = cjson.decode(all[i + 1])
          local seen = tonumber(redis.call('HGET', key, 's' .. all[i])) or s.created
          if not isOver(s, seen, now) then
            found[#found + 1] = all[i]
            found[#found + 1] = all[i + 1]
            found[#found + 1] = string.format('%.0f', seen)
          end
        end
      end
      return found
      """)

  /// Keys: the hash. Arguments: the digest that stays. Returns how many sessions were ended.
  static let endOthers = RedisScript(
    """
    local ended = 0
    for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
      if field ~= ARGV[1] and field ~= 's' .. ARGV[1] then
        redis.call('HDEL', KEYS[1], field)
        if string.sub(field, 1, 1) ~= 's' then ended = ended + 1 end
      end
    end
    return ended
    """)
}
