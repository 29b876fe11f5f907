/// What is sent for a transaction, and what its replies mean.
enum RedisTransaction {
  /// The commands between MULTI and EXEC. Throws `invalidCommand` for one that may not stand there.
  static func wrapped(_ commands: [RedisCommand]) throws(RedisError) -> [RedisCommand] {
    guard commands.allSatisfy({ !$0.arguments.isEmpty && $0.mayShareConnection }) else {
      throw RedisError(.invalidCommand, detail: "not inside a transaction")
    }
    return [RedisCommand(.multi, ["MULTI"])] + commands + [RedisCommand(.exec, ["EXEC"])]
  }

  /// The replies to `count` commands, from all that was answered. Throws the reason of a transaction that was not
  /// executed.
  static func results(_ replies: [RedisValue], count: Int) throws(RedisError) -> [RedisValue] {
    guard let last = replies.last else { throw RedisError(.decoding, detail: "no reply to EXEC") }
    if case .error(let aborted) = last {
      throw RedisError(replies.dropLast().lazy.compactMap(\.error).first ?? aborted)
    }
    let results = try last.requireArray()
    guard results.count == count else {
      throw RedisError(.decoding, outcomeUnknown: true, detail: "\(results.count) results of a transaction")
    }
    return results
  }
}
