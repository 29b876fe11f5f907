internal import Reactor
internal import Redis

extension RedisPool {
  /// Runs a script to its answer, also when the caller goes away meanwhile: what it has taken is known then, and is
  /// given back with the call.
  func confirm(
    _ script: RedisScript, keys: [RedisArgument], arguments: [RedisArgument]
  ) async throws(RedisError) -> RedisValue {
    guard let loop = EventLoop.current else {
      return try await evaluate(script, keys: keys, arguments: arguments)
    }
    // A task of its own is not cancelled with the one that waits for it.
    let running = loop.task { try await self.evaluate(script, keys: keys, arguments: arguments) }
    do { return try await running.value } catch { throw error as? RedisError ?? RedisError(.unavailable) }
  }
}
