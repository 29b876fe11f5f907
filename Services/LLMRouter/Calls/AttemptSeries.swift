internal import Budgets
internal import HTTPWire
internal import ModelCatalog
internal import Primitives
internal import Routing
internal import Spending
internal import SystemSources

/// One series of attempts: an `AttemptPlan` with the health of the providers, the clock and the failures to be
/// reported.
///
/// `@unchecked Sendable`: used by the task of one series only.
final class AttemptSeries: @unchecked Sendable {
  enum Step: Sendable {
    case attempt(AttemptTarget)
    case pause(milliseconds: Int64)
    /// All that could be called is rate limited: wait for a permit of `limit`.
    case waitForPermit(milliseconds: Int64)
  }

  /// The place in the wait queue of rate limits.
  let waitToken: RateLimiter.WaitToken
  private var plan: AttemptPlan
  private let snapshot: CatalogSnapshot
  private let health: HealthRegistry
  /// The failure of the latest attempt.
  private var failure: CallFailure?
  /// The rate limit that was met last.
  private(set) var limit: AppliedRateLimit?

  init(
    _ route: RoutePlan, snapshot: CatalogSnapshot, health: HealthRegistry, policy: AttemptPolicy, deadline: UInt64,
    waitToken: RateLimiter.WaitToken, mayDropTools: Bool = false
  ) {
    plan = AttemptPlan(route, policy: policy, deadline: deadline, mayDropTools: mayDropTools)
    self.snapshot = snapshot
    self.health = health
    self.waitToken = waitToken
  }

  /// Whether the request goes on without its tools.
  var dropsTools: Bool { plan.dropsTools }
  /// Whether another target would be asked if this one failed.
  var hasOtherTargets: Bool { plan.hasOtherTargets }
  /// Whether another target would be asked after a failure of this class.
  func hasFallback(for failure: FailureClass) -> Bool { plan.hasFallback(for: failure) }

  private static var random: UInt64 { UInt64.random(in: 0...UInt64.max) }

  /// What to do now. Throws the last failure when there is nothing.
  @inline(never)
  func next() throws(CallFailure) -> Step {
    while true {
      let action = plan.next(at: MonotonicClock.now(), random: AttemptSeries.random) { target in
        snapshot.providers[target.provider]?.keys.count ?? 0
      }
      switch action {
      case .pause(let milliseconds): return .pause(milliseconds: milliseconds)
      case .waitForPermit(let milliseconds): return .waitForPermit(milliseconds: milliseconds)
      case .giveUp(let reason): throw failure(reason)
      case .admit(let firstKey, let isForced):
        guard let model = plan.current, let provider = snapshot.providers[model.provider],
          let key = health.admit(model.id, keys: provider.keys.count, from: firstKey, force: isForced)
        else {
          plan.skip()
          continue
        }
        return .attempt(AttemptTarget(model, provider, key))
      }
    }
  }

  /// The target's rate limit gives no permit: the next one.
  func limited(_ limit: AppliedRateLimit, milliseconds: Int64) {
    self.limit = limit
    plan.limited(milliseconds: milliseconds)
  }

  /// An attempt begins.
  func began() { plan.began() }

  /// An attempt has failed. Throws the failure when no other target may do better.
  @inline(never)
  func failed(_ failure: CallFailure, _ target: AttemptTarget) throws(CallFailure) {
    self.failure = failure
    let goesOn = plan.failed(
      AttemptPlan.Failure(
        failure.failureClass, isBegun: failure.isBegun, retryAfterMilliseconds: failure.retryAfterMilliseconds),
      keys: target.provider.keys.count, at: MonotonicClock.now(), random: AttemptSeries.random)
    guard goesOn else { throw failure }
  }

  private func failure(_ reason: AttemptPlan.Reason) -> CallFailure {
    switch reason {
    case .lastFailure: failure ?? AttemptSeries.allOpen
    case .allOpen: AttemptSeries.allOpen
    case .missingKey(let provider):
      CallFailure(
        status: .badGateway, code: "provider_key_missing",
        message: "No key of the provider \"\(provider)\" can be found. Check its key references.", failureClass: .key)
    }
  }

  private static let allOpen = CallFailure(
    status: .serviceUnavailable, code: "providers_cooling",
    message: "All providers of this model have failed lately and are given a pause.", isRetryable: true,
    retryAfterSeconds: 1, failureClass: .provider)
}
