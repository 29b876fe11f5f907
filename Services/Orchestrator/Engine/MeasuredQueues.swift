internal import RunStorage
internal import Synchronization
internal import Telemetry

/// How the queues were when they were last measured. While they cannot be, the metrics are NaN: an old number of one
/// replica would hide what the others see.
final class MeasuredQueues: Sendable {
  private let depth = Mutex<QueueDepth?>(nil)

  func set(_ measured: QueueDepth?) { depth.withLock { $0 = measured } }

  func register(in registry: MetricsRegistry) {
    registry.observeGauge("cadre_steps_ready", help: "Steps that wait for a worker, seen at the last sweep.") {
      self.value { Double($0.ready) }
    }
    registry.observeGauge(
      "cadre_steps_ready_age_seconds",
      help: "How long the agents' step that has waited longest is ready; 0 when none waits."
    ) { self.value { Double($0.readyMilliseconds) / 1000 } }
    registry.observeGauge("cadre_steps_held", help: "Steps that workers hold, seen at the last sweep.") {
      self.value { Double($0.leased) }
    }
    registry.observeGauge("cadre_steps_delayed", help: "Attempts that wait before they are repeated.") {
      self.value { Double($0.delayed) }
    }
    registry.observeGauge("cadre_timers", help: "Durable timers that are set.") { self.value { Double($0.timers) } }
  }

  private func value(_ part: (QueueDepth) -> Double) -> Double { depth.withLock { $0 }.map(part) ?? .nan }
}
