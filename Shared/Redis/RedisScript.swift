internal import Crypto
internal import Primitives

/// A Lua script, which the server knows by the digest of its source. Make it once and keep it.
public struct RedisScript: Sendable {
  /// The Lua source.
  public let source: String
  /// The SHA-1 of the source in hexadecimal: its name in EVALSHA.
  public let digest: String

  /// Makes a script. One that `runsWithoutMemory` also writes when the server's memory is used up, where all other
  /// writes are refused: for the few bytes that must not be lost for the sake of cached ones. Redis 7.
  public init(_ source: String, runsWithoutMemory: Bool = false) {
    self.source = runsWithoutMemory ? "#!lua flags=allow-oom\n" + source : source
    digest = Hex.encode(Digest.sha1(Array(self.source.utf8)))
  }
}

extension RedisPool {
  /// Runs a script by its digest; when the server does not know it (any more), once more with its source. Throws
  /// `RedisError`, also for errors that the script returns.
  public nonisolated(nonsending) func evaluate(
    _ script: RedisScript, keys: [RedisArgument] = [], arguments: [RedisArgument] = [], timeout: Duration? = nil
  ) async throws(RedisError) -> RedisValue {
    var words: [RedisArgument] = ["EVALSHA", .string(script.digest), RedisArgument(keys.count)]
    words.reserveCapacity(words.count + keys.count + arguments.count)
    words.append(contentsOf: keys)
    words.append(contentsOf: arguments)
    do {
      return try await send(RedisCommand(.evalsha, words), timeout: timeout)
    } catch {
      guard error.serverPrefix == "NOSCRIPT" else { throw error }
    }
    words[0] = "EVAL"
    words[1] = .string(script.source)
    return try await send(RedisCommand(.eval, words), timeout: timeout)
  }
}
