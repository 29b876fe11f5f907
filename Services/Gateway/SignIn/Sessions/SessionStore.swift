internal import Contracts
internal import Redis

/// The sessions of browsers in Redis. Every failure of Redis is thrown: nobody is let in by a session that cannot be
/// read.
struct SessionStore: Sendable {
  /// Sessions of one user; the one that was not used for longest ends for another.
  static let sessionsPerUserMax = 32

  private let redis: RedisPool

  init(_ redis: RedisPool) { self.redis = redis }

  private static func key(_ owner: SessionOwner) -> RedisArgument { "cadre:session:\(owner.tag)" }

  /// Stores a session under a token. With `replacing`, that token of the same user is good no longer; returns `false`,
  /// and stores nothing, when it `mustExist` and does not.
  func begin(
    _ record: SessionRecord, _ token: SessionToken, replacing: SessionToken? = nil, mustExist: Bool = false
  ) async throws(RedisError) -> Bool {
    let old = replacing?.owner == token.owner ? replacing?.digest ?? "" : ""
    let reply = try await redis.evaluate(
      SessionScripts.begin, keys: [SessionStore.key(token.owner)],
      arguments: [
        .string(token.digest), .bytes(record.encoded()), RedisArgument(SessionStore.sessionsPerUserMax), .string(old),
        mustExist ? "1" : "0",
      ])
    return try reply.requireInteger() == 1
  }

  /// The session of a token, which may count as used; `nil` when it is over or was never there.
  func find(_ token: SessionToken, isUse: Bool) async throws(RedisError) -> SessionRecord? {
    let reply = try await redis.evaluate(
      SessionScripts.find, keys: [SessionStore.key(token.owner)],
      arguments: [.string(token.digest), isUse ? "1" : "0"])
    guard !reply.isNull else { return nil }
    let parts = try reply.requireArray()
    guard parts.count == 2 else { return nil }
    return SessionRecord(try parts[0].requireBytes(), seenAt: try parts[1].requireInteger())
  }

  /// Ends the session of a token.
  func end(_ token: SessionToken) async throws(RedisError) { try await end(token.owner, token.digest) }

  /// Ends a session by its digest.
  func end(_ owner: SessionOwner, _ digest: String) async throws(RedisError) {
    _ = try await redis.send(["HDEL", SessionStore.key(owner), .string(digest), "s\(digest)"])
  }

  /// Ends all sessions of a user.
  func endAll(of owner: SessionOwner) async throws(RedisError) {
    _ = try await redis.send(["DEL", SessionStore.key(owner)])
  }

  /// Ends all sessions of a user but that of a token.
  func endOthers(than token: SessionToken) async throws(RedisError) {
    _ = try await redis.evaluate(
      SessionScripts.endOthers, keys: [SessionStore.key(token.owner)], arguments: [.string(token.digest)])
  }

  /// The sessions of a user with their digests.
  func list(of owner: SessionOwner) async throws(RedisError) -> [(digest: String, record: SessionRecord)] {
    let reply = try await redis.evaluate(SessionScripts.list, keys: [SessionStore.key(owner)])
    let parts = try reply.requireArray()
    var found: [(digest: String, record: SessionRecord)] = []
    for start in stride(from: 0, to: parts.count - parts.count % 3, by: 3) {
      guard let digest = parts[start].text,
        let record = SessionRecord(
          try parts[start + 1].requireBytes(), seenAt: try parts[start + 2].requireInteger())
      else { continue }
      found.append((digest, record))
    }
    return found
  }
}
