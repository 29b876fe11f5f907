/// Which target a call asks next, when it pauses, and when it gives up. One count and one deadline for all targets, so
/// that retries do not multiply fallbacks.
///
/// A state machine without time, chance or I/O: its owner asks for the `next` action, performs it and reports what
/// came of it. Times are monotonic nanoseconds.
public struct AttemptPlan: Sendable {
  /// What a failed attempt means for the plan.
  public struct Failure: Sendable, Hashable {
    /// Its class.
    public var failureClass: FailureClass
    /// Whether the provider may have generated something.
    public var isBegun: Bool
    /// The pause that the provider asked for.
    public var retryAfterMilliseconds: Int64?

    /// A failure.
    public init(_ failureClass: FailureClass, isBegun: Bool = false, retryAfterMilliseconds: Int64? = nil) {
      self.failureClass = failureClass
      self.isBegun = isBegun
      self.retryAfterMilliseconds = retryAfterMilliseconds
    }
  }

  /// What to do now.
  public enum Action: Sendable, Hashable {
    /// Ask for leave to call `current` with one of its keys, beginning with `firstKey`. `isForced`: even if the circuit
    /// breakers of all its keys are open, because no other target is left.
    case admit(firstKey: Int, isForced: Bool)
    /// Wait, then ask for the next action.
    case pause(milliseconds: Int64)
    /// All targets are rate limited: wait for a permit. That is no failure and no attempt.
    case waitForPermit(milliseconds: Int64)
    /// Nothing is left to try.
    case giveUp(Reason)
  }

  /// Why nothing is left to try.
  public enum Reason: Sendable, Hashable {
    /// The last attempt failed.
    case lastFailure
    /// No key of this provider was found, and no attempt was made.
    case missingKey(provider: String)
    /// All circuit breakers are open.
    case allOpen
  }

  private enum Last: Sendable {
    case failure(Failure)
    case missingKey(provider: String)

    var failureClass: FailureClass {
      switch self {
      case .failure(let failure): failure.failureClass
      case .missingKey: .key
      }
    }
  }

  /// Whether the request goes on without its tools, because a model takes none.
  public private(set) var dropsTools = false
  private let mayDropTools: Bool
  private let policy: AttemptPolicy
  private let deadline: UInt64
  private var targets: [ModelTarget]
  /// Targets for certain failures, asked before the rest of the plan.
  private var fallbacks: [FailureClass: [ModelTarget]]
  private var history = AttemptHistory()
  private var index = 0
  /// Keys of the current target that were tried.
  private var keysTried = 0
  private var attempts = 0
  private var round = 0
  private var last: Last?
  /// The shortest pause that a provider asked for in this round.
  private var retryAfterMilliseconds: Int64?
  /// The shortest wait for a permit in this round.
  private var permitMilliseconds: Int64?
  /// The pause before the current target is asked once more.
  private var repetitionMilliseconds: Int64?

  /// A plan for a route. `mayDropTools`: the request has tools that it can go without.
  public init(_ route: RoutePlan, policy: AttemptPolicy, deadline: UInt64, mayDropTools: Bool = false) {
    targets = route.targets
    fallbacks = [.context: route.contextFallbacks, .content: route.contentFallbacks]
    self.policy = policy
    self.deadline = deadline
    self.mayDropTools = mayDropTools
  }

  /// The target whose turn it is; nil at the end of a round.
  public var current: ModelTarget? { index < targets.count ? targets[index] : nil }

  /// Whether another target would be asked if the current one failed.
  public var hasOtherTargets: Bool {
    guard let current, attempts < policy.attemptsMax else { return false }
    return targets.dropFirst(index + 1).contains { $0.id != current.id && history.mayAsk($0.id) }
  }

  /// Whether another target would be asked after a failure of this class.
  public func hasFallback(for failure: FailureClass) -> Bool {
    guard attempts < policy.attemptsMax else { return false }
    return !(fallbacks[failure] ?? []).isEmpty || index + 1 < targets.count
  }

  // MARK: Asking

  /// The next action. `keys`: how many keys a target's provider has; `random` spreads pauses.
  public mutating func next(at now: UInt64, random: UInt64, keys: (ModelTarget) -> Int) -> Action {
    if let pause = repetitionMilliseconds {
      repetitionMilliseconds = nil
      return .pause(milliseconds: pause)
    }
    while let target = current, attempts < policy.attemptsMax {
      guard history.mayAsk(target.id) else {
        skip()
        continue
      }
      let keyCount = keys(target)
      guard keyCount > 0 else {
        if last == nil { last = .missingKey(provider: target.provider) }
        skip()
        continue
      }
      if keysTried < keyCount {
        return .admit(firstKey: attempts, isForced: attempts == 0 && index == targets.count - 1)
      }
      skip()
    }
    return endRound(at: now, random: random)
  }

