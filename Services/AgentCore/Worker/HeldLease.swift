internal import AgentLoop
internal import Primitives
internal import Synchronization
internal import Telemetry

/// The lease has passed to somebody else, or the run has ended: whatever the attempt does now has no effect.
struct LeaseLost: Error {}

/// Nothing was heard of the orchestrator for so long that nobody waits for the attempt any more.
struct OrchestratorSilent: Error {}

/// The lease of one attempt: keeps it alive, and gets calls and the outcome to the orchestrator whatever is away for a
/// while.
final class HeldLease: CallRecording {
  private struct State {
    var monitor: LeaseMonitor
    /// The outcome is on its way: from here on a refused heartbeat may only mean that it has arrived.
    var isDelivering = false
  }

  private static let callTimeout = Duration.seconds(15)
  private static let retryFirst = Duration.milliseconds(100)
  private static let retryMax = Duration.seconds(2)

  private let step: LeasedStep
  private let link: any OrchestratorLink
  private let clock: any WorkerClock
  private let metrics: WorkerMetrics
  private let logger: Logger
  private let seed: UInt64
  private let state: Mutex<State>

  init(
    _ step: LeasedStep, link: any OrchestratorLink, clock: any WorkerClock, metrics: WorkerMetrics, logger: Logger
  ) {
    self.step = step
    self.link = link
    self.clock = clock
    self.metrics = metrics
    self.logger = logger
    // A token is random.
    seed = step.token.utf8.reduce(0) { ($0 &* 31) &+ UInt64($1) }
    state = Mutex(State(monitor: LeaseMonitor(lease: step.lease, now: clock.now(), seed: seed)))
  }

  /// Sends heartbeats until the lease is lost (`LeaseLost`), nobody waits any more (`OrchestratorSilent`), or the
  /// outcome is on its way (returns).
  func keep() async throws {
    var action = LeaseMonitor.Action.beat(after: state.withLock { $0.monitor.beatInterval })
    while true {
      guard case .beat(let delay) = action else { throw OrchestratorSilent() }
      try await clock.sleep(for: delay)
      let timeout = state.withLock { $0.monitor.beatTimeout }
      let sentAt = clock.now()
      let answer = try await link.record([], for: step, timeout: timeout)
      let isDelivering = state.withLock { $0.isDelivering }
      switch answer {
      case .accepted, .repeated: action = state.withLock { $0.monitor.heard(sentAt: sentAt) }
      case .lost:
        if isDelivering { return }
        throw LeaseLost()
      case .refused(let code, let detail):
        // A heartbeat has no content to be wrong: something between us and the orchestrator is.
        logger.warning("a heartbeat was refused", ["code": .string(code), "reason": .string(detail)])
        action = unanswered("heartbeat")
      case .unavailable: action = unanswered("heartbeat")
      }
    }
  }

  private func unanswered(_ operation: String) -> LeaseMonitor.Action {
    metrics.orchestratorRetries.with(operation).add()
    let now = clock.now()
    return state.withLock { $0.monitor.unanswered(at: now) }
  }

  /// Records calls; what cannot be recorded yet is kept and tried again. Throws `LeaseLost`, `OrchestratorSilent`, or
  /// `AgentFailure` for calls that can never be recorded.
  func record(_ calls: [CallEntry]) async throws {
    for batch in CallBatches.split(calls) {
      switch try await repeated("journal", { try await self.link.record(batch, for: self.step, timeout: $0) }) {
      case .accepted, .repeated, .unavailable: continue
      case .lost: throw LeaseLost()
      case .refused(let code, let detail):
        metrics.refusedReports.add()
        logger.error(
          "a record was refused",
          ["run": .string(step.run), "step": .string(step.id), "code": .string(code), "reason": .string(detail)])
        throw AgentFailure(
          code: "record_refused", message: "The orchestrator cannot store what was recorded (\(code)): \(detail)",
          isRetryable: false)
      }
    }
  }

  /// Delivers the outcome. Returns whether it was taken; throws `LeaseLost` or `OrchestratorSilent`.
  func deliver(_ outcome: AttemptOutcome) async throws -> Bool {
    var outcome = outcome
    if !CallBatches.fitsTogether(outcome) {
      do { try await record(outcome.calls) } catch let failure as AgentFailure { outcome = .failure(failure) }
      outcome = outcome.alone
    }
    state.withLock { $0.isDelivering = true }
    for isLast in [false, true] {
      let sent = outcome
      switch try await repeated("result", { _ in try await self.link.deliver(sent, for: self.step) }) {
      case .accepted: return true
      case .lost: throw LeaseLost()
      case .unavailable: return false
      case .repeated:
        // The calls stand in the journal, by a request whose answer was lost.
        outcome = outcome.alone
      case .refused(let code, let detail):
        metrics.refusedReports.add()
        logger.error(
          "an outcome was refused",
          ["run": .string(step.run), "step": .string(step.id), "code": .string(code), "reason": .string(detail)])
        if isLast { return false }
        outcome = .failure(
          AgentFailure(
            code: code == "body_too_large" || code == "content_too_large" ? "result_too_large" : "result_refused",
            message: "The orchestrator cannot store what the attempt gave (\(code)): \(detail)", isRetryable: false))
      }
    }
    return false
  }

  /// Makes a call until there is an answer to it.
  private func repeated(
    _ operation: String, _ call: (Duration) async throws -> LinkAnswer
  ) async throws -> LinkAnswer {
    var backoff = Backoff(first: HeldLease.retryFirst, max: HeldLease.retryMax, seed: seed)
    while true {
      let sentAt = clock.now()
      let answer = try await call(HeldLease.callTimeout)
      guard case .unavailable(let reason) = answer else {
        if answer == .accepted || answer == .repeated {
          state.withLock { state in _ = state.monitor.heard(sentAt: sentAt) }
        }
        return answer
      }
      metrics.orchestratorRetries.with(operation).add()
      logger.warning(
        "the orchestrator cannot take a call; it is tried again",
        ["operation": .string(operation), "run": .string(step.run), "reason": .string(reason)])
      let now = clock.now()
      if state.withLock({ $0.monitor.isSilent(at: now) }) { throw OrchestratorSilent() }
      try await clock.sleep(for: backoff.pause())
    }
  }
}
