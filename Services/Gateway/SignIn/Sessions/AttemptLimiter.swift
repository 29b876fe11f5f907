internal import Contracts
internal import Crypto
internal import Primitives
internal import Redis
internal import SystemSources

/// Slows down whoever guesses. Every attempt counts as failed before it is made, so that many at once gain nothing; one
/// that succeeds is taken back.
///
/// Three counts: of an account from one address or known browser, of an account from everywhere, of an address. Their
/// pauses double up to a limit and end by themselves, and attempts within a pause are refused without counting. A
/// browser that has signed in to the account before has a count of its own: strangers cannot keep its user out.
struct AttemptLimiter: Sendable {
  /// How a count turns into a pause.
  struct Rule: Sendable {
    /// Attempts without a pause.
    let freeAttempts: Int
    /// The first pause; each further attempt doubles it.
    let pauseMilliseconds: Int
    /// The longest pause.
    let pauseMillisecondsMax: Int
    /// Time after the last attempt when all is forgotten.
    let memoryMilliseconds: Int
  }

  /// The rules of all counts.
  struct Rules: Sendable {
    /// From one address, or of one known browser.
    var pair = Rule(
      freeAttempts: 5, pauseMilliseconds: 2000, pauseMillisecondsMax: 900_000, memoryMilliseconds: 3_600_000)
    /// From everywhere else.
    var account = Rule(
      freeAttempts: 30, pauseMilliseconds: 1000, pauseMillisecondsMax: 60_000, memoryMilliseconds: 3_600_000)
    /// Codes of second factors, from everywhere: whoever gives one knows the password.
    var code = Rule(
      freeAttempts: 10, pauseMilliseconds: 2000, pauseMillisecondsMax: 900_000, memoryMilliseconds: 3_600_000)
    /// Of an address, whatever the account.
    var address = Rule(
      freeAttempts: 100, pauseMilliseconds: 1000, pauseMillisecondsMax: 60_000, memoryMilliseconds: 900_000)
  }

  /// How long a browser stays known.
  static let deviceSeconds: Int64 = 90 * 86_400

  /// Who attempts what.
  struct Attempt: Sendable {
    /// What is attempted, in a form that Redis may hold.
    let account: String
    let address: String?
    /// The known browser.
    let device: String?
    /// Whether it is a code of a second factor.
    let isCode: Bool

    /// An attempt to sign in with an e-mail address. In whatever tenant it is meant, the count is the same: with one
    /// for each, somebody could guess anew for every way to name an account, and see by a count who has one.
    static func password(email: String, address: String?, device: String?) -> Attempt {
      let digest = Hex.encode(Digest.sha256(Array(email.utf8)).prefix(16))
      return Attempt(account: "password:\(digest)", address: address, device: device, isCode: false)
    }

    /// An attempt to give a code.
    static func secondFactor(_ owner: SessionOwner, address: String?) -> Attempt {
      Attempt(
        account: "code:\(owner.tenant):\(owner.user)", address: address, device: nil, isCode: true)
    }

    fileprivate var accountKey: RedisArgument { "cadre:attempts:{\(account)}" }
    /// Without an address there are strangers only, who must not keep the user out for long: they have no such count.
    fileprivate var pairKey: RedisArgument? {
      (device.map { "known:\($0)" } ?? address).map { "cadre:attempts:{\(account)}:\($0)" }
    }
    fileprivate var addressKey: RedisArgument? { address.map { "cadre:attempts:{address:\($0)}" } }
  }

  /// Who was too often wrong.
  enum Block: String, Sendable, CaseIterable {
    case account
    case address
  }

  private let redis: RedisPool
  private let rules: Rules

  init(_ redis: RedisPool, rules: Rules = Rules()) {
    self.redis = redis
    self.rules = rules
  }

  /// Arguments: the free attempts, the first and the longest pause and the memory, for each key. Returns 0, or how long
  /// the pause still is, with the place of its key.
  private static let attempt = RedisScript(
    """
    local t = redis.call('TIME')
    local now = t[1] * 1000 + math.floor(t[2] / 1000)
    for i, key in ipairs(KEYS) do
      local ends = tonumber(redis.call('HGET', key, 'ends')) or 0
      if ends > now then return ends - now end
    end
    for i, key in ipairs(KEYS) do
      local rule = (i - 1) * 4
      local over = redis.call('HINCRBY', key, 'n', 1) - tonumber(ARGV[rule + 1])
      if over >= 0 then
        local pause = math.min(tonumber(ARGV[rule + 2]) * 2 ^ math.min(over, 30), tonumber(ARGV[rule + 3]))
        redis.call('HSET', key, 'ends', string.format('%.0f', now + pause))
      end
      redis.call('PEXPIRE', key, ARGV[rule + 4])
    end
    return 0
    """)

