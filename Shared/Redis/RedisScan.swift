/// The keys of the database, page by page (SCAN): every key that exists throughout is seen at least once, some perhaps
/// twice.
public struct RedisScan: AsyncSequence, Sendable {
  /// The keys of a page; it may be empty.
  public typealias Element = [[UInt8]]

  let pool: RedisPool
  let pattern: RedisArgument?
  let pageSize: Int
  let key: RedisArgument?

  /// Starts a walk.
  public func makeAsyncIterator() -> Iterator { Iterator(scan: self) }

  /// A walk over the pages.
  public struct Iterator: AsyncIteratorProtocol {
    let scan: RedisScan
    /// The server's cursor; `nil` at the end.
    private var cursor: [UInt8]? = [UInt8(ascii: "0")]

    init(scan: RedisScan) { self.scan = scan }

    /// The next page; `nil` at the end. Throws `RedisError`.
    public mutating func next() async throws -> [[UInt8]]? { try await page() }

    /// The next page; `nil` at the end. Throws `RedisError`.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(RedisError) -> [[UInt8]]? {
      try await page()
    }

    private nonisolated(nonsending) mutating func page() async throws(RedisError) -> [[UInt8]]? {
      guard let from = cursor else { return nil }
      var words: [RedisArgument] = ["SCAN", .bytes(from), "COUNT", RedisArgument(scan.pageSize)]
      if let pattern = scan.pattern { words += ["MATCH", pattern] }
      let reply = try await scan.pool.send(RedisCommand(.scan, words), near: scan.key).requireArray()
      guard reply.count == 2 else { throw RedisError(.decoding, detail: "a page of \(reply.count) parts") }
      let to = try reply[0].requireBytes()
      cursor = to == [UInt8(ascii: "0")] ? nil : to
      var keys: [[UInt8]] = []
      for key in try reply[1].requireArray() { keys.append(try key.requireBytes()) }
      return keys
    }
  }
}

extension RedisPool {
  /// Walks over the keys that match a glob pattern (all by default), about `pageSize` at a time. In a cluster those of
  /// one node: the one that has `key`, which need not exist.
  public func scan(match pattern: RedisArgument? = nil, near key: RedisArgument? = nil, pageSize: Int = 100)
    -> RedisScan
  {
    RedisScan(pool: self, pattern: pattern, pageSize: pageSize, key: key)
  }
}
