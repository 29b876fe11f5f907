import Budgets
import Primitives
import Reactor
import Redis
import Synchronization
import SystemSources
import Telemetry
import Testing

@testable import Spending

/// The guard with a store, a ledger and a clock of its own.
@Suite struct BudgetGuardTests {
  private let clock = SteppedClock()
  private let store = FakeCounterStore()
  private let ledger = FakeSpentSource()
  private let counter = BudgetStateMachineTests.counter(limit: 1000)

  private func makeGuard() -> BudgetGuard {
    BudgetGuard(
      counters: store, source: ledger, metrics: SpendingMetrics(registry: MetricsRegistry()), clock: clock.spending,
      logger: Telemetry.disabled().logger, process: "p")
  }

  private func reserve(_ budgets: BudgetGuard, _ tokens: Int64, call: UUID = .version7()) async throws -> Reservation {
    guard let reservation = try await budgets.reserve(call, [counter], tokens: tokens, nanoUSD: 0) else {
      throw RedisError(.decoding)
    }
    return reservation
  }

  /// Waits until what is returned has arrived.
  private func value(_ wanted: Int64) async throws {
    for _ in 0..<1000 where store.value(counter.key) != wanted { try await EventLoop.sleep(for: .milliseconds(1)) }
    #expect(store.value(counter.key) == wanted)
  }

  @Test func `a counter that is missing is built from the ledger`() async throws {
    try await onLoop {
      ledger.spent = 700
      let budgets = makeGuard()
      let reservation = try await reserve(budgets, 100)
      #expect(store.seeds == 1)
      // The store had just been seen for the first time: others could still spend quota of a lost counter.
      #expect(clock.milliseconds >= BudgetGuard.settlingNanoseconds / 1_000_000)
      budgets.settle(reservation, tokens: 40, nanoUSD: 0)
      await budgets.close()
      try await value(740)
    }
  }

  @Test func `most calls do not ask the store`() async throws {
    try await onLoop {
      store.build(counter.key)
      let budgets = makeGuard()
      for _ in 0..<20 { budgets.settle(try await reserve(budgets, 1), tokens: 1, nanoUSD: 0) }
      #expect(store.requests == 1)
      clock.advance(PrefetchedQuota.validNanoseconds)
      _ = try await reserve(budgets, 1)
      #expect(store.requests == 2, "quota is good for a second")
    }
  }

  @Test func `a shortage is a refusal that says what is spent`() async throws {
    try await onLoop {
      store.build(counter.key, value: 950)
      let budgets = makeGuard()
      let error = await #expect(throws: SpendingError.self) { _ = try await reserve(budgets, 100) }
      guard case .budgetExhausted(let shortage) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(shortage == BudgetShortage(counter: counter, spent: 950, wanted: 100))
      #expect(store.value(counter.key) == 950, "nothing is reserved")
    }
  }

  @Test func `a call waits for what the call before has left`() async throws {
    try await onLoop {
      store.build(counter.key)
      let budgets = makeGuard()
      let first = try await reserve(budgets, 900)
      store.holdSettlements = true
      budgets.settle(first, tokens: 100, nanoUSD: 0)
      // The store takes it as soon as it has refused once.
      let second = try await reserve(budgets, 800)
      #expect(second.tokens == 800 && store.refusals == 1)
    }
  }

  @Test func `without the store a call is refused, and its counter is rebuilt before the next`() async throws {
    try await onLoop {
      store.build(counter.key)
      let budgets = makeGuard()
      store.isAway = true
      let error = await #expect(throws: SpendingError.self) { _ = try await reserve(budgets, 10) }
      guard case .budgetsUnavailable = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      store.isAway = false
      ledger.spent = 30
      _ = try await reserve(budgets, 10)
      #expect(store.invalidated == [counter.key])
      await budgets.close()
      try await value(40)
    }
  }

  @Test func `calls under way are in a counter that another process has rebuilt`() async throws {
    try await onLoop {
      store.build(counter.key, generation: 1)
      let budgets = makeGuard()
      let open = try await reserve(budgets, 100)
      store.build(counter.key, generation: 2, value: 300)
      await budgets.checkGenerations()
      try await value(400)
      await budgets.checkGenerations()
      try await value(400)
      budgets.settle(open, tokens: 60, nanoUSD: 0)
      try await value(360)
    }
  }

  @Test func `a counter that has less than the ledger is rebuilt`() async throws {
    try await onLoop {
      store.build(counter.key)
      let budgets = makeGuard()
      budgets.settle(try await reserve(budgets, 10), tokens: 10, nanoUSD: 0)
      ledger.spent = 10
      await budgets.verify()
      #expect(store.seeds == 0)
      ledger.spent = 500
      await budgets.verify()
      _ = try await reserve(budgets, 10)
      #expect(store.seeds == 1)
      await budgets.close()
      try await value(510)
    }
  }

  @Test func `several calls that find a counter missing build it once`() async throws {
    try await onLoop {
      let budgets = makeGuard()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<10 {
          group.addTask { budgets.settle(try await reserve(budgets, 10), tokens: 10, nanoUSD: 0) }
        }
        try await group.waitForAll()
      }
      #expect(store.seeds == 1)
      await budgets.close()
      try await value(100)
    }
  }

  @Test func `how budgets stand is by the ledger, and the rest is reserved`() async throws {
    try await onLoop {
      store.build(counter.key)
      let budgets = makeGuard()
      _ = try await reserve(budgets, 1000)
      ledger.spent = 300
      let status = try await budgets.status([counter.budget])[counter.budget.id] ?? []
      #expect(status.map(\.spent) == [300] && status.map(\.reserved) == [700] && status.map(\.left) == [0])
      store.isAway = true
      let alone = try await budgets.status([counter.budget])[counter.budget.id] ?? []
      #expect(alone.map(\.reserved) == [0] && alone.map(\.left) == [700], "without the store nothing is reserved")
    }
  }
}

