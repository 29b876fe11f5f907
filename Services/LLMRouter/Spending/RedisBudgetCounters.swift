internal import Budgets
internal import Primitives
package import Redis
internal import SystemSources

/// Budget counters in Redis.
package struct RedisBudgetCounters: BudgetCounterStore {
  private static let epochKey = RedisArgument("budget:epoch")

  private let redis: RedisPool

  /// The counters behind a pool.
  package init(redis: RedisPool) { self.redis = redis }

  private func keys(_ keys: [String]) -> [RedisArgument] { keys.map { RedisArgument($0) } }

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
    _ = try await redis.evaluate(BudgetScripts.settle, keys: keys(changes.map(\.key)), arguments: arguments(changes))
  }

  func release(_ quota: [(key: String, generation: Int64, amount: Int64)], process: String) async throws {
    let arguments = quota.flatMap { one in
      BudgetScripts.ReleaseField.arguments { field in
        switch field {
        case .generation: .integer(one.generation)
        case .amount: .integer(one.amount)
        }
      }
    }
    _ = try await redis.evaluate(
      BudgetScripts.release, keys: keys(quota.map(\.key)), arguments: arguments + [RedisArgument(process)])
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
    let found = try await redis.evaluate(script, keys: self.keys(keys)).requireArray()
    guard found.count == keys.count else { throw RedisError(.protocolViolation) }
    return found.map(\.integer)
  }

  func epoch() async throws -> String? {
    try await redis.evaluate(
      BudgetScripts.epoch, keys: [RedisBudgetCounters.epochKey], arguments: [RedisArgument("\(UUID.version7())")]
    ).text
  }

  func invalidate(_ keys: [String], milliseconds: Int64) async throws {
    _ = try await redis.evaluate(
      BudgetScripts.invalidate, keys: self.keys(keys), arguments: [.integer(milliseconds)])
  }

  func invalidate(tenant: String, milliseconds: Int64) async throws {
    for try await page in redis.scan(match: RedisArgument("\(BudgetCounter.keyPrefix(tenant: tenant))*")) {
      let keys = page.map { String(decoding: $0, as: UTF8.self) }.filter { !$0.hasSuffix(BudgetScripts.waitSuffix) }
      if !keys.isEmpty { try await invalidate(keys, milliseconds: milliseconds) }
    }
  }

  func milliseconds(beforeBuilding key: String) async throws -> Int64 {
    try await redis.send(RedisCommand(["PTTL", RedisArgument(key + BudgetScripts.waitSuffix)])).integer ?? 0
  }
}