  private mutating func endRound(at now: UInt64, random: UInt64) -> Action {
    index = 0
    keysTried = 0
    defer {
      permitMilliseconds = nil
      retryAfterMilliseconds = nil
    }
    if let permitMilliseconds, last == nil { return .waitForPermit(milliseconds: permitMilliseconds) }
    round += 1
    let failureClass = last?.failureClass ?? .provider
    guard failureClass.allowsRetry, attempts < policy.attemptsMax, round < policy.attemptsMax,
      targets.contains(where: { history.mayAsk($0.id) }),
      let pause = policy.pause(
        round: round, retryAfter: retryAfterMilliseconds, remaining: remainingMilliseconds(at: now), random: random)
    else { return .giveUp(reason) }
    return .pause(milliseconds: pause)
  }

  private var reason: Reason {
    switch last {
    case .failure: .lastFailure
    case .missingKey(let provider): .missingKey(provider: provider)
    case nil: .allOpen
    }
  }

  private func remainingMilliseconds(at now: UInt64) -> Int64 {
    now >= deadline ? 0 : Int64(clamping: (deadline - now) / 1_000_000)
  }

  /// The current target cannot be called now: the next one.
  public mutating func skip() {
    index += 1
    keysTried = 0
  }

  /// The current target's rate limit gives no permit for so long: the next one.
  public mutating func limited(milliseconds: Int64) {
    permitMilliseconds = min(milliseconds, permitMilliseconds ?? .max)
    skip()
  }

  /// An attempt at the current target begins.
  public mutating func began() {
    keysTried += 1
    attempts += 1
  }

  // MARK: Failures

  /// The attempt at the current target failed. `keys`: how many keys its provider has. Returns whether the plan goes
  /// on; otherwise the failure is the call's.
  public mutating func failed(_ failure: Failure, keys: Int, at now: UInt64, random: UInt64) -> Bool {
    last = .failure(failure)
    let failureClass = failure.failureClass
    let remaining = remainingMilliseconds(at: now)
    guard let target = current, failureClass.allowsFallback, remaining > 0 else { return false }
    history.failed(target.id, failureClass, isBegun: failure.isBegun)
    if failureClass == .tools, mayDropTools, !dropsTools {
      dropsTools = true
      keysTried = 0
      return true
    }
    if let pause = failure.retryAfterMilliseconds {
      retryAfterMilliseconds = min(retryAfterMilliseconds ?? .max, pause)
    }
    if failureClass == .context || failureClass == .content { return divert(failureClass, from: target) }
    // Another key may do better at once.
    if [.key, .money, .rate].contains(failureClass), keysTried < keys { return true }
    if let pause = repetitionPause(failure, target, remaining: remaining, random: random) {
      repetitionMilliseconds = pause
      keysTried = 0
      return true
    }
    skip()
    return true
  }

  /// The pause before the one repetition at the same target, when it leaves enough attempts for the others.
  private mutating func repetitionPause(
    _ failure: Failure, _ target: ModelTarget, remaining: Int64, random: UInt64
  ) -> Int64? {
    let others = targets.dropFirst(index + 1)
    guard !others.isEmpty, policy.attemptsMax - attempts > others.count else { return nil }
    let pause = history.repeats(
      target.id, failure.failureClass, retryAfter: failure.retryAfterMilliseconds,
      hasTwin: others.contains { $0.name == target.name }, policy, random: random)
    return pause.flatMap { $0 < remaining ? $0 : nil }
  }

  /// The targets for a failure of this class come first, then what else is left. Returns false when there is none.
  private mutating func divert(_ failure: FailureClass, from target: ModelTarget) -> Bool {
    let first = fallbacks.removeValue(forKey: failure) ?? []
    let rest = targets.dropFirst(index + 1).filter { other in
      // The same model at another provider takes no longer prompts.
      (failure != .context || other.name != target.name) && !first.contains { $0.id == other.id }
    }
    let others = first.filter { $0.id != target.id } + rest
    guard !others.isEmpty else { return false }
    targets = others
    index = 0
    keysTried = 0
    return true
  }
}
