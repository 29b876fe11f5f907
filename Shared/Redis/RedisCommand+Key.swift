/// To which nodes of a cluster a command can go.
enum CommandReach: Equatable {
  /// To the node that has the key.
  case key(RedisArgument)
  /// To any node.
  case any
  /// It speaks of all the data of a server, so no one node can answer it, or has no key where it should.
  case none
}

extension RedisCommand {
  /// Where the command can be executed. Of several keys the first counts: the server refuses those of other slots.
  var reach: CommandReach {
    switch name {
    case .client, .config, .echo, .info, .ping, .publish, .role, .script, .slowlog, .time: .any
    case .cluster, .dbsize, .flushall, .flushdb, .keys, .randomkey, .scan, .other: .none
    // EVALSHA digest number-of-keys key…
    case .eval, .evalsha:
      arguments.count > 3 && arguments[2] != 0 && !arguments[2].isWord("0") ? .key(arguments[3]) : .any
    // OBJECT ENCODING key, MEMORY USAGE key
    case .object, .memory: arguments.count > 2 ? .key(arguments[2]) : .none
    case .xread, .xreadgroup: keyOfStreams.map { .key($0) } ?? .none
    default: arguments.count > 1 ? .key(arguments[1]) : .none
    }
  }

  /// The first key behind the word STREAMS.
  private var keyOfStreams: RedisArgument? {
    guard let word = arguments.firstIndex(where: { $0.isWord("STREAMS") }), word + 1 < arguments.count else {
      return nil
    }
    return arguments[word + 1]
  }
}
