internal import Primitives

/// A Lua script, which the server knows by the digest of its source. Make it once and keep it.
public struct RedisScript: Sendable {
  /// The Lua source.
  public let source: String
  /// The SHA-1 of the source in hexadecimal: its name in EVALSHA.
  public let digest: String

  /// Makes a script.
  public init(_ source: String) {
    self.source = source
    digest = Hex.encode(SHA1.digest(Array(source.utf8)))
  }
}

extension RedisClient {
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
