internal import Budgets
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import JSON
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Reactor
internal import Routing
internal import Spending
internal import SystemSources
internal import Telemetry

/// Attempts at providers, one after the other: keys of a provider, then the next target, then again after a pause.
/// There is one count and one deadline for all of them.
final class AttemptLoop: Sendable {
  let service: CallService
  let call: PreparedCall
  /// Bounds answers whose caller names no bound, where a budget needs one.
  let outputCap: Int64?
  /// Whether a stream is read to its end before any of it is passed on: one that breaks is then a failed attempt.
  let buffersStreams: Bool
  /// What its streams are in the answer of the call.
  let role: StreamRole

  init(_ service: CallService, _ call: PreparedCall, outputCap: Int64?, isContinuation: Bool = false) {
    role = isContinuation ? .continuation : call.plan.rescue == .continue ? .continuable : .only
    self.service = service
    self.call = call
    self.outputCap = outputCap
    buffersStreams = call.check != nil || call.plan.rescue == .buffer
  }

  var health: HealthRegistry { service.health }
  var account: CallAccount { call.account }

  /// Starts an answer, with a second target at the same time when the first lets wait. Throws the last `CallFailure`.
  func start(_ plan: RoutePlan) async throws -> StartedAnswer {
    if plan.hedgeMilliseconds != nil, plan.targets.count > 1 { return try await hedged(plan) }
    return try await run(series(plan), nil)
  }

  private func hedged(_ plan: RoutePlan) async throws -> StartedAnswer {
    guard let delay = plan.hedgeMilliseconds, let loop = EventLoop.current else { throw CancellationError() }
    health.noteHedgeable()
    let hedges = HedgedAttempts(on: loop) { [self] late in discard(late, "hedge_lost") }
    do {
      let first = series(plan)
      hedges.start { [self] hedge in try await run(first, hedge) }
      if try await !hedges.hasResult(within: .milliseconds(delay)), health.mayHedge() {
        account.hedged()
        var other = plan
        other.targets = Array(plan.targets.dropFirst())
        let second = series(other)
        hedges.start { [self] hedge in try await run(second, hedge) }
      }
      let started = try await hedges.winner()
      account.chose(started.target, started.provider.kind)
      return started
    } catch let error as CancellationError {
      hedges.cancel()
      throw error
    }
  }

  private func series(_ plan: RoutePlan) -> AttemptSeries {
    AttemptSeries(
      plan, snapshot: call.snapshot, health: health, policy: service.limits.retries, deadline: call.deadline,
      waitToken: RateLimiter.WaitToken(limiter: service.rates, deadline: call.deadline),
      mayDropTools: call.hasOptionalTools && !call.request.isWithoutTools)
  }

  /// An answer that nobody takes: what it has cost is accounted.
  func discard(_ late: StartedAnswer, _ outcome: String) {
    health.released(late.health)
    account.settle(
      late.report(
        outcome, promptTokens: call.request.promptTokens, outputTokensMax: call.request.outputTokens, progress: .begun))
  }

  /// Attempts one after the other. Throws the last `CallFailure`.
  private func run(_ series: AttemptSeries, _ hedge: HedgedAttempt?) async throws -> StartedAnswer {
    defer { series.waitToken.release() }
    while true {
      try service.authenticator.admit(call.caller)
      switch try series.next() {
      case .attempt(let target):
        guard let permit = try await admit(target, series) else { continue }
        do { try await service.coverCharges(call) } catch {
          health.released(target.key)
          if let granted = permit.granted { account.release(granted) }
          throw error
        }
        series.began()
        do { return try await attempt(target, series, hedge) } catch let failure as CallFailure {
          if let granted = permit.granted { account.release(granted) }
          try series.failed(failure, target)
        }
      case .pause(let milliseconds): try await EventLoop.sleep(for: .milliseconds(milliseconds))
      case .waitForPermit(let milliseconds):
        guard let limit = series.limit else { continue }
        do { try await series.waitToken.wait(limit, milliseconds) } catch let error as SpendingError {
          throw CallFailure(error)
        }
      }
    }
  }

  /// Leave to call a target, with the permit of its rate limits when it has some.
  private final class Admission: Sendable {
    let granted: RateLimitPermit?
    init(_ granted: RateLimitPermit?) { self.granted = granted }
    static let free = Admission(nil)
  }

  /// Acquires a permit from the rate limits of a model; nil when one of them gives none.
  private func admit(_ target: AttemptTarget, _ series: AttemptSeries) async throws -> Admission? {
    guard call.snapshot.hasModelLimits else { return Admission.free }
    let limits = call.snapshot.limits(model: target.model.name)
    guard !limits.isEmpty else { return Admission.free }
    do throws(SpendingError) {
      switch try await service.rates.tryAcquire(
        UUID.version7(), limits, tokens: call.request.promptTokens + (call.request.outputTokens ?? 0))
      {
      case .acquired(let permit):
        account.add(permit)
        return Admission(permit)
      case .limited(let limit, let milliseconds):
        health.released(target.key)
        series.limited(limit, milliseconds: milliseconds)
        return nil
      }
    } catch {
      health.released(target.key)
      throw CallFailure(error)
    }
  }
}
