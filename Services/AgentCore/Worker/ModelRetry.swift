internal import AgentLoop
internal import Contracts
internal import Primitives

/// How long and how often a model call is made again within its attempt.
public struct ModelRetryPolicy: Sendable {
  /// Time for which a call is tried again that could not be made at all.
  public var patience: Duration
  /// Calls in a row that may break off after they were sent: each may have been paid.
  public var brokenMax: Int

  /// Makes a policy.
  public init(patience: Duration = .seconds(120), brokenMax: Int = 3) {
    self.patience = patience
    self.brokenMax = brokenMax
  }
}

/// What becomes of a model call after each try. Pure: outcomes go in, actions come out.
///
/// A call of which nothing can have reached a provider is made again as long as patience lasts. One that broke off
/// after it was sent is made again a few times, and counted. What the router has decided is not asked again here: the
/// step's own retries are for that.
struct ModelRetry: Sendable {
  /// What is to be done next.
  enum Action: Sendable {
    /// There is an answer.
    case take(ModelReply)
    /// The call is made again after a pause. The reason is a label of metrics.
    case again(after: Duration, reason: String)
    /// There will be none.
    case fail(AgentFailure)
  }

  private static let pauseFirst = Duration.milliseconds(100)
  private static let pauseMax = Duration.seconds(3)
  private static let retryAfterMax: Int64 = 30
  /// Refusals of the router that are about itself, not about a provider: the call was not made.
  private static let ownStates: Set<String> = [
    "starting", "draining", "stopping", "overloaded", "unavailable", "ledger_unavailable", "budget_store_unavailable",
    "rate_limit_store_unavailable", "storage_unavailable", "policy_unavailable",
  ]

  private let policy: ModelRetryPolicy
  private let startedAt: UInt64
  private var backoff: Backoff
  private var broken = 0

  init(_ policy: ModelRetryPolicy, now: UInt64, seed: UInt64) {
    self.policy = policy
    startedAt = now
    backoff = Backoff(first: ModelRetry.pauseFirst, max: ModelRetry.pauseMax, seed: seed)
  }

  /// Takes up what came of a try.
  mutating func next(after outcome: ModelOutcome, now: UInt64) -> Action {
    switch outcome {
    case .answered(var reply):
      // Calls before it that may have been paid are part of what the answer took; their price is not known here.
      reply.usage = reply.usage + Usage(unpricedCalls: Int64(broken), modelCalls: Int64(broken))
      return .take(reply)
    case .refused(let refusal): return next(after: refusal, now)
    case .unreachable(let reason):
      return patiently(
        "unreachable", nil, now,
        AgentFailure(
          code: "llm_router_unreachable", message: "The llm-router cannot be reached: \(reason).", isRetryable: true))
    case .broken(let reason):
      return again(
        AgentFailure(
          code: "llm_router_failed", message: "The model call broke off: \(reason).", isRetryable: true))
    case .timedOut:
      return .fail(
        AgentFailure(code: "model_timeout", message: "The llm-router did not answer in time.", isRetryable: true))
    case .unreadable(let failure): return .fail(failure)
    }
  }

  private mutating func next(after refusal: ModelRefusal, _ now: UInt64) -> Action {
    func failure(_ isRetryable: Bool) -> AgentFailure {
      AgentFailure(code: refusal.code, message: refusal.message, isRetryable: isRetryable)
    }
    // A call that was not made: what was recorded before it stays good, as its code says.
    func notMade() -> AgentFailure {
      refusal.code.hasSuffix("_unavailable")
        ? failure(true)
        : AgentFailure(
          code: "llm_router_unavailable",
          message: "The llm-router takes no calls (\(refusal.code)): \(refusal.message)",
          isRetryable: true)
    }
    if refusal.isNotServing { return patiently("unavailable", refusal.retryAfterSeconds, now, notMade()) }
    // The orchestrator was away for longer than the lease: its next answer brings a fresh assertion.
    if refusal.code == "assertion_expired" { return patiently("assertion_expired", nil, now, notMade()) }
    if refusal.shouldRetry == false { return .fail(failure(false)) }
    switch refusal.status {
    case 503 where refusal.shouldRetry == nil || ModelRetry.ownStates.contains(refusal.code):
      return patiently("unavailable", refusal.retryAfterSeconds, now, notMade())
    case 408, 425, 429:
      return refusal.shouldRetry == nil
        ? patiently("unavailable", refusal.retryAfterSeconds, now, notMade()) : .fail(failure(true))
    case 502 where refusal.shouldRetry == nil, 504 where refusal.shouldRetry == nil:
      // Somebody between us and the router, which may have got the call.
      return again(notMade())
    case 500...: return .fail(failure(true))
    default: return .fail(failure(refusal.shouldRetry ?? false))
    }
  }

  private mutating func again(_ failure: AgentFailure) -> Action {
    guard broken < policy.brokenMax else { return .fail(failure) }
    broken += 1
    return .again(after: backoff.pause(), reason: "broken")
  }

  private mutating func patiently(
    _ reason: String, _ retryAfterSeconds: Int64?, _ now: UInt64, _ failure: AgentFailure
  ) -> Action {
    let asked = Duration.seconds(max(0, min(retryAfterSeconds ?? 0, ModelRetry.retryAfterMax)))
    // A service that starts says one second and is often there sooner; only longer waits are taken at their word.
    let pause = max(backoff.pause(), asked > .seconds(1) ? asked : .zero)
    let used = Duration.nanoseconds(Int64(clamping: now &- startedAt))
    guard used + pause <= policy.patience else { return .fail(failure) }
    return .again(after: pause, reason: reason)
  }
}
