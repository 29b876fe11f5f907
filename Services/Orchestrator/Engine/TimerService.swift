internal import Contracts
internal import Decider
internal import Postgres
internal import Primitives
internal import Reactor
internal import RunStorage
internal import StepDispatch
internal import Synchronization
internal import SystemSources
package import Telemetry

/// Does what is due: timers, delayed attempts, leases and steps whose time is over. Every replica runs one; rows are
/// claimed, so that each is done once, and what a replica leaves behind when it dies is claimed again by another.
///
/// A timer goes with the transaction that does its work, or when a state that is at least as new as the timer shows
/// that it is not owed. Any other failure postpones it.
package final class TimerService: Sendable {
  /// Longest pause between two looks, in milliseconds.
  private static let pollMilliseconds: Int64 = 1000
  private static let failurePause = Duration.milliseconds(500)
  private static let timersMax = 200
  private static let delayedMax = 1000

  private let engine: Engine
  private let store: any TimerStore
  private let sweep: LeaseSweep
  private let judge: TimerJudge
  private let steps: OrchestratorSteps
  private let subRuns: SubRuns
  private let lease: Duration
  private let logger: Logger
  private let now: @Sendable () -> UInt64

  /// Makes the service over the parts of the storage that it uses. `now` gives monotonic nanoseconds.
  package init(
    engine: Engine, store: some TimerStore & LeaseSweepStore & SubRunStore & ForkStore, lease: Duration,
    telemetry: Telemetry, now: @escaping @Sendable () -> UInt64 = { MonotonicClock.now() }
  ) {
    self.engine = engine
    self.store = store
    self.lease = lease
    self.now = now
    logger = telemetry.logger
    judge = TimerJudge(engine: engine, telemetry: telemetry)
    subRuns = SubRuns(engine: engine, store: store, forks: store)
    steps = OrchestratorSteps(
      engine: engine, inputs: StepInputRenderer(store: store), subRuns: subRuns, judge: judge)
    sweep = LeaseSweep(engine: engine, store: store, lease: lease, logger: telemetry.logger, now: now)
  }

  /// Works until cancelled.
  package func run() async {
    var nextSweep: UInt64 = 0
    var state = LeaseSweepStateMachine(lease: lease)
    while !Task.isCancelled {
      let token = engine.timerSignal.register()
      do {
        let began = now()
        var isBusy = try await fireDue()
        if began >= nextSweep {
          if try await sweepLeases(&state) { isBusy = true }
          nextSweep = now() &+ UInt64(TimerService.pollMilliseconds) * 1_000_000
        }
        if isBusy {
          token.cancel()
          continue
        }
        let pause = try await store.millisecondsToNextDue(max: TimerService.pollMilliseconds)
        try await token.wait(until: now() &+ UInt64(max(1, pause)) * 1_000_000)
      } catch is CancellationError {
        token.cancel()
        return
      } catch {
        token.cancel()
        state.failed()
        logger.warning("timers could not be served", ["reason": .string("\(error)")])
        try? await EventLoop.sleep(for: TimerService.failurePause)
      }
    }
  }

  /// Sweeps overdue leases once. Returns whether there may be more.
  package func sweepLeases(_ state: inout LeaseSweepStateMachine) async throws -> Bool {
    try await sweep.sweep(&state)
  }

  /// Fires the timers that are due and queues delayed attempts. Returns whether there may be more timers.
  package func fireDue() async throws -> Bool {
    let isBusy = try await fireTimers()
    if try await store.promoteDelayed(limit: TimerService.delayedMax) > 0 { engine.dispatcher.wake() }
    return isBusy
  }

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
      for timers in own.values { group.addTask { [self] in await steps.perform(timers) } }
      return await group.reduce(into: []) { $0 += $1 }
    }
    try Task.checkCancellation()
    var deleted: [Int64] = []
    var postponed: [(id: Int64, milliseconds: Int64)] = []
    for (id, outcome) in outcomes {
      switch judge.fate(of: id, after: outcome) {
      case .settled: break
      case .forget: deleted.append(id)
      case .again(let pause): postponed.append((id, pause))
      }
    }
    if !deleted.isEmpty { try await store.finish(timers: deleted) }
    if !postponed.isEmpty { try await store.postpone(postponed) }
    return true
  }

  /// Fires one timer. `nil` when this process ends before it is done; the claim runs out then.
  private func fire(_ timer: DueTimer) async -> TimerOutcome? {
    engine.metrics.fired(timer.kind)
    return await judge.traced(timer) { [self] _ in
      switch timer.kind {
      case .expire: try await apply([.expire(ofUndoing: timer.attempt != nil)], timer)
      case .cancel:
        try await apply(
          [.cancel(by: "orchestrator", reason: "The run that began it has ended.", forces: false)], timer)
      case .delay:
        guard let step = timer.step, let attempt = timer.attempt else { return .notOwed }
        try await apply([.elapse(step: step, attempt: attempt)], timer)
      case .close:
        guard let step = timer.step, let attempt = timer.attempt else { return .notOwed }
        // What a sub-run has consumed that takes too long; for other steps there is none.
        let usage = try await subRuns.usage(of: timer.run, step: step, attempt: attempt)
        try await apply([.timeOut(step: step, attempt: attempt, .startToClose, usage: usage)], timer)
      case .childEnded: return try await subRuns.ended(timer)
      case .ask:
        guard let step = timer.step, let attempt = timer.attempt, let ask = timer.ask else { return .notOwed }
        let at = WallClock.now().unixMicroseconds
        try await apply([.expireAsk(step: step, attempt: attempt, ask: ask, at: at)], timer)
      case .own: return .notOwed
      }
      return .done
    }
  }

  private func apply(_ inputs: [RunInput], _ timer: DueTimer) async throws {
    try await engine.apply(RunChange(run: timer.run, inputs: inputs, timer: timer.id))
  }
}
