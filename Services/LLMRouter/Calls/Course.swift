internal import Budgets
internal import HTTPWire
internal import Primitives
internal import Routing

/// The course of one series of attempts: which target and key comes next, when to pause, when to give up. One count and
/// one deadline for all targets: retries do not multiply fallbacks.
///
/// `@unchecked Sendable`: used by the task of one series only.
final class Course: @unchecked Sendable {
  /// A target to be asked with one of its keys.
  final class Stop: Sendable {
    let target: ModelTarget
    let provider: Provider
    let key: HealthBook.Key

    init(_ target: ModelTarget, _ provider: Provider, _ key: HealthBook.Key) {
      self.target = target
      self.provider = provider
      self.key = key
    }
  }

  /// A rate limit that lets nobody pass for some time.
  final class ClosedGate: Sendable {
    let gate: RateGate
    let milliseconds: Int64

    init(_ gate: RateGate, _ milliseconds: Int64) {
      self.gate = gate
      self.milliseconds = milliseconds
    }
  }

  enum Step: Sendable {
    case attempt(Stop)
    case pause(milliseconds: Int64)
    /// All that could be asked has a full gate: that is no failure, and waiting is no attempt.
    case wait(ClosedGate)
  }

  /// The place in the queue of rate limits.
  let line: RateGuard.Line
  private let snapshot: CatalogSnapshot
  private let health: HealthBook
  private let policy: RetryPolicy
  private let deadline: UInt64
  private var targets: [ModelTarget]
  private var rescue: [FailureClass: [ModelTarget]]
  private var index = 0
  /// Keys of the target at `index` that were tried.
  private var tries = 0
  private var attempts = 0
  private var round = 0
  private var last: CallFailure?
  private var floor: Int64?
  private var closed: ClosedGate?

  init(
    _ plan: RoutePlan, snapshot: CatalogSnapshot, health: HealthBook, policy: RetryPolicy, deadline: UInt64,
    line: RateGuard.Line
  ) {
    targets = plan.targets
    rescue = [.context: plan.contextFallbacks, .content: plan.contentFallbacks]
    self.snapshot = snapshot
    self.health = health
    self.policy = policy
    self.deadline = deadline
    self.line = line
  }

  var remainingMilliseconds: Int64 {
    let now = MonotonicClock.now()
    return now >= deadline ? 0 : Int64((deadline - now) / 1_000_000)
  }

  /// What to do now. Throws the last failure when there is nothing.
  @inline(never)
  func next() throws(CallFailure) -> Step {
    while index < targets.count, attempts < policy.attemptsMax {
      let target = targets[index]
      guard let provider = snapshot.providers[target.provider], !provider.keys.isEmpty else {
        last = last ?? Course.withoutKey(target)
        advance()
        continue
      }
      // Only when nothing else is left a target behind an open breaker is asked all the same.
      let force = attempts == 0 && index == targets.count - 1
      if tries < provider.keys.count,
        let key = health.admit(target.id, keys: provider.keys.count, from: attempts, force: force)
      {
        return .attempt(Stop(target, provider, key))
      }
      advance()
    }
    return try endRound()
  }

  private func endRound() throws(CallFailure) -> Step {
    index = 0
    tries = 0
    defer {
      closed = nil
      floor = nil
    }
    if let closed, last == nil { return .wait(closed) }
    let failure = last ?? Course.allCooling
    round += 1
    guard failure.failureClass.allowsRetry, attempts < policy.attemptsMax, round < policy.attemptsMax,
      let pause = policy.pause(
        round: round, retryAfter: floor, remaining: remainingMilliseconds, random: UInt64.random(in: 0...UInt64.max))
    else { throw failure }
    return .pause(milliseconds: pause)
  }

  private func advance() {
    index += 1
    tries = 0
  }

  /// The target's gate lets nobody pass: the next one.
  func met(_ gate: RateGate, milliseconds: Int64) {
    closed = ClosedGate(gate, min(milliseconds, closed?.milliseconds ?? .max))
    advance()
  }

  /// An attempt begins.
  func began() {
    tries += 1
    attempts += 1
  }

  /// An attempt has failed. Throws the failure when no other target may do better.
  @inline(never)
  func failed(_ failure: CallFailure) throws(CallFailure) {
    last = failure
    guard failure.failureClass.allowsFallback, remainingMilliseconds > 0 else { throw failure }
    if let seconds = failure.retryAfterSeconds { floor = min(floor ?? .max, seconds * 1000) }
    if let others = rescue.removeValue(forKey: failure.failureClass) {
      guard !others.isEmpty else { throw failure }
      targets = others
      index = 0
      tries = 0
      return
    }
    // Another key may do better at once, the same one may not.
    if ![.key, .money, .rate].contains(failure.failureClass) { advance() }
  }

  private static func withoutKey(_ target: ModelTarget) -> CallFailure {
    CallFailure(
      status: .badGateway, code: "provider_key_missing",
      message: "No key of the provider \"\(target.provider)\" can be found. Check its key references.",
      failureClass: .key)
  }

  private static let allCooling = CallFailure(
    status: .serviceUnavailable, code: "providers_cooling",
    message: "All providers of this model have failed lately and are given a pause.", isRetryable: true,
    retryAfterSeconds: 1, failureClass: .provider)
}
