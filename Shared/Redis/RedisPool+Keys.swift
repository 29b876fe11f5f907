extension RedisPool {
  /// Sends a command given by its words and waits for its reply.
  public nonisolated(nonsending) func send(
    _ arguments: [RedisArgument], timeout: Duration? = nil
  ) async throws(RedisError) -> RedisValue {
    try await send(RedisCommand(arguments), timeout: timeout)
  }

  /// The value of a key; `nil` when it does not exist. Throws `RedisError`.
  public nonisolated(nonsending) func get(_ key: RedisArgument) async throws(RedisError) -> [UInt8]? {
    try await send(RedisCommand(.get, ["GET", key])).requireBytesOrNull()
  }

  /// The keys that one command may name, by their indices: all of them, or in a cluster those of each slot.
  public func groups(_ keys: [RedisArgument]) -> [[Int]] {
    guard isCluster else { return [Array(keys.indices)] }
    return Dictionary(grouping: keys.indices) { KeySlot.of(keys[$0]) }.values.map { $0 }
  }
}
