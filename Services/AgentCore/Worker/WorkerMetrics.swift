internal import Telemetry

/// What a worker counts.
struct WorkerMetrics: Sendable {
  let durations: Histogram
  let outcomes: CounterFamily
  let orchestratorRetries: CounterFamily
  let modelRetries: CounterFamily
  let refusedReports: Counter

  init(_ registry: MetricsRegistry) {
    durations = registry.histogram(
      "cadre_agent_attempt_duration_seconds", help: "Time of an agent's attempt at a step."
    ).with()
    outcomes = registry.counter(
      "cadre_agent_attempts_total", help: "Attempts at steps, by outcome.", labels: ["outcome"])
    orchestratorRetries = registry.counter(
      "cadre_agent_orchestrator_retries_total",
      help: "Heartbeats, records and results that the orchestrator could not take and that are sent again.",
      labels: ["operation"])
    modelRetries = registry.counter(
      "cadre_agent_model_retries_total", help: "Model calls made again within their attempt, by reason.",
      labels: ["reason"])
    refusedReports = registry.counter(
      "cadre_agent_reports_refused_total", help: "Records and results that the orchestrator refused as malformed.")
  }
}