  /// Keys: what is counted once less. Argument: 1 when its pause ends too.
  private static let takeBack = RedisScript(
    """
    if redis.call('HINCRBY', KEYS[1], 'n', -1) <= 0 then redis.call('DEL', KEYS[1])
    elseif ARGV[1] == '1' then redis.call('HDEL', KEYS[1], 'ends') end
    return 0
    """)

  /// Counts an attempt. Returns for how many milliseconds it has to wait, and whose count says so; `nil` when it may be
  /// made.
  func begin(_ attempt: Attempt) async throws(RedisError) -> (milliseconds: Int64, block: Block)? {
    if let key = attempt.addressKey {
      let wait = try await count([key], [rules.address])
      if wait > 0 { return (wait, .address) }
    }
    let counts = counts(attempt)
    let wait = try await count(counts.map(\.key), counts.map(\.rule))
    return wait > 0 ? (wait, .account) : nil
  }

  /// The counts of an account. Strangers and known browsers do not slow each other down.
  private func counts(_ attempt: Attempt) -> [(key: RedisArgument, rule: Rule)] {
    let pair = attempt.pairKey.map { [(key: $0, rule: rules.pair)] } ?? []
    return attempt.device == nil
      ? pair + [(key: attempt.accountKey, rule: attempt.isCode ? rules.code : rules.account)] : pair
  }

  private func count(_ keys: [RedisArgument], _ rules: [Rule]) async throws(RedisError) -> Int64 {
    let arguments = rules.flatMap {
      [$0.freeAttempts, $0.pauseMilliseconds, $0.pauseMillisecondsMax, $0.memoryMilliseconds]
    }
    return try await redis.evaluate(
      AttemptLimiter.attempt, keys: keys, arguments: arguments.map { RedisArgument($0) }
    ).requireInteger()
  }

  /// Takes an attempt back that was right. What cannot be taken back ends by itself.
  ///
  /// Attempts before it are forgotten only where they were certainly the user's: somebody who has an account of the
  /// same e-mail address in another tenant could forget guesses by signing in there.
  func succeeded(_ attempt: Attempt) async {
    let isUsersOwn = attempt.device != nil || attempt.isCode
    if isUsersOwn, let key = attempt.pairKey { _ = try? await redis.send(["DEL", key]) }
    let counts: [(key: RedisArgument?, endsPause: Bool)] = [
      (isUsersOwn ? nil : attempt.pairKey, true), (attempt.device == nil ? attempt.accountKey : nil, false),
      (attempt.addressKey, false),
    ]
    for (key, endsPause) in counts {
      guard let key else { continue }
      _ = try? await redis.evaluate(AttemptLimiter.takeBack, keys: [key], arguments: [endsPause ? "1" : "0"])
    }
  }

  // MARK: Known browsers

  private static func deviceKey(_ owner: SessionOwner, _ digest: String) -> RedisArgument {
    "cadre:device:\(owner.tag):\(digest)"
  }

  private static func digest(_ value: String) -> String { Hex.encode(Digest.sha256(Array(value.utf8)).prefix(16)) }

  /// The name of a browser that has signed in to an account before; `nil` for a stranger.
  func device(_ value: String, of owner: SessionOwner) async throws(RedisError) -> String? {
    guard value.utf8.count == 43 else { return nil }
    let digest = AttemptLimiter.digest(value)
    return try await redis.get(AttemptLimiter.deviceKey(owner, digest)) == nil ? nil : digest
  }

  /// Makes a browser known. Returns the value of its cookie, which it keeps when it has one.
  func know(_ value: String?, of owner: SessionOwner) async -> String? {
    let kept = value.flatMap { $0.utf8.count == 43 ? $0 : nil }
    let value = kept ?? Base64.encode(SystemRandom.bytes(32), .url, pads: false)
    let key = AttemptLimiter.deviceKey(owner, AttemptLimiter.digest(value))
    let reply = try? await redis.send(["SET", key, "1", "EX", .integer(AttemptLimiter.deviceSeconds)])
    return reply == nil ? nil : value
  }
}
