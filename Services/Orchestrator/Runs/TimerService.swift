internal import Contracts
internal import Decider
internal import Postgres
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Does what is due: timers, delayed attempts, leases and steps whose time is over. Every replica runs one; rows are
/// claimed, so that each is done once, and what a replica leaves behind when it dies is claimed again by another.
///
/// A timer goes with the transaction that does its work, or when a state that is at least as new as the timer shows
/// that it is not owed. Whatever else stands in the way puts it off.
final class TimerService: Sendable {
  /// Longest pause between two looks.
  private static let lookAgain: Int64 = 1000
  private static let timersMax = 200
  /// Timers whose tries are remembered. Beyond that they begin again with short pauses.
  private static let triedMax = 10_000

  let engine: RunEngine
  let inputs: StepInputs
  let telemetry: Telemetry
  var logger: Logger { telemetry.logger }
  var store: RunStore { engine.store }
  private let sweep: LeaseSweep
  /// Vain tries of timers that were put off.
  private let tries = Mutex<[Int64: Int]>([:])

  init(engine: RunEngine, inputs: StepInputs, lease: Duration, telemetry: Telemetry) {
    self.engine = engine
    self.inputs = inputs
    self.telemetry = telemetry
    sweep = LeaseSweep(engine: engine, lease: lease, logger: telemetry.logger)
  }

  /// Works until cancelled.
  func run() async {
    var nextSweep: UInt64 = 0
    var swept = LeaseSweep.Swept()
    while !Task.isCancelled {
      let ticket = engine.timerBell.ticket()
      do {
        let began = MonotonicClock.now()
        var isBusy = try await fireTimers()
        if try await store.promoteDelayed(limit: 1000) > 0 { engine.dispatcher.ring() }
        if began >= nextSweep {
          if try await sweep.sweep(&swept) { isBusy = true }
          nextSweep = MonotonicClock.now() &+ UInt64(TimerService.lookAgain) * 1_000_000
        }
        if isBusy {
          ticket.cancel()
          continue
        }
        let pause = try await store.millisecondsToNextDue(max: TimerService.lookAgain)
        try await ticket.wait(until: MonotonicClock.now() &+ UInt64(max(1, pause)) * 1_000_000)
      } catch is CancellationError {
        ticket.cancel()
        return
      } catch {
        ticket.cancel()
        swept.isDatabaseAway = true
        logger.warning("timers could not be served", ["reason": .string("\(error)")])
        try? await EventLoop.sleep(for: .milliseconds(500))
      }
    }
  }

  // MARK: Timers

  /// Fires what is due. Returns whether there may be more.
  private func fireTimers() async throws -> Bool {
    let due = try await store.claimTimers(limit: TimerService.timersMax)
    guard !due.isEmpty else { return false }
    // The steps that a run has for the orchestrator are done together: they share what has to be looked up.
    var own: [RunID: [DueTimer]] = [:]
    for timer in due where timer.kind == .own { own[timer.run, default: []].append(timer) }
    let outcomes = await withTaskGroup(of: [(id: Int64, outcome: TimerOutcome)].self) { group in
      for timer in due where timer.kind != .own {
        group.addTask { [self] in await fire(timer).map { [(timer.id, $0)] } ?? [] }
      }
      for timers in own.values { group.addTask { [self] in await perform(timers) } }
      return await group.reduce(into: []) { $0 += $1 }
    }
    try Task.checkCancellation()
    var forgotten: [Int64] = []
    var putOff: [(id: Int64, milliseconds: Int64)] = []
    for (id, outcome) in outcomes {
      switch fate(of: id, after: outcome) {
      case .settled: break
      case .forget: forgotten.append(id)
      case .again(let pause): putOff.append((id, pause))
      }
    }
    if !forgotten.isEmpty { try await store.finish(timers: forgotten) }
    if !putOff.isEmpty { try await store.putOff(putOff) }
    return true
  }

  private func fate(of timer: Int64, after outcome: TimerOutcome) -> TimerFate {
    tries.withLock { tries in
      let fate = TimerFate(after: outcome, tries: tries[timer] ?? 0, spread: UUID.random().low)
      if case .again = fate {
        if tries.count >= TimerService.triedMax { tries.removeAll() }
        tries[timer, default: 0] += 1
      } else if !tries.isEmpty {
        tries[timer] = nil
      }
      return fate
    }
  }

