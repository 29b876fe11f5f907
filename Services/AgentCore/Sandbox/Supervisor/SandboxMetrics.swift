internal import SandboxProtocol
internal import Telemetry

/// What the sandbox counts. Label values are words of this code, never text of a guest.
struct SandboxMetrics: Sendable {
  /// How workers fail.
  private static let failures = [
    "start", "slow", "refused", "ended", "crashed", "system_call", "protocol", "folder",
  ]

  let runs: CounterFamily
  let durations: HistogramFamily
  let waits: Histogram
  let starts: HistogramFamily
  let kills: CounterFamily
  let refusals: CounterFamily
  let workerFailures: CounterFamily
  let retries: Counter
  let fuel: CounterFamily
  let processorTime: HistogramFamily
  let peakMemory: HistogramFamily
  let queued: Gauge
  let running: Gauge
  let workers: Gauge
  let warm: GaugeFamily
  let serving: Gauge
  let layers: GaugeFamily

  init(_ registry: MetricsRegistry) {
    runs = registry.counter(
      "cadre_sandbox_runs_total", help: "Jobs of the sandbox, by outcome.", labels: ["runtime", "outcome"])
    durations = registry.histogram(
      "cadre_sandbox_run_duration_seconds", help: "Time from the worker's assignment to the end of a job.",
      labels: ["runtime"])
    waits = registry.histogram(
      "cadre_sandbox_queue_seconds", help: "Time from a job's submission to the assignment of a worker."
    ).with()
    starts = registry.histogram(
      "cadre_sandbox_worker_start_seconds", help: "Time until a worker process is ready.", labels: ["runtime"])
    kills = registry.counter(
      "cadre_sandbox_kills_total", help: "Workers killed while they ran a job.", labels: ["reason"])
    refusals = registry.counter("cadre_sandbox_refusals_total", help: "Jobs that were not run.", labels: ["reason"])
    workerFailures = registry.counter(
      "cadre_sandbox_worker_failures_total", help: "Workers that did not start or ended by a fault.",
      labels: ["reason"])
    // Series that begin with their first event have no increase that a rule could see.
    for cause in JobStateMachine.KillCause.allCases { kills.with(cause.rawValue).add(0) }
    for refusal in JobRefusal.allCases { refusals.with(refusal.rawValue).add(0) }
    for reason in SandboxMetrics.failures { workerFailures.with(reason).add(0) }
    retries = registry.counter("cadre_sandbox_retries_total", help: "Jobs run again because their worker died.")
    fuel = registry.counter(
      "cadre_sandbox_fuel_total", help: "Instructions that guests have used, as the engine counts them.",
      labels: ["runtime"])
    processorTime = registry.histogram(
      "cadre_sandbox_cpu_seconds", help: "Processor time of a job.", labels: ["runtime"])
    peakMemory = registry.histogram(
      "cadre_sandbox_peak_memory_bytes", help: "Most memory of a job.", labels: ["runtime"],
      buckets: [1e6, 4e6, 16e6, 32e6, 64e6, 128e6, 256e6, 512e6, 1024e6])
    queued = registry.gauge("cadre_sandbox_queued", help: "Jobs that wait for a worker.")
    running = registry.gauge("cadre_sandbox_running", help: "Jobs that run.")
    workers = registry.gauge("cadre_sandbox_workers", help: "Worker processes.")
    warm = registry.gauge(
      "cadre_sandbox_workers_warm", help: "Workers that wait for a session.", labels: ["runtime"])
    serving = registry.gauge("cadre_sandbox_serving", help: "Whether the sandbox takes jobs.")
    layers = registry.gauge(
      "cadre_sandbox_layers", help: "Always 1; the labels say which layers the jail of the workers has.",
      labels: ["landlock", "system_calls", "own_user", "namespaces"])
  }

  func update(_ pool: SandboxPool) {
    queued.set(Int64(pool.queuedCount))
    running.set(Int64(pool.runningCount))
    workers.set(Int64(pool.workerCount))
    for kind in WorkerKind.allCases where pool.limits.warm[kind] != nil {
      warm.with(kind.rawValue).set(Int64(pool.warmCount(kind)))
    }
  }

  func show(_ layers: SandboxLayers) {
    self.layers.with(
      String(layers.landlock), layers.hasSystemCallFilter ? "yes" : "no", layers.hasOwnUser ? "yes" : "no",
      layers.namespaces.isEmpty ? "none" : layers.namespaces.sorted().joined(separator: "+")
    ).set(1)
  }

  func observe(_ result: SandboxResult, _ kind: WorkerKind, trace: TraceContext?) {
    let runtime = kind.rawValue
    let metering = result.report.metering
    runs.with(runtime, result.code).add()
    durations.with(runtime).observe(nanoseconds: UInt64(clamping: metering.wallMicroseconds) &* 1000, in: trace)
    waits.observe(nanoseconds: UInt64(clamping: result.queueMicroseconds) &* 1000)
    fuel.with(runtime).add(UInt64(clamping: metering.fuel))
    processorTime.with(runtime).observe(
      nanoseconds: UInt64(clamping: metering.cpuMicroseconds.multipliedReportingOverflow(by: 1000).partialValue))
    peakMemory.with(runtime).observe(Double(metering.peakMemoryBytes))
  }
}
