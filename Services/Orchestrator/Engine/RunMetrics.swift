internal import Decider
internal import RunStorage
internal import Synchronization
package import Telemetry

/// Metrics of runs and the queue.
package final class RunMetrics: Sendable {
  private let submittedTasks: Counter
  private let endedRuns: [RunState.Status: Counter]
  private let leasedSteps: [Bool: Counter]
  private let lostLeases: Counter
  private let commitSize: Histogram
  private let dispatchLatency: Histogram
  private let firedTimers: [String: Counter]
  private let undeliveredLeases: Counter
  private let failedAttempts: Counter
  private let expansions: Counter
  private let suspensions: Counter
  private let releases: Counter
  private let settledQuestions: [String: Counter]
  private let heartbeats: [Bool: Counter]
  private let lostHeartbeats: Counter
  private let replays: [Bool: Counter]
  package let firedSchedules: Counter
  package let skippedSchedules: Counter
  let archivedRuns: Counter
  /// What was last measured; nil while it cannot be measured.
  let queues = MeasuredQueues()

  /// Registers the metrics.
  package init(registry: MetricsRegistry) {
    submittedTasks = registry.counter(
      "cadre_tasks_submitted_total", help: "Runs accepted, sub-runs and forks included.")
    let ended = registry.counter("cadre_runs_ended_total", help: "Runs ended, by their end.", labels: ["status"])
    endedRuns = [
      .succeeded: ended.with("succeeded"), .failed: ended.with("failed"), .cancelled: ended.with("cancelled"),
    ]
    let leased = registry.counter(
      "cadre_steps_leased_total", help: "Steps given to workers: directly when they became ready, or from the queue.",
      labels: ["from"])
    leasedSteps = [true: leased.with("commit"), false: leased.with("queue")]
    lostLeases = registry.counter(
      "cadre_leases_lost_total", help: "Leases taken back because their worker fell silent or took too long.")
    undeliveredLeases = registry.counter(
      "cadre_leases_undelivered_total",
      help: "Leases given back at once because the answer did not reach its worker.")
    failedAttempts = registry.counter("cadre_step_attempts_failed_total", help: "Attempts of steps that failed.")
    expansions = registry.counter("cadre_plans_expanded_total", help: "Plans that became steps of their runs.")
    suspensions = registry.counter(
      "cadre_steps_suspended_total", help: "Steps that gave their lease back to wait for people.")
    releases = registry.counter(
      "cadre_steps_released_total", help: "Steps that a worker gave back for another one to go on.")
    let settled = registry.counter(
      "cadre_questions_settled_total", help: "Questions of steps to people, by what became of them.",
      labels: ["outcome"])
    settledQuestions = Dictionary(
      ["approved", "rejected", "answered", "expired"].map { ($0, settled.with($0)) },
      uniquingKeysWith: { first, _ in first })
    let checked = registry.counter(
      "cadre_lease_heartbeats_total",
      help: "Leases in requests of heartbeats, by whether they were extended, only looked up, or lost.",
      labels: ["outcome"])
    heartbeats = [true: checked.with("extended"), false: checked.with("held")]
    lostHeartbeats = checked.with("lost")
    commitSize = registry.histogram(
      "cadre_orchestrator_commit_transitions", help: "Runs whose transitions share one commit.",
      buckets: [1, 2, 4, 8, 16, 32, 64, 128], scale: 1
    ).with()
    dispatchLatency = registry.histogram(
      "cadre_step_dispatch_seconds", help: "Time from ready to leased, the commit included.",
      buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30, 120], scale: 1_000_000
    ).with()
    let fired = registry.counter("cadre_timers_fired_total", help: "Durable timers fired, by kind.", labels: ["kind"])
    firedTimers = Dictionary(
      ["own", "delay", "close", "expire", "cancel", "child_ended", "ask"].map { ($0, fired.with($0)) },
      uniquingKeysWith: { first, _ in first })
    let replayed = registry.counter(
      "cadre_replays_total", help: "Histories replayed, by whether their decisions were the same.", labels: ["verdict"])
    replays = [true: replayed.with("consistent"), false: replayed.with("diverged")]
    let schedules = registry.counter(
      "cadre_schedule_times_total", help: "Times of schedules that came, by what became of them.", labels: ["outcome"])
    firedSchedules = schedules.with("fired")
    skippedSchedules = schedules.with("skipped")
    archivedRuns = registry.counter("cadre_runs_archived_total", help: "Histories moved to the archive.")
    queues.register(in: registry)
  }

  func submitted() { submittedTasks.add() }
  func ended(_ status: RunState.Status) { endedRuns[status]?.add() }
  func leased(_ waitedMicroseconds: Int64, isEager: Bool, in context: TraceContext?) {
    leasedSteps[isEager]?.add()
    dispatchLatency.observe(Double(waitedMicroseconds) / 1_000_000, in: context)
  }
  func lost() { lostLeases.add() }
  package func undelivered(_ count: Int) { undeliveredLeases.add(UInt64(clamping: count)) }
  func commit(size: Int) { commitSize.observe(Double(size)) }
  func fired(_ kind: TimerKind) { firedTimers[kind.rawValue]?.add() }
  package func replayed(isConsistent: Bool) { replays[isConsistent]?.add() }

  /// A request of heartbeats was answered.
  package func heartbeat(extended: Int, held: Int, lost: Int) {
    heartbeats[true]?.add(UInt64(clamping: extended))
    heartbeats[false]?.add(UInt64(clamping: held))
    lostHeartbeats.add(UInt64(clamping: lost))
  }

  func count(_ event: RunEvent) {
    switch event {
    case .stepFailed, .stepLost, .stepTimedOut, .stepRefused: failedAttempts.add()
    case .planExpanded: expansions.add()
    case .stepSuspended: suspensions.add()
    case .stepReleased: releases.add()
    case .askAnswered(_, _, _, let answer): settledQuestions[answer.outcome.rawValue]?.add()
    case .askExpired: settledQuestions["expired"]?.add()
    default: break
    }
  }
}