  /// How often a timer was put off before.
  func triesBefore(_ timer: DueTimer) -> Int { tries.withLock { $0[timer.id] ?? 0 } }

  /// Fires one timer. `nil` when this process ends before it is done; the claim runs out then.
  private func fire(_ timer: DueTimer) async -> TimerOutcome? {
    engine.metrics.fired(timer.kind)
    return await traced(timer) { [self] in
      switch timer.kind {
      case .expire:
        try await engine.apply(
          RunChange(run: timer.run, inputs: [.expire(ofUndoing: timer.attempt != nil)], timer: timer.id))
      case .cancel:
        try await engine.apply(
          RunChange(
            run: timer.run,
            inputs: [.cancel(by: "orchestrator", reason: "The run that began it has ended.", forces: false)],
            timer: timer.id))
      case .delay:
        guard let step = timer.step, let attempt = timer.attempt else { return .notOwed }
        try await engine.apply(
          RunChange(run: timer.run, inputs: [.elapse(step: step, attempt: attempt)], timer: timer.id))
      case .close:
        guard let step = timer.step, let attempt = timer.attempt else { return .notOwed }
        // What a sub-run has consumed that takes too long; for other steps there is none.
        let child = try await store.childEnd(RunID.of(timer.run, step: step, attempt: attempt))
        let input = RunInput.timeOut(step: step, attempt: attempt, .startToClose, usage: child?.usage)
        try await engine.apply(RunChange(run: timer.run, inputs: [input], timer: timer.id))
      case .childEnded: return try await childEnded(timer)
      case .own: return .notOwed
      }
      return .done
    }
  }

  /// Does the work of a timer within a span of its run's trace, and says what became of it.
  func traced(_ timer: DueTimer, _ body: () async throws -> TimerOutcome) async -> TimerOutcome? {
    guard timer.runVersion != nil else { return .runGone }
    guard !timer.isRunEnded else { return .notOwed }
    let span = telemetry.tracer.startSpan(
      "timer \(timer.kind.rawValue)", parent: timer.traceparent.flatMap { TraceContext(traceparent: $0) })
    defer { span.end() }
    if span.isRecording {
      span.setAttribute("cadre.run.id", .string(timer.run.description))
      if let step = timer.step { span.setAttribute("cadre.step", .string(step)) }
    }
    do {
      let outcome = try await body()
      span.setAttribute("cadre.outcome", .string(outcome == .done ? "fired" : "stale"))
      return outcome
    } catch {
      guard var outcome = outcome(of: error, timer) else { return nil }
      if outcome == .notOwed { outcome = await judgeAgain(timer) }
      if outcome == .notOwed || outcome == .runGone {
        span.setAttribute("cadre.outcome", .string("stale"))
      } else {
        span.recordError(type: "timer_failed", message: "\(error)")
      }
      return outcome
    }
  }

  /// Judges a timer whose work was refused by what the database holds: a refusal alone is no reason to forget it.
  private func judgeAgain(_ timer: DueTimer) async -> TimerOutcome {
    do {
      guard let known = try await engine.lookAtDatabase(timer.run) else { return .runGone }
      return TimerDecision(timer.claimed, in: known.state) == .owed ? .contended : .notOwed
    } catch { return .unavailable }
  }

  /// What an error means for a timer. `nil` for the end of this process.
  func outcome(of error: any Error, _ timer: DueTimer) -> TimerOutcome? {
    if error is CancellationError { return nil }
    let outcome: TimerOutcome =
      switch error {
      case RunEngine.Refused.byDecider: .notOwed
      case RunEngine.Refused.unknownRun: .runGone
      case RunEngine.Refused.contended, RunEngine.Refused.leaseLost: .contended
      case RunEngine.Refused.unreadable, is UnreadableHistory: .unreadable
      case RunEngine.Refused.byStore(let error): error.isTransient ? .unavailable : .failed
      case let error as PostgresError: error.isTransient ? .unavailable : .failed
      case is ReactorError: .unavailable
      default: .failed
      }
    guard outcome != .notOwed, outcome != .runGone else { return outcome }
    // One line for the first try and then ever more seldom.
    let tries = triesBefore(timer) + 1
    if tries & (tries - 1) == 0, outcome != .contended || tries > 4 {
      logger.warning(
        "a timer was put off",
        [
          "run": .string(timer.run.description), "kind": .string(timer.kind.rawValue), "tries": .int(Int64(tries)),
          "reason": .string("\(error)"),
        ])
    }
    return outcome
  }
}
