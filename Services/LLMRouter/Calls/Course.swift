internal import Budgets
internal import HTTPWire
internal import Primitives
internal import Routing
internal import SystemSources

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
  /// Whether the request goes on without its tools, because the model takes none.
  private(set) var dropsTools = false
  private let mayDropTools: Bool
  private let snapshot: CatalogSnapshot
  private let health: HealthBook
  private let policy: RetryPolicy
  private let deadline: UInt64
  private var targets: [ModelTarget]
  /// Targets for certain failures, asked before the rest of the plan.
  private var rescue: [FailureClass: [ModelTarget]]
  private var history = AttemptHistory()
  private var index = 0
  /// Keys of the target at `index` that were tried.
  private var tries = 0
  private var attempts = 0
  private var round = 0
  private var last: CallFailure?
  private var floor: Int64?
  private var closed: ClosedGate?
  /// The pause before the same target is asked once more.
  private var repetition: Int64?

  init(
    _ plan: RoutePlan, snapshot: CatalogSnapshot, health: HealthBook, policy: RetryPolicy, deadline: UInt64,
    line: RateGuard.Line, mayDropTools: Bool = false
  ) {
    targets = plan.targets
    rescue = [.context: plan.contextFallbacks, .content: plan.contentFallbacks]
    self.snapshot = snapshot
    self.health = health
    self.policy = policy
    self.deadline = deadline
    self.line = line
    self.mayDropTools = mayDropTools
  }

  var remainingMilliseconds: Int64 {
    let now = MonotonicClock.now()
    return now >= deadline ? 0 : Int64((deadline - now) / 1_000_000)
  }

  /// Whether another target would be asked if this one failed.
  func hasOthers(after stop: Stop) -> Bool {
    attempts < policy.attemptsMax
      && targets.dropFirst(index + 1).contains { $0.id != stop.target.id && history.mayAsk($0.id) }
  }

  /// Whether another target would be asked after a failure of this class.
  func hasRescue(_ failure: FailureClass) -> Bool {
    guard attempts < policy.attemptsMax else { return false }
    return !(rescue[failure] ?? []).isEmpty || index + 1 < targets.count
  }

  /// What to do now. Throws the last failure when there is nothing.
  @inline(never)
  func next() throws(CallFailure) -> Step {
    if let pause = repetition {
      repetition = nil
      return .pause(milliseconds: pause)
    }
    while index < targets.count, attempts < policy.attemptsMax {
      let target = targets[index]
      guard history.mayAsk(target.id) else {
        advance()
        continue
      }
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
      targets.contains(where: { history.mayAsk($0.id) }),
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
  func failed(_ failure: CallFailure, _ stop: Stop) throws(CallFailure) {
    last = failure
    let kind = failure.failureClass
    guard kind.allowsFallback, remainingMilliseconds > 0 else { throw failure }
    history.failed(stop.target.id, kind, isBegun: failure.isBegun)
    if kind == .tools, mayDropTools, !dropsTools {
      dropsTools = true
      tries = 0
      return
    }
    if let pause = failure.retryAfterMilliseconds { floor = min(floor ?? .max, pause) }
    if kind == .context || kind == .content { return try divert(failure, from: stop) }
    // Another key may do better at once.
    if [.key, .money, .rate].contains(kind), tries < stop.provider.keys.count { return }
    if let pause = pauseBeforeRepetition(failure, stop) {
      repetition = pause
      tries = 0
      return
    }
    advance()
  }

  /// The pause before the one repetition at the same target, when it leaves enough attempts for the others.
  private func pauseBeforeRepetition(_ failure: CallFailure, _ stop: Stop) -> Int64? {
    let others = targets.dropFirst(index + 1)
    guard !others.isEmpty, policy.attemptsMax - attempts > others.count else { return nil }
    let pause = history.repeats(
      stop.target.id, failure.failureClass, retryAfter: failure.retryAfterMilliseconds,
      hasTwin: others.contains { $0.name == stop.target.name }, policy, random: UInt64.random(in: 0...UInt64.max))
    return pause.flatMap { $0 < remainingMilliseconds ? $0 : nil }
  }

  /// The targets for a failure of this class come first, then what else is left of the plan.
  private func divert(_ failure: CallFailure, from stop: Stop) throws(CallFailure) {
    let first = rescue.removeValue(forKey: failure.failureClass) ?? []
    let rest = targets.dropFirst(index + 1).filter { other in
      // The same model at another provider is no longer.
      (failure.failureClass != .context || other.name != stop.target.name) && !first.contains { $0.id == other.id }
    }
    let others = first.filter { $0.id != stop.target.id } + rest
    guard !others.isEmpty else { throw failure }
    targets = others
    index = 0
    tries = 0
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
