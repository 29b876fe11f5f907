internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import Synchronization
internal import Telemetry

/// Runs the attempts that this process holds: the agent loop, a heartbeat beside it, and the delivery of the outcome.
final class StepRunner: Sendable {
  /// A result is offered again and again while the orchestrator is away, until the lease is certainly over.
  private static let deliveryPause = Duration.milliseconds(200)

  private let models: ModelClient
  private let worker: WorkerClient
  private let telemetry: Telemetry
  private let durations: Histogram
  private let outcomes: CounterFamily
  private let running = Atomic<Int>(0)

  init(models: ModelClient, worker: WorkerClient, telemetry: Telemetry) {
    self.models = models
    self.worker = worker
    self.telemetry = telemetry
    durations = telemetry.registry.histogram(
      "cadre_agent_attempt_duration_seconds", help: "Time of an agent's attempt at a step."
    ).with()
    outcomes = telemetry.registry.counter(
      "cadre_agent_attempts_total", help: "Attempts at steps, by outcome.", labels: ["outcome"])
    telemetry.registry.observeGauge("cadre_agent_attempts_running", help: "Attempts in progress.") { [weak self] in
      Double(self?.count ?? 0)
    }
  }

  /// Attempts in progress.
  var count: Int { running.load(ordering: .relaxed) }

  /// Runs one attempt to its end.
  func run(_ step: LeasedStep) async {
    running.add(1, ordering: .relaxed)
    defer { running.subtract(1, ordering: .relaxed) }
    let started = MonotonicClock.now()
    let span = telemetry.tracer.startSpan("invoke_agent", kind: .consumer, parent: step.trace)
    let outcome = await attempt(step, span)
    durations.observe(nanoseconds: MonotonicClock.now() &- started)
    outcomes.with(outcome).add()
    if span.isRecording {
      span.setAttribute("cadre.run.id", .string(step.run))
      span.setAttribute("cadre.step.id", .string(step.id))
      span.setAttribute("cadre.outcome", .string(outcome))
    }
    span.end()
  }

  private func attempt(_ step: LeasedStep, _ span: Span) async -> String {
    let loop = AgentLoop(step: step, models: models, worker: worker, trace: span.context)
    do {
      let result = try await withHeartbeat(step) { try await loop.run() }
      return await deliver(step) { try await self.worker.succeed(step, result) } ? "succeeded" : "undelivered"
    } catch is LeaseLost {
      return "lease_lost"
    } catch is CancellationError {
      return "cancelled"
    } catch {
      let failure =
        error as? AgentFailure
        ?? AgentFailure(code: "worker_failed", message: "The attempt failed: \(error).", isRetryable: true)
      span.recordError(type: failure.code, message: failure.message)
      telemetry.logger.warning(
        "an attempt failed",
        ["run": .string(step.run), "attempt": .int(step.attempt), "code": .string(failure.code)], trace: span.context)
      return await deliver(step) { try await self.worker.fail(step, failure) } ? "failed" : "undelivered"
    }
  }

  /// Prolongs the lease while `body` works; ends `body` when the lease is lost.
  private func withHeartbeat(
    _ step: LeasedStep, _ body: @escaping @Sendable () async throws -> AttemptResult
  ) async throws -> AttemptResult {
    try await withThrowingTaskGroup(of: AttemptResult?.self) { group in
      group.addTask { try await body() }
      group.addTask { [worker] in
        while true {
          try await EventLoop.sleep(for: .milliseconds(step.leaseMilliseconds / 3))
          do {
            try await worker.record([], for: step)
          } catch let error as HTTPClientError {
            // One missed heartbeat is no reason to give up: the lease lasts for three.
            if error.code == .protocolViolation { throw error }
          }
        }
      }
      defer { group.cancelAll() }
      while let result = try await group.next() { if let result { return result } }
      throw CancellationError()
    }
  }

  /// Offers an outcome until it is taken, refused, or too late.
  private func deliver(_ step: LeasedStep, _ send: @Sendable () async throws -> HTTPStatus) async -> Bool {
    let deadline = MonotonicClock.now() &+ UInt64(step.leaseMilliseconds) * 1_000_000
    while MonotonicClock.now() < deadline, !Task.isCancelled {
      if let status = try? await send() {
        if status.isSuccess { return true }
        if status.isClientError { return false }
      }
      try? await EventLoop.sleep(for: StepRunner.deliveryPause)
    }
    return false
  }
}
