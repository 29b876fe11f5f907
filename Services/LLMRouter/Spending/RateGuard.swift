internal import Budgets
internal import HTTPWire
internal import Pricing
internal import Primitives
internal import Reactor
internal import Redis
internal import Routing
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Calls that a gate has let in; to be given back at their end.
struct RatePass: Sendable {
  let call: String
  let gates: [RateGate]
  let tokens: Int64
}

/// Lets calls pass the gates of their rate limits, at once or after some waiting. The buckets are in Redis, so all
/// replicas share them; without Redis a call that has limits is refused.
final class RateGuard: Sendable {
  /// How many calls of this replica wait at most, and how long each of them.
  struct Queue: Sendable {
    var countMax: Int
    var timeMax: Duration
  }

  enum Verdict: Sendable {
    case passed(RatePass)
    /// The gate and the time until it is worth another try.
    case wait(RateGate, milliseconds: Int64)
  }

  private static let pauseMillisecondsMax: Int64 = 1000

  private let redis: RedisPool
  private let queue: Queue
  private let lease: Duration
  private let limited: CounterFamily
  private let waiting = Atomic<Int>(0)

  /// `lease`: the longest life of a call; one that nobody has heard of for so long has left.
  init(redis: RedisPool, queue: Queue, lease: Duration, registry: MetricsRegistry) {
    self.redis = redis
    self.queue = queue
    self.lease = lease
    limited = registry.counter(
      "cadre_rate_limited_total", help: "Calls that met a rate limit, by what came of it.", labels: ["scope", "result"])
    registry.observeGauge("cadre_rate_limit_waiting", help: "Calls that wait at a rate limit.") { [self] in
      Double(waiting.load(ordering: .relaxed))
    }
  }

  /// Tries to pass. Throws a `CallFailure` without Redis.
  func tryToPass(_ call: UUID, _ gates: [RateGate], tokens: Int64) async throws -> Verdict {
    let name = call.description
    var arguments: [RedisArgument] = [.string(name), .integer(lease.nanoseconds / 1000)]
    for gate in gates {
      arguments += [
        .integer(gate.limit.requests ?? 0), .integer(gate.limit.tokens ?? 0), .integer(gate.limit.concurrency ?? 0),
        .integer(tokens),
      ]
    }
    do {
      let answer = try await redis.confirm(RateScripts.enter, keys: RateGuard.keys(gates), arguments: arguments)
        .requireArray()
      guard answer.count == 2, let wait = answer[0].text.flatMap({ Int64($0) }), let index = answer[1].integer else {
        throw RedisError(.protocolViolation)
      }
      guard wait > 0 else { return .passed(RatePass(call: name, gates: gates, tokens: tokens)) }
      guard index >= 1, index <= Int64(gates.count) else { throw RedisError(.protocolViolation) }
      return .wait(gates[Int(index) - 1], milliseconds: wait / 1000 + 1)
    } catch is RedisError {
      throw CallFailure(
        status: .serviceUnavailable, code: "rate_limit_store_unavailable",
        message: "The rate limits of this call cannot be checked at the moment, so it was not made. Try again shortly.",
        isRetryable: true, retryAfterSeconds: 1)
    }
  }

  private static func keys(_ gates: [RateGate]) -> [RedisArgument] {
    gates.flatMap { [RedisArgument($0.key), RedisArgument($0.key + ":calls")] }
  }

  /// Passes, waiting in the queue when there is room in it and time. Throws a `CallFailure`.
  func pass(_ call: UUID, _ gates: [RateGate], tokens: Int64, deadline: UInt64) async throws -> RatePass {
    let line = Line(guard: self, deadline: deadline)
    defer { line.leave() }
    while true {
      switch try await tryToPass(call, gates, tokens: tokens) {
      case .passed(let pass):
        line.note("delayed")
        return pass
      case .wait(let gate, let milliseconds): try await line.wait(gate, milliseconds)
      }
    }
  }

  /// One call's place in the queue, taken at its first wait.
  ///
  /// `@unchecked Sendable`: used by the task of one call only.
  final class Line: @unchecked Sendable {
    private let rates: RateGuard
    private let deadline: UInt64
    private var gate: RateGate?

    init(guard rates: RateGuard, deadline: UInt64) {
      self.rates = rates
      self.deadline = min(deadline, MonotonicClock.now() &+ UInt64(clamping: rates.queue.timeMax.nanoseconds))
    }

    /// Waits for some time. Throws the refusal when the queue is full or the time would be up before.
    func wait(_ gate: RateGate, _ milliseconds: Int64) async throws {
      let now = MonotonicClock.now()
      let remaining = deadline > now ? Int64((deadline - now) / 1_000_000) : 0
      if self.gate == nil {
        guard rates.waiting.add(1, ordering: .relaxed).newValue <= rates.queue.countMax else {
          rates.waiting.subtract(1, ordering: .relaxed)
          throw refusal(gate, milliseconds, "and too many calls wait already")
        }
        self.gate = gate
      }
      guard milliseconds <= remaining else {
        throw refusal(gate, milliseconds, "and it is not free in time")
      }
      // Not all at the same moment.
      let spread = Int64.random(in: 0...max(1, min(milliseconds / 4, 50)))
      try await EventLoop.sleep(for: .milliseconds(min(milliseconds + spread, RateGuard.pauseMillisecondsMax)))
    }

    func note(_ result: String) {
      if let gate { rates.limited.with(gate.limit.scope.rawValue, result).add() }
    }

    func leave() {
      if gate != nil { rates.waiting.subtract(1, ordering: .relaxed) }
      gate = nil
    }

    private func refusal(_ gate: RateGate, _ milliseconds: Int64, _ why: String) -> CallFailure {
      rates.limited.with(gate.limit.scope.rawValue, "refused").add()
      let limit = gate.limit
      let words = [
        limit.requests.map { "\($0) requests per minute" }, limit.tokens.map { "\($0) tokens per minute" },
        limit.concurrency.map { "\($0) calls at once" },
      ].compactMap { $0 }.joined(separator: ", ")
      let which = limit.scope == .tenant ? "the tenant" : "\(limit.scope.rawValue) '\(gate.subject.prefix(100))'"
      var failure = CallFailure(
        status: .tooManyRequests, code: "rate_limited",
        message: "The rate limit of \(which) is reached (\(words)), \(why).",
        isRetryable: true, retryAfterSeconds: max(1, (milliseconds + 999) / 1000), failureClass: .rate)
      failure.headers = [("x-cadre-rate-limit", limit.id), ("x-cadre-rate-limit-scope", limit.scope.rawValue)]
      return failure
    }
  }

  /// A call has left; what it has not used of its tokens is free again. Does not wait.
  func leave(_ pass: RatePass, used: Int64) {
    guard let loop = EventLoop.current else { return }
    let keys = RateGuard.keys(pass.gates)
    loop.task { [redis] in
      // Without Redis the lease ends by itself and the buckets fill by themselves.
      _ = try? await redis.evaluate(
        RateScripts.leave, keys: keys, arguments: [.string(pass.call), .integer(pass.tokens.subtractingClamped(used))])
    }
  }
}
