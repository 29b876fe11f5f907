internal import Redis

/// What the store answers to a request to reserve. The codes stand in the script and here by one declaration.
enum ReserveReply: Sendable, Equatable {
  /// The first element of an answer.
  enum Code: Int64, CaseIterable, LuaNumber {
    case reserved = 0
    case exhausted = 1
    case missing = 2
    case otherGeneration = 3
    case unreturned = 4
    case building = 5
  }

  /// What a counter has granted.
  struct Grant: Sendable, Equatable {
    let generation: Int64
    /// Beyond what the call needs.
    let extra: Int64
    /// The value of the counter after that.
    let value: Int64
  }

  /// Reserved in all counters; one grant for each.
  case reserved([Grant])
  /// The counter at an index is too small; it has this value.
  case exhausted(Int, value: Int64)
  /// The counter at an index is missing.
  case missing(Int)
  /// The counter at an index was rebuilt by another process.
  case otherGeneration(Int, Int64)
  /// The counter at an index is too small as long as a process that was not heard of for ten seconds may hold a part.
  case unreturned(Int)
  /// The counter at an index is being built.
  case building(Int)

  /// Numbers of an answer for each counter when all have granted.
  private static let grantWidth = 3

  /// Reads an answer to a request for so many counters. Throws `protocolViolation` for anything else.
  init(_ value: RedisValue, counters: Int) throws(RedisError) {
    let answer = try value.requireArray()
    func number(_ index: Int) throws(RedisError) -> Int64 {
      guard index < answer.count, let number = answer[index].integer else { throw RedisError(.protocolViolation) }
      return number
    }
    /// Lua counts from 1.
    func counter() throws(RedisError) -> Int {
      let index = try number(1)
      guard index >= 1, index <= Int64(counters) else { throw RedisError(.protocolViolation) }
      return Int(index) - 1
    }
    guard let code = Code(rawValue: try number(0)) else { throw RedisError(.protocolViolation) }
    switch code {
    case .reserved:
      guard answer.count == 1 + ReserveReply.grantWidth * counters else { throw RedisError(.protocolViolation) }
      var grants: [Grant] = []
      for start in stride(from: 1, to: answer.count, by: ReserveReply.grantWidth) {
        grants.append(
          Grant(generation: try number(start), extra: try number(start + 1), value: try number(start + 2)))
      }
      self = .reserved(grants)
    case .exhausted: self = .exhausted(try counter(), value: try number(2))
    case .missing: self = .missing(try counter())
    case .otherGeneration: self = .otherGeneration(try counter(), try number(2))
    case .unreturned: self = .unreturned(try counter())
    case .building: self = .building(try counter())
    }
  }
}

/// What the store answers to a request to build a counter.
enum SeedReply: Sendable, Equatable {
  /// The first element of an answer.
  enum Code: Int64, CaseIterable, LuaNumber {
    case present = 0
    case building = 1
    case begun = 2
  }

  /// The counter is there.
  case present
  /// Another process builds it.
  case building
  /// It is ours to build.
  case begun

  /// Reads an answer. Throws `protocolViolation` for anything else.
  init(_ value: RedisValue) throws(RedisError) {
    guard let code = try value.requireArray().first?.integer.flatMap({ Code(rawValue: $0) }) else {
      throw RedisError(.protocolViolation)
    }
    switch code {
    case .present: self = .present
    case .building: self = .building
    case .begun: self = .begun
    }
  }
}
