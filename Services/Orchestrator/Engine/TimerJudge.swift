internal import Contracts
internal import Decider
internal import Postgres
internal import Primitives
internal import Reactor
internal import RunStorage
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Decides what the outcome of its work means for a timer, and counts the failed tries.
final class TimerJudge: Sendable {
  /// Timers whose tries are remembered. Beyond that they begin again with short pauses.
  private static let triedMax = 10_000

  private let engine: Engine
  private let telemetry: Telemetry
  /// Failed tries of timers that were postponed.
  private let tries = Mutex<[Int64: Int]>([:])

  init(engine: Engine, telemetry: Telemetry) {
    self.engine = engine
    self.telemetry = telemetry
  }

  /// What becomes of a timer.
  func fate(of timer: Int64, after outcome: TimerOutcome) -> TimerFate {
    tries.withLock { tries in
      let fate = TimerFate(after: outcome, tries: tries[timer] ?? 0, spread: UUID.random().low)
      if case .again = fate {
        if tries.count >= TimerJudge.triedMax { tries.removeAll() }
        tries[timer, default: 0] += 1
      } else if !tries.isEmpty {
        tries[timer] = nil
      }
      return fate
    }
  }

  /// How often a timer was postponed before.
  func triesBefore(_ timer: DueTimer) -> Int { tries.withLock { $0[timer.id] ?? 0 } }

  /// Does the work of a timer within a span of its run's trace. Returns its outcome; `nil` when this process ends
  /// before it is done.
  func traced(_ timer: DueTimer, _ body: (Span) async throws -> TimerOutcome) async -> TimerOutcome? {
    guard timer.runVersion != nil else { return .runGone }
    guard !timer.isRunEnded else { return .notOwed }
    let span = engine.tracing.startTimer(timer)
    defer { span.end() }
    do {
      let outcome = try await body(span)
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

  /// Judges a timer whose work was refused by what the database holds: a refusal alone is no reason to delete it.
  private func judgeAgain(_ timer: DueTimer) async -> TimerOutcome {
    do {
      guard let current = try await engine.currentSnapshot(of: timer.run) else { return .runGone }
      return TimerDecision(timer.claimed, in: current.state) == .owed ? .contended : .notOwed
    } catch { return .unavailable }
  }

  /// What an error means for a timer. `nil` for the end of this process.
  func outcome(of error: any Error, _ timer: DueTimer) -> TimerOutcome? {
    if error is CancellationError { return nil }
    let outcome: TimerOutcome =
      switch error {
      case ChangeRefusal.byDecider: .notOwed
      case ChangeRefusal.unknownRun: .runGone
      case ChangeRefusal.contended, ChangeRefusal.leaseLost: .contended
      case ChangeRefusal.unreadable, is UnreadableHistory: .unreadable
      case ChangeRefusal.byStore(let error): error.isTransient ? .unavailable : .failed
      case let error as PostgresError: error.isTransient ? .unavailable : .failed
      case is ReactorError: .unavailable
      default: .failed
      }
    guard outcome != .notOwed, outcome != .runGone else { return outcome }
    // One line for the first try and then ever more seldom.
    let tries = triesBefore(timer) + 1
    if tries & (tries - 1) == 0, outcome != .contended || tries > 4 {
      telemetry.logger.warning(
        "a timer was postponed",
        [
          "run": .string(timer.run.description), "kind": .string(timer.kind.rawValue), "tries": .int(Int64(tries)),
          "reason": .string("\(error)"),
        ])
    }
    return outcome
  }
}
