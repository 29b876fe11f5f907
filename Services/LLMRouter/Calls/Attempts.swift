internal import Budgets
internal import Dialects
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Pricing
internal import Primitives
internal import Reactor
internal import Routing
internal import SystemSources
internal import Telemetry

/// An answer that has come so far that no other provider is asked any more.
enum OpenedAnswer: Sendable {
  /// All of it.
  case whole(ProviderAnswer)
  /// A stream with what may be sent of it already.
  case stream(ProviderStream, first: [UInt8])
}

/// An answer with where it comes from. One object, for the same reason as `CallService.Prepared`.
final class Opened: Sendable {
  let answer: OpenedAnswer
  let target: ModelTarget
  let provider: Provider
  let health: HealthBook.Key
  let dropped: [String]
  /// Why it comes from there, when the plan was left.
  let route: String?
  /// When its request was sent, in monotonic nanoseconds.
  let sentAt: UInt64

  init(
    answer: OpenedAnswer, target: ModelTarget, provider: Provider, health: HealthBook.Key, dropped: [String],
    route: String? = nil, sentAt: UInt64
  ) {
    self.sentAt = sentAt
    self.answer = answer
    self.target = target
    self.provider = provider
    self.health = health
    self.dropped = dropped
    self.route = route
  }

  /// What has come of it by now.
  func report(
    _ outcome: String, promptTokens: Int64, outputTokensMax: Int64? = nil,
    progress: AttemptReport.Progress = .complete
  ) -> AttemptReport {
    var report = AttemptReport(
      target: target, kind: provider.kind, progress: progress, outcome: outcome, promptTokens: promptTokens,
      outputTokensMax: outputTokensMax, sentAt: sentAt, endedAt: MonotonicClock.now())
    switch answer {
    case .whole(let whole):
      report.usage = whole.usage
      report.deliveredBytes = Int64(whole.deliveredBytes)
    case .stream(let stream, _): stream.add(to: &report)
    }
    return report
  }
}

/// Attempts at providers, one after the other: keys of a provider, then the next target, then again after a pause.
/// There is one count and one deadline for all of them.
final class Attempts: Sendable {
  let service: CallService
  let call: CallService.Prepared
  /// Bounds answers whose caller names no bound, where a budget needs one.
  let outputCap: Int64?
  /// Whether a stream is read to its end before any of it is passed on: one that breaks is then a failed attempt.
  let holds: Bool
  /// What its streams are in the answer of the call.
  let role: StreamRole

  init(_ service: CallService, _ call: CallService.Prepared, outputCap: Int64?, isContinuation: Bool = false) {
    role = isContinuation ? .continuation : call.plan.rescue == .continue ? .continuable : .only
    self.service = service
    self.call = call
    self.outputCap = outputCap
    holds = call.check != nil || call.plan.rescue == .buffer
  }

  var health: HealthBook { service.health }
  var record: CallRecord { call.record }

  /// Opens an answer, with a second target at the same time when the first lets wait. Throws the last `CallFailure`.
  func open(_ plan: RoutePlan) async throws -> Opened {
    if plan.hedgeMilliseconds != nil, plan.targets.count > 1 { return try await hedged(plan) }
    return try await series(course(plan), nil)
  }

  private func hedged(_ plan: RoutePlan) async throws -> Opened {
    guard let delay = plan.hedgeMilliseconds, let loop = EventLoop.current else { throw CancellationError() }
    health.noteHedgeable()
    let race = Race(on: loop) { [self] late in discard(late, "hedge_lost") }
    do {
      let first = course(plan)
      race.start { [self] runner in try await series(first, runner) }
      if try await !race.hasResult(within: .milliseconds(delay)), health.mayHedge() {
        record.hedged()
        var other = plan
        other.targets = Array(plan.targets.dropFirst())
        let second = course(other)
        race.start { [self] runner in try await series(second, runner) }
      }
      let opened = try await race.winner()
      record.chose(opened.target, opened.provider.kind)
      return opened
    } catch let error as CancellationError {
      race.cancel()
      throw error
    }
  }

  private func course(_ plan: RoutePlan) -> Course {
    Course(
      plan, snapshot: call.snapshot, health: health, policy: service.limits.retries, deadline: call.deadline,
      line: RateGuard.Line(guard: service.rates, deadline: call.deadline),
      mayDropTools: call.hasOptionalTools && !call.asked.isWithoutTools)
  }

  /// An answer that nobody takes: what it has cost is accounted.
  func discard(_ late: Opened, _ outcome: String) {
    health.released(late.health)
    record.settle(
      late.report(
        outcome, promptTokens: call.asked.promptTokens, outputTokensMax: call.asked.outputTokens, progress: .begun))
  }

  /// Attempts one after the other. Throws the last `CallFailure`.
  private func series(_ course: Course, _ runner: Race.Runner?) async throws -> Opened {
    defer { course.line.leave() }
    while true {
      switch try course.next() {
      case .attempt(let stop):
        guard let pass = try await enter(stop, course) else { continue }
        do { try await service.coverCharges(call) } catch {
          health.released(stop.key)
          if let pass = pass.granted { record.release(pass) }
          throw error
        }
        course.began()
        do { return try await attempt(stop, course, runner) } catch let failure as CallFailure {
          if let pass = pass.granted { record.release(pass) }
          try course.failed(failure, stop)
        }
      case .pause(let milliseconds): try await EventLoop.sleep(for: .milliseconds(milliseconds))
      case .wait(let closed): try await course.line.wait(closed.gate, closed.milliseconds)
      }
    }
  }

  /// Leave to ask a target, with the pass of its gates when it has some.
  private final class Leave: Sendable {
    let granted: RatePass?
    init(_ granted: RatePass?) { self.granted = granted }
    static let free = Leave(nil)
  }

  /// Passes the gates of a model; nil when one of them is closed.
  private func enter(_ stop: Course.Stop, _ course: Course) async throws -> Leave? {
    guard call.snapshot.hasModelGates else { return Leave.free }
    let gates = call.snapshot.gates(model: stop.target.name)
    guard !gates.isEmpty else { return Leave.free }
    do {
      switch try await service.rates.tryToPass(
        UUID.version7(), gates, tokens: call.asked.promptTokens + (call.asked.outputTokens ?? 0))
      {
      case .passed(let pass):
        record.hold(pass)
        return Leave(pass)
      case .wait(let gate, let milliseconds):
        health.released(stop.key)
        course.met(gate, milliseconds: milliseconds)
        return nil
      }
    } catch {
      health.released(stop.key)
      throw error
    }
  }
}
