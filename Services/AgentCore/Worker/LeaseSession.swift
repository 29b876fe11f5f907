internal import AgentLoop
internal import Contracts
internal import Primitives
internal import Synchronization
internal import Telemetry

/// The lease of one attempt: performs what its state machine says, which keeps the lease alive and gets calls and the
/// outcome to the orchestrator whatever is away for a while.
final class LeaseSession: CallRecording {
  private let step: LeasedStep
  private let link: any OrchestratorLink
  private let heartbeats: LeaseHeartbeats
  private let clock: any WorkerClock
  private let metrics: WorkerMetrics
  private let logger: Logger
  private let machine: Mutex<LeaseStateMachine>

  init(
    _ step: LeasedStep, link: any OrchestratorLink, heartbeats: LeaseHeartbeats, clock: any WorkerClock,
    metrics: WorkerMetrics, logger: Logger
  ) {
    self.step = step
    self.link = link
    self.heartbeats = heartbeats
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    // A token is random.
    machine = Mutex(LeaseStateMachine(lease: step.lease, now: clock.now(), seed: step.token.low))
  }

  /// Whether the outcome is on its way.
  var hasBegunDelivery: Bool { machine.withLock { $0.hasBegunDelivery } }

  /// Keeps the lease alive until the outcome is on its way, with the others of this process, or by itself where the
  /// orchestrator takes no heartbeats of many leases. Throws `LeaseStateMachine.End`.
  func sendHeartbeats() async throws {
    while true {
      let isOver = heartbeats.isSupported ? try await followHeartbeats() : try await sendOwnHeartbeat()
      if isOver { return }
      try Task.checkCancellation()
    }
  }

  /// Returns whether no heartbeat is needed any more; `false` when each lease has to send its own.
  private func followHeartbeats() async throws -> Bool {
    for await beat in heartbeats.follow(step) {
      guard case .answered(let answer, let sentAt) = beat else { return false }
      let now = clock.now()
      if try isOver(machine.withLock { $0.heartbeatAnswered(answer, sentAt: sentAt, now: now) }) { return true }
    }
    return false
  }

  private func sendOwnHeartbeat() async throws -> Bool {
    try await clock.sleep(for: machine.withLock { $0.nextHeartbeat })
    let timeout = machine.withLock { $0.heartbeatTimeout }
    let sentAt = clock.now()
    let answer = try await link.record([], for: step, timeout: timeout)
    note(answer, of: "heartbeat")
    let now = clock.now()
    return try isOver(machine.withLock { $0.heartbeatAnswered(answer, sentAt: sentAt, now: now) })
  }

  private func isOver(_ action: LeaseStateMachine.HeartbeatAction) throws -> Bool {
    switch action {
    case .stop: return true
    case .end(let reason): throw reason
    case .send: return false
    }
  }

  /// Records calls; what cannot be recorded yet is kept and tried again. Throws `LeaseStateMachine.End`, or
  /// `AgentFailure` for calls that can never be recorded.
  func record(_ calls: [CallReport]) async throws {
    _ = try await perform(machine.withLock { $0.record(calls) })
  }

  /// Delivers the outcome. Returns whether it was taken; throws `LeaseStateMachine.End`.
  func deliver(_ outcome: AttemptOutcome) async throws -> Bool {
    try await perform(machine.withLock { $0.deliver(outcome) })
  }

  private func perform(_ first: LeaseStateMachine.ReportAction) async throws -> Bool {
    var action = first
    while true {
      let sentAt = clock.now()
      let answer: LinkAnswer
      switch action {
      case .recorded: return true
      case .finished(let isDelivered): return isDelivered
      case .failed(let failure): throw failure
      case .end(let reason): throw reason
      case .wait(let pause):
        try await clock.sleep(for: pause)
        action = machine.withLock { $0.retry() }
        continue
      case .record(let calls):
        answer = try await link.record(calls, for: step, timeout: LeaseStateMachine.reportTimeout)
        note(answer, of: "journal")
      case .deliver(let outcome):
        answer = try await link.deliver(outcome, for: step)
        note(answer, of: "result")
      }
      let now = clock.now()
      action = machine.withLock { $0.reportAnswered(answer, sentAt: sentAt, now: now) }
    }
  }

  /// Counts and logs answers other than success.
  private func note(_ answer: LinkAnswer, of operation: String) {
    switch answer {
    case .accepted, .repeated, .lost: break
    case .unavailable(let reason):
      metrics.orchestratorRetries.with(operation).add()
      guard operation != "heartbeat" else { return }
      logger.warning(
        "the orchestrator cannot take a report; it is tried again",
        ["operation": .string(operation), "run": .string(step.run.description), "reason": .string(reason)])
    case .refused(let code, let detail) where operation == "heartbeat":
      // A heartbeat has no content to be wrong: something between us and the orchestrator is.
      metrics.orchestratorRetries.with(operation).add()
      logger.warning("a heartbeat was refused", ["code": .string(code), "reason": .string(detail)])
    case .refused(let code, let detail):
      metrics.refusedReports.add()
      logger.error(
        "a report was refused",
        [
          "operation": .string(operation), "run": .string(step.run.description), "step": .string(step.id.description),
          "code": .string(code), "reason": .string(detail),
        ])
    }
  }
}
