internal import AgentLoop
internal import Contracts
internal import Telemetry

/// Calls models for one attempt: again and again where nothing was paid by it.
struct ModelCaller: ModelCalling {
  private static let haltedPause = Duration.seconds(2)

  let transport: any ModelTransport
  let step: LeasedStep
  let trace: TraceContext
  let clock: any WorkerClock
  let policy: ModelRetryPolicy
  let metrics: WorkerMetrics
  let drain: DrainSignal
  /// Whether everything but reading is halted.
  var isHalted: @Sendable () -> Bool = { false }

  func complete(_ request: [UInt8]) async throws -> ModelReply {
    try await drain.interrupting { try await call(request) }
  }

  private func call(_ request: [UInt8]) async throws -> ModelReply {
    let started = clock.now()
    var retry = ModelRetry(policy, now: started, seed: started)
    while true {
      guard !isHalted() else { throw AttemptReleased() }
      let outcome = try await transport.send(request, for: step, trace: trace)
      if case .refused(let refusal) = outcome, refusal.code == ProblemCode.installationHalted.name {
        // The llm-router knew it first. After the pause this worker knows too, and takes no steps.
        try await clock.sleep(for: ModelCaller.haltedPause)
        throw AttemptReleased()
      }
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
