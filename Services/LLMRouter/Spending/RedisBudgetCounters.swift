internal import Budgets
internal import Primitives
package import Redis
internal import Synchronization
internal import SystemSources

/// Budget counters in Redis. What concerns one call is one script, for its counters are of one tenant. What concerns
/// many tenants is one script for each group of counters that a script may touch: in a cluster those of a slot.
package struct RedisBudgetCounters: BudgetCounterStore {
  private static let epochKey = RedisArgument("budget:epoch")

  private let redis: RedisPool

  /// The counters behind a pool.
  package init(redis: RedisPool) { self.redis = redis }

  private func keys(_ keys: [String]) -> [RedisArgument] { keys.map { RedisArgument($0) } }

  /// Runs `body` for each group of keys that a script may touch, by their indices; all groups at once.
  private func eachGroup(_ keys: [String], _ body: @escaping @Sendable ([Int]) async throws -> Void) async throws {
    guard redis.isCluster else { return try await body(Array(keys.indices)) }
    let groups = redis.groups(self.keys(keys))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for group in groups { tasks.addTask { try await body(group) } }
      try await tasks.waitForAll()
    }
  }

  func reserve(_ requests: [ReserveRequest], process: String) async throws -> ReserveReply {
    let arguments = requests.flatMap { request in
      BudgetScripts.ReserveField.arguments { field in
        switch field {
        case .amount: .integer(request.amount)
        case .limit: .integer(request.limit)
        case .ahead: .integer(request.ahead)
        case .generation: .integer(request.generation)
        }
      }
    }
    let answer = try await redis.confirm(
      BudgetScripts.reserve, keys: keys(requests.map(\.key)), arguments: arguments + [RedisArgument(process)])
    return try ReserveReply(answer, counters: requests.count)
  }

  private func arguments(_ changes: [QuotaReturn]) -> [RedisArgument] {
    changes.flatMap { change in
      BudgetScripts.SettleField.arguments { field in
        switch field {
        case .generation: .integer(change.generation)
        case .reserved: .integer(change.reserved)
        case .used: .integer(change.used)
        }
      }
    }
  }

  func add(_ amount: Int64, to key: String, generation: Int64) async throws {
    let change = QuotaReturn(key: key, generation: generation, reserved: 0, used: amount)
    _ = try await redis.confirm(BudgetScripts.settle, keys: keys([key]), arguments: arguments([change]))
  }

  func settle(_ changes: [QuotaReturn]) async throws {
    try await eachGroup(changes.map(\.key)) { group in
      let some = group.map { changes[$0] }
      _ = try await redis.evaluate(BudgetScripts.settle, keys: keys(some.map(\.key)), arguments: arguments(some))
    }
  }

  func release(_ quota: [(key: String, generation: Int64, amount: Int64)], process: String) async throws {
    try await eachGroup(quota.map(\.key)) { group in
      let some = group.map { quota[$0] }
      let arguments = some.flatMap { one in
        BudgetScripts.ReleaseField.arguments { field in
          switch field {
          case .generation: .integer(one.generation)
          case .amount: .integer(one.amount)
          }
        }
      }
      _ = try await redis.evaluate(
        BudgetScripts.release, keys: keys(some.map(\.key)), arguments: arguments + [RedisArgument(process)])
    }
  }

  func seed(_ key: String, generation: Int64, end: Int64?, milliseconds: Int64) async throws -> SeedReply {
    let arguments = BudgetScripts.SeedField.arguments { field in
      switch field {
      case .generation: .integer(generation)
      case .end: .integer(end ?? 0)
      case .milliseconds: .integer(milliseconds)
      }
    }
    return try SeedReply(try await redis.evaluate(BudgetScripts.seed, keys: keys([key]), arguments: arguments))
  }

  func finish(_ key: String, generation: Int64, value: Int64) async throws -> Bool {
    let arguments = BudgetScripts.FinishField.arguments { field in
      switch field {
      case .generation: .integer(generation)
      case .value: .integer(value)
      }
    }
    return try await redis.evaluate(BudgetScripts.finish, keys: keys([key]), arguments: arguments).requireInteger() == 1
  }

  func generations(_ keys: [String]) async throws -> [Int64] {
    try await numbers(BudgetScripts.generations, keys).map { $0 ?? 0 }
  }

  func values(_ keys: [String]) async throws -> [Int64?] { try await numbers(BudgetScripts.values, keys) }

  private func numbers(_ script: RedisScript, _ keys: [String]) async throws -> [Int64?] {
    let found = Mutex([Int64?](repeating: nil, count: keys.count))
    try await eachGroup(keys) { group in
      let answer = try await redis.evaluate(script, keys: self.keys(group.map { keys[$0] })).requireArray()
      guard answer.count == group.count else { throw RedisError(.protocolViolation) }
      found.withLock { found in
        for (index, value) in zip(group, answer) { found[index] = value.integer }
      }
    }
    return found.withLock { $0 }
  }

  func epoch(tenant: String?) async throws -> StoreEpoch? {
    guard redis.isCluster else {
      return try await redis.evaluate(
        BudgetScripts.epoch, keys: [RedisBudgetCounters.epochKey], arguments: [RedisArgument("\(UUID.version7())")]
      ).text.map { .named($0) }
    }
    guard let tenant else { return nil }
    let key = RedisArgument("budget:epoch:{\(tenant)}")
    return .since(milliseconds: try await redis.evaluate(BudgetScripts.slotEpoch, keys: [key]).requireInteger())
  }

  func invalidate(_ keys: [String], milliseconds: Int64) async throws {
    try await eachGroup(keys) { group in
      _ = try await redis.evaluate(
        BudgetScripts.invalidate, keys: self.keys(group.map { keys[$0] }), arguments: [.integer(milliseconds)])
    }
  }

  func invalidate(tenant: String, milliseconds: Int64) async throws {
    let prefix = BudgetCounter.keyPrefix(tenant: tenant)
    for try await page in redis.scan(match: RedisArgument("\(prefix)*"), near: RedisArgument(prefix)) {
      let keys = page.map { String(decoding: $0, as: UTF8.self) }.filter { !$0.hasSuffix(BudgetScripts.waitSuffix) }
      if !keys.isEmpty { try await invalidate(keys, milliseconds: milliseconds) }
    }
  }

  func milliseconds(beforeBuilding key: String) async throws -> Int64 {
    try await redis.send(RedisCommand(["PTTL", RedisArgument(key + BudgetScripts.waitSuffix)])).integer ?? 0
  }
}
