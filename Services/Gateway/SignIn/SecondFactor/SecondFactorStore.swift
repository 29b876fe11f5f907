internal import Contracts
internal import Crypto
internal import Redis

/// What Redis knows of second factors: which codes were used, and enrolments that wait for their first code.
struct SecondFactorStore: Sendable {
  /// Time for the first code of an enrolment.
  private static let enrolmentSeconds: Int64 = 600
  /// Longer than a code can be good.
  private static let usedSeconds: Int64 = 300

  private let redis: RedisPool
  private let sealer: SecretSealer

  init(_ redis: RedisPool, sealer: SecretSealer) {
    self.redis = redis
    self.sealer = sealer
  }

  private static func key(_ word: String, _ owner: SessionOwner) -> RedisArgument { "cadre:\(word):\(owner.tag)" }

  /// Keeps the last period of which a code was used: neither it nor an older one is good again, on any replica.
  private static let take = RedisScript(
    """
    local last = tonumber(redis.call('GET', KEYS[1]))
    if last and last >= tonumber(ARGV[1]) then return 0 end
    redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
    return 1
    """)

  /// Takes the code of a period. Returns `false` when it was used before.
  func take(period: Int64, of owner: SessionOwner) async throws(RedisError) -> Bool {
    let reply = try await redis.evaluate(
      SecondFactorStore.take, keys: [SecondFactorStore.key("totp", owner)],
      arguments: [.integer(period), .integer(SecondFactorStore.usedSeconds)])
    return try reply.requireInteger() == 1
  }

  /// Takes a recovery code, so that two requests at once do not both have it. Returns `false` when it was used before.
  func take(recoveryDigest: String, of owner: SessionOwner) async throws(RedisError) -> Bool {
    let key: RedisArgument = "cadre:recovery:\(owner.tag):\(recoveryDigest)"
    let reply = try await redis.send(["SET", key, "1", "NX", "EX", .integer(SecondFactorStore.usedSeconds)])
    return reply.isOK
  }

  /// Keeps the secret of an enrolment, sealed.
  func begin(_ secret: SecondFactorSecret, for owner: SessionOwner) async throws(RedisError) -> Bool {
    guard let sealed = secret.sealed(for: owner, by: sealer) else { return false }
    _ = try await redis.send([
      "SET", SecondFactorStore.key("enrolment", owner), .bytes(sealed), "EX",
      .integer(SecondFactorStore.enrolmentSeconds),
    ])
    return true
  }

  /// The secret of an enrolment that waits for its first code.
  func enrolment(of owner: SessionOwner) async throws(RedisError) -> SecondFactorSecret? {
    guard let sealed = try await redis.get(SecondFactorStore.key("enrolment", owner)) else { return nil }
    return SecondFactorSecret(sealed, of: owner, by: sealer)
  }

  /// Ends an enrolment.
  func end(_ owner: SessionOwner) async throws(RedisError) {
    _ = try await redis.send(["DEL", SecondFactorStore.key("enrolment", owner)])
  }
}
