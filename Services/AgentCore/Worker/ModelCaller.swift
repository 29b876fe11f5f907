internal import AgentLoop
internal import Telemetry

/// Calls models for one attempt: again and again where nothing was paid by it.
struct ModelCaller: ModelCalling {
  let transport: any ModelTransport
  let step: LeasedStep
  let trace: TraceContext
  let clock: any WorkerClock
  let policy: ModelRetryPolicy
  let metrics: WorkerMetrics
  let drain: DrainSignal

  func complete(_ request: [UInt8]) async throws -> ModelReply {
    try await drain.interrupting { try await call(request) }
  }

  private func call(_ request: [UInt8]) async throws -> ModelReply {
    let started = clock.now()
    var retry = ModelRetry(policy, now: started, seed: started)
    while true {
      let outcome = try await transport.send(request, for: step, trace: trace)
      switch retry.next(after: outcome, now: clock.now()) {
      case .take(let reply): return reply
      case .again(let pause, let reason):
        metrics.modelRetries.with(reason).add()
        try await clock.sleep(for: pause)
      case .fail(let failure): throw failure
      }
    }
  }
}