/// Counters in memory, as the scripts make them.
final class FakeCounterStore: BudgetCounterStore {
  private struct Counter {
    var value: Int64
    var generation: Int64
    var isBuilding = false
  }

  private struct State {
    var counters: [String: Counter] = [:]
    var requests = 0
    var refusals = 0
    var seeds = 0
    var invalidated: [String] = []
    var isAway = false
    var holdSettlements = false
  }

  private let state = Mutex(State())

  var requests: Int { state.withLock { $0.requests } }
  var refusals: Int { state.withLock { $0.refusals } }
  var seeds: Int { state.withLock { $0.seeds } }
  var invalidated: [String] { state.withLock { $0.invalidated } }
  var isAway: Bool {
    get { state.withLock { $0.isAway } }
    set { state.withLock { $0.isAway = newValue } }
  }
  var holdSettlements: Bool {
    get { state.withLock { $0.holdSettlements } }
    set { state.withLock { $0.holdSettlements = newValue } }
  }

  func value(_ key: String) -> Int64? { state.withLock { $0.counters[key]?.value } }

  func build(_ key: String, generation: Int64 = 1, value: Int64 = 0) {
    state.withLock { $0.counters[key] = Counter(value: value, generation: generation) }
  }

  private func check() throws(RedisError) {
    if isAway { throw RedisError(.unavailable) }
  }

  func reserve(_ requests: [ReserveRequest], process: String) async throws -> ReserveReply {
    try check()
    return state.withLock { state in
      state.requests += 1
      for (index, request) in requests.enumerated() {
        guard let counter = state.counters[request.key] else { return .missing(index) }
        if counter.isBuilding { return .building(index) }
        if request.generation != 0, request.generation != counter.generation {
          return .otherGeneration(index, counter.generation)
        }
        if request.amount > 0, counter.value + request.amount > request.limit {
          state.refusals += 1
          state.holdSettlements = false
          return .exhausted(index, value: counter.value)
        }
      }
      return .reserved(
        requests.map { request in
          var counter = state.counters[request.key] ?? Counter(value: 0, generation: 0)
          let room = (request.limit - counter.value - request.amount) / PrefetchedQuota.keepDivisor
          let extra = max(0, min(request.ahead, room))
          counter.value += request.amount + extra
          state.counters[request.key] = counter
          return ReserveReply.Grant(generation: counter.generation, extra: extra, value: counter.value)
        })
    }
  }

  func add(_ amount: Int64, to key: String, generation: Int64) async throws {
    try await settle([QuotaReturn(key: key, generation: generation, reserved: 0, used: amount)])
  }

  func settle(_ changes: [QuotaReturn]) async throws {
    while holdSettlements { await Task.yield() }
    try check()
    state.withLock { state in
      for change in changes {
        guard let counter = state.counters[change.key] else { continue }
        state.counters[change.key]?.value +=
          counter.generation == change.generation ? change.used - change.reserved : change.used
      }
    }
  }

  func release(_ quota: [(key: String, generation: Int64, amount: Int64)], process: String) async throws {
    try check()
    state.withLock { state in
      for one in quota where state.counters[one.key]?.generation == one.generation {
        state.counters[one.key]?.value -= one.amount
      }
    }
  }

  func seed(_ key: String, generation: Int64, end: Int64?, milliseconds: Int64) async throws -> SeedReply {
    try check()
    return state.withLock { state in
      if let counter = state.counters[key] { return counter.isBuilding ? .building : .present }
      state.seeds += 1
      state.counters[key] = Counter(value: 0, generation: generation, isBuilding: true)
      return .begun
    }
  }

  func finish(_ key: String, generation: Int64, value: Int64) async throws -> Bool {
    try check()
    return state.withLock { state in
      guard state.counters[key]?.generation == generation else { return false }
      state.counters[key]?.value += value
      state.counters[key]?.isBuilding = false
      return true
    }
  }

  func generations(_ keys: [String]) async throws -> [Int64] {
    try check()
    return state.withLock { state in keys.map { state.counters[$0]?.generation ?? 0 } }
  }

  func values(_ keys: [String]) async throws -> [Int64?] {
    try check()
    return state.withLock { state in
      keys.map { key in state.counters[key].flatMap { $0.isBuilding ? nil : $0.value } }
    }
  }

  func epoch(tenant: String?) async throws -> StoreEpoch? {
    try check()
    return .named("one")
  }

  func invalidate(_ keys: [String], milliseconds: Int64) async throws {
    try check()
    state.withLock { state in
      state.invalidated += keys
      for key in keys { state.counters[key] = nil }
    }
  }

  func invalidate(tenant: String, milliseconds: Int64) async throws {
    let prefix = BudgetCounter.keyPrefix(tenant: tenant)
    let keys = state.withLock { $0.counters.keys.filter { $0.hasPrefix(prefix) } }
    try await invalidate(keys, milliseconds: milliseconds)
  }

  func milliseconds(beforeBuilding key: String) async throws -> Int64 { 0 }
}

/// A ledger that answers by script.
final class FakeSpentSource: SpentSource {
  private let state = Mutex<Int64>(0)

  var spent: Int64 {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }

  func flush() async throws {}
  func spent(_ counter: BudgetCounter, without calls: [UUID]) async throws -> Int64 { spent }
  func spent(_ counters: [BudgetCounter]) async throws -> [Int64] { counters.map { _ in spent } }
}
