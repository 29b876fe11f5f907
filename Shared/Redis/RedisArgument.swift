/// One argument of a command: any bytes. A text literal and interpolated text are arguments by themselves.
public enum RedisArgument: Sendable, Hashable {
  /// Text, sent as UTF-8.
  case string(String)
  /// Bytes, sent as they are.
  case bytes([UInt8])
  /// An integer, sent in decimal.
  case integer(Int64)
  /// A number, sent in the shortest decimal form that reads back the same.
  case double(Double)

  /// Text.
  @inlinable
  public init(_ text: String) { self = .string(text) }

  /// Bytes.
  @inlinable
  public init(_ bytes: [UInt8]) { self = .bytes(bytes) }

  /// An integer.
  @inlinable
  public init(_ value: Int) { self = .integer(Int64(value)) }
}

extension RedisArgument: ExpressibleByStringInterpolation {
  /// Text.
  @inlinable
  public init(stringLiteral value: String) { self = .string(value) }
}

extension RedisArgument: ExpressibleByIntegerLiteral {
  /// An integer.
  @inlinable
  public init(integerLiteral value: Int64) { self = .integer(value) }
}

/// A command with its arguments.
public struct RedisCommand: Sendable, ExpressibleByArrayLiteral {
  /// The known name of the command, for limits and metrics.
  public let name: RedisCommandName
  /// The command word and what follows it.
  public let arguments: [RedisArgument]

  /// A command from its words.
  public init(_ arguments: [RedisArgument]) {
    self.arguments = arguments
    name = arguments.first.map(RedisCommandName.init(of:)) ?? .other
  }

  /// A command from its words: `["SET", "key", "value"]`.
  public init(arrayLiteral elements: RedisArgument...) { self.init(elements) }

  /// A command whose name is known, without looking it up.
  @usableFromInline
  init(_ name: RedisCommandName, _ arguments: [RedisArgument]) {
    self.name = name
    self.arguments = arguments
  }

  /// Whether it may share a connection. It may not when it blocks, changes the state of the connection, or has other
  /// than one reply.
  var mayShareConnection: Bool {
    switch name {
    case .blpop, .brpop, .blmove, .blmpop, .brpoplpush, .bzpopmin, .bzpopmax, .bzmpop, .wait, .waitaof: false
    case .subscribe, .unsubscribe, .psubscribe, .punsubscribe, .ssubscribe, .sunsubscribe, .monitor, .sync, .psync:
      false
    case .multi, .exec, .discard, .watch, .unwatch: false
    case .auth, .hello, .select, .quit, .reset, .shutdown: false
    case .xread, .xreadgroup: !arguments.contains { $0.isWord("BLOCK") }
    case .client:
      arguments.count < 2 || !["REPLY", "PAUSE", "TRACKING", "KILL"].contains { arguments[1].isWord($0) }
    default: true
    }
  }
}

extension RedisArgument {
  /// Whether it is `word` (in capitals), whatever its case.
  func isWord(_ word: String) -> Bool {
    func same(_ bytes: some Collection<UInt8>) -> Bool {
      bytes.count == word.utf8.count
        && zip(bytes, word.utf8).allSatisfy { $0 == $1 || ((97...122).contains($0) && $0 - 32 == $1) }
    }
    switch self {
    case .string(let text): return same(text.utf8)
    case .bytes(let bytes): return same(bytes)
    case .integer, .double: return false
    }
  }
}
