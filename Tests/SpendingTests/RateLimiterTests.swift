import Budgets
import Primitives
import Reactor
import Redis
import Synchronization
import SystemSources
import Telemetry
import Testing

@testable import Spending

/// One call's wait: inputs and what it does.
@Suite struct RateLimitWaitTests {
  static let limit: AppliedRateLimit = {
    let limit = RateLimit(
      id: "l", tenant: "t", scope: .tenant, subject: "", requests: 60, tokens: nil, concurrency: nil)
    guard let applied = limit.applied(to: CallSubjects(tenant: "t")) else { fatalError("a limit of the tenant") }
    return applied
  }()

  private func ask(
    _ wait: inout RateLimitWait, _ milliseconds: Int64, at now: UInt64 = 0, hasRoom: Bool = true, random: UInt64 = 0
  ) -> RateLimitWait.Action {
    wait.limited(by: Self.limit, milliseconds: milliseconds, at: now, hasRoom: hasRoom, random: random)
  }

  @Test func `a call waits as long as its limit says`() {
    var wait = RateLimitWait(deadline: 10_000_000_000)
    #expect(ask(&wait, 400) == .pause(milliseconds: 400))
    #expect(wait.limit == Self.limit)
    #expect(ask(&wait, 400, random: 50) == .pause(milliseconds: 450), "spread by at most 50 ms")
    #expect(ask(&wait, 400, random: 51) == .pause(milliseconds: 400))
    #expect(ask(&wait, 8, random: 2) == .pause(milliseconds: 10), "and by at most a quarter")
    #expect(ask(&wait, 5000) == .pause(milliseconds: RateLimitWait.pauseMillisecondsMax), "then it looks again")
  }

  @Test func `a call that would begin too late is refused at once`() {
    var wait = RateLimitWait(deadline: 1_000_000_000)
    #expect(ask(&wait, 1000) == .pause(milliseconds: 1000))
    #expect(ask(&wait, 1001) == .refuse(.notInTime))
    #expect(ask(&wait, 1, at: 2_000_000_000) == .refuse(.notInTime))
  }

  @Test func `a full queue refuses newcomers, not those who are in it`() {
    var wait = RateLimitWait(deadline: 10_000_000_000)
    #expect(ask(&wait, 10, hasRoom: false) == .refuse(.queueFull))
    let wasOutside = wait.leave()
    #expect(!wasOutside)
    #expect(ask(&wait, 10) == .pause(milliseconds: 10))
    #expect(ask(&wait, 10, hasRoom: false) == .pause(milliseconds: 10))
    let left = [wait.leave(), wait.leave()]
    #expect(left == [true, false])
  }
}

/// The limiter with a store and a clock of its own.
@Suite struct RateLimiterTests {
  /// Answers in turn, then lets pass.
  private final class Store: RateLimitCounterStore {
    private let replies: Mutex<[RateLimitReply]>
    private let released = Mutex<[(call: String, unused: Int64)]>([])
    let isAway: Bool

    init(_ replies: [RateLimitReply], isAway: Bool = false) {
      self.replies = Mutex(replies)
      self.isAway = isAway
    }

    var releases: [(call: String, unused: Int64)] { released.withLock { $0 } }

    func acquire(
      _ call: String, _ limits: [AppliedRateLimit], tokens: Int64, lease: Duration
    ) async throws -> RateLimitReply {
      if isAway { throw RedisError(.unavailable) }
      return replies.withLock { $0.isEmpty ? .acquired : $0.removeFirst() }
    }

    func release(_ call: String, _ limits: [AppliedRateLimit], unused: Int64) async throws {
      released.withLock { $0.append((call, unused)) }
    }
  }

  private let clock = SteppedClock()

  private func limiter(_ store: Store, count: Int = 10, time: Duration = .seconds(60)) -> RateLimiter {
    RateLimiter(
      store: store, queue: RateLimiter.Queue(countMax: count, timeMax: time), lease: .seconds(10),
      clock: clock.spending, registry: MetricsRegistry())
  }

  @Test func `a call waits until its limit lets it pass`() async throws {
    let limiter = limiter(Store([.limited(0, microseconds: 500_000), .limited(0, microseconds: 100_000)]))
    let permit = try await limiter.acquire(.version7(), [RateLimitWaitTests.limit], tokens: 5, deadline: .max)
    #expect(permit.tokens == 5)
    #expect((600...800).contains(clock.milliseconds), "\(clock.milliseconds) ms")
    #expect(limiter.waitingCount == 0, "nobody is left in the queue")
  }

  @Test func `a call that cannot pass in time is refused and leaves the queue`() async {
    let limiter = limiter(Store(Array(repeating: .limited(0, microseconds: 900_000), count: 10)), time: .seconds(2))
    let error = await #expect(throws: SpendingError.self) {
      _ = try await limiter.acquire(.version7(), [RateLimitWaitTests.limit], tokens: 5, deadline: .max)
    }
    guard case .rateLimited(let refusal) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(refusal.reason == .notInTime && refusal.retryAfterMilliseconds == 901)
    #expect(limiter.waitingCount == 0)
  }

  @Test func `a full queue refuses`() async {
    let limiter = limiter(Store([.limited(0, microseconds: 1000)]), count: 0)
    let error = await #expect(throws: SpendingError.self) {
      _ = try await limiter.acquire(.version7(), [RateLimitWaitTests.limit], tokens: 5, deadline: .max)
    }
    guard case .rateLimited(let refusal) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(refusal.reason == .queueFull && limiter.waitingCount == 0)
  }

  @Test func `without the store a call that has limits is refused`() async {
    let limiter = limiter(Store([], isAway: true))
    let error = await #expect(throws: SpendingError.self) {
      _ = try await limiter.tryAcquire(.version7(), [RateLimitWaitTests.limit], tokens: 5)
    }
    guard case .rateLimitsUnavailable = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `the tokens that a call has not used are free again`() async throws {
    let store = Store([])
    let limiter = limiter(store)
    try await onLoop {
      let permit = try await limiter.acquire(.version7(), [RateLimitWaitTests.limit], tokens: 5, deadline: .max)
      limiter.release(permit, used: 2)
      while store.releases.isEmpty { try await EventLoop.sleep(for: .milliseconds(1)) }
    }
    #expect(store.releases.map(\.unused) == [3])
  }
}
