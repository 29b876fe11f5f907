internal import Decider
internal import Synchronization
internal import Telemetry

/// Metrics of runs and the queue.
final class RunMetrics: Sendable {
  private let submittedTasks: Counter
  private let endedRuns: [RunState.Status: Counter]
  private let leasedSteps: Counter
  private let lostLeases: Counter
  private let commitSize: Histogram
  let readySteps: Gauge
  let leasedNow: Gauge

  init(registry: MetricsRegistry) {
    submittedTasks = registry.counter("cadre_tasks_submitted_total", help: "Tasks accepted.")
    let ended = registry.counter("cadre_runs_ended_total", help: "Runs ended, by their end.", labels: ["status"])
    endedRuns = [
      .succeeded: ended.with("succeeded"), .failed: ended.with("failed"), .cancelled: ended.with("cancelled"),
    ]
    leasedSteps = registry.counter("cadre_steps_leased_total", help: "Steps handed to workers.")
    lostLeases = registry.counter(
      "cadre_leases_lost_total", help: "Leases taken back because their worker fell silent.")
    commitSize = registry.histogram(
      "cadre_orchestrator_commit_transitions", help: "Transitions that share one commit.",
      buckets: [1, 2, 4, 8, 16, 32, 64, 128], scale: 1
    ).with()
    readySteps = registry.gauge("cadre_steps_ready", help: "Steps that wait for a worker, seen at the last sweep.")
    leasedNow = registry.gauge("cadre_steps_held", help: "Steps that workers hold, seen at the last sweep.")
  }

  func submitted() { submittedTasks.add() }
  func ended(_ status: RunState.Status) { endedRuns[status]?.add() }
  func leased(_ count: Int) { leasedSteps.add(UInt64(count)) }
  func lost() { lostLeases.add() }
  func commit(size: Int) { commitSize.observe(Double(size)) }
}
