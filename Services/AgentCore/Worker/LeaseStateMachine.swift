internal import AgentLoop
internal import Contracts
internal import Primitives

/// What a worker does with its lease: when it sends heartbeats, how calls and the outcome get to the orchestrator, and
/// when the attempt ends. Pure: times and answers go in, actions come out.
///
/// Only the orchestrator ends a lease. That its time is over is no reason to drop an attempt: where the orchestrator
/// or its database is away, nobody else can have got the step, and a paid answer is kept until it can be recorded. The
/// attempt ends when the orchestrator says so, or when it has not answered for so long that nobody waits for the
/// attempt.
struct LeaseStateMachine: Sendable {
  /// Why an attempt ends before its outcome is delivered.
  enum End: Error, Equatable, Sendable {
    /// The lease has passed to somebody else, or the run has ended: what the attempt does now has no effect.
    case lost
    /// The orchestrator has not answered for so long that nobody waits for the attempt any more.
    case silent
  }

  /// What is to be done about heartbeats.
  enum HeartbeatAction: Equatable, Sendable {
    /// One is sent after this time.
    case send(after: Duration)
    /// None is needed any more: the outcome is on its way.
    case stop
    /// The attempt ends.
    case end(End)
  }

  /// What is to be done about a report: calls to be recorded, or an outcome to be delivered.
  enum ReportAction: Sendable {
    /// The calls are sent, and the answer is given to `reportAnswered`.
    case record([CallReport])
    /// The outcome is sent, and the answer is given to `reportAnswered`.
    case deliver(AttemptOutcome)
    /// After this time `retry` says what is sent.
    case wait(Duration)
    /// The calls are safe.
    case recorded
    /// The calls can never be recorded.
    case failed(AgentFailure)
    /// The outcome was taken, or cannot be.
    case finished(isDelivered: Bool)
    /// The attempt ends.
    case end(End)
  }

  /// The report in progress.
  private enum Report: Sendable {
    /// There is none.
    case none
    /// Batches that are still to be recorded, the first is being sent; with an outcome that follows them.
    case recording(ArraySlice<[CallReport]>, before: AttemptOutcome?)
    /// The outcome is being sent. `isLast`: it is not changed and sent again when it is refused.
    case delivering(AttemptOutcome, isLast: Bool)
  }

  /// How long an attempt goes on without an answer of the orchestrator: longer than any restore or failover that
  /// somebody waits for.
  static let silenceMax = Duration.seconds(900)
  /// Time for one report.
  static let reportTimeout = Duration.seconds(15)
  private static let retryFirst = Duration.milliseconds(100)
  private static let heartbeatRetryMax = Duration.seconds(1)
  private static let reportRetryMax = Duration.seconds(2)

  /// How long the orchestrator has promised to wait.
  let lease: Duration
  private let seed: UInt64
  private var answeredAt: UInt64
  private var heartbeatBackoff: Backoff
  /// The pause before the next heartbeat that this lease sends by itself.
  private(set) var nextHeartbeat: Duration
  private var reportBackoff: Backoff
  private var report = Report.none
  /// Whether an outcome is on its way.
  private(set) var hasBegunDelivery = false

  /// A lease that was granted at `now`. `seed` makes the random parts of pauses.
  init(lease: Duration, now: UInt64, seed: UInt64) {
    self.lease = lease
    self.seed = seed
    answeredAt = now
    nextHeartbeat = lease / 3
    heartbeatBackoff = LeaseStateMachine.heartbeatBackoff(lease, seed)
    reportBackoff = LeaseStateMachine.reportBackoff(seed)
  }

  private static func heartbeatBackoff(_ lease: Duration, _ seed: UInt64) -> Backoff {
    Backoff(first: retryFirst, max: min(heartbeatRetryMax, lease / 6), seed: seed)
  }

  private static func reportBackoff(_ seed: UInt64) -> Backoff {
    Backoff(first: retryFirst, max: reportRetryMax, seed: seed)
  }

  /// The orchestrator has taken a call that was sent at `sentAt`: the lease was extended then at the earliest.
  private mutating func acknowledged(sentAt: UInt64) {
    answeredAt = max(answeredAt, sentAt)
    heartbeatBackoff = LeaseStateMachine.heartbeatBackoff(lease, seed)
  }

  private func isSilent(at now: UInt64) -> Bool {
    now > answeredAt && Duration.nanoseconds(Int64(clamping: now - answeredAt)) > LeaseStateMachine.silenceMax
  }

  // MARK: Heartbeats

  /// Three heartbeats fit into a lease.
  var heartbeatInterval: Duration { lease / 3 }

  /// How long a heartbeat may take. One that hangs must leave time for another one, at another replica, within the
  /// lease.
  var heartbeatTimeout: Duration { max(.milliseconds(600), min(.seconds(15), lease / 3)) }

  /// What follows a heartbeat that was sent at `sentAt`.
  mutating func heartbeatAnswered(_ answer: LinkAnswer, sentAt: UInt64, now: UInt64) -> HeartbeatAction {
    switch answer {
    case .accepted, .repeated:
      acknowledged(sentAt: sentAt)
      nextHeartbeat = heartbeatInterval
      return .send(after: nextHeartbeat)
    case .lost:
      // While the outcome is on its way, a refused heartbeat may only mean that it has arrived.
      return hasBegunDelivery ? .stop : .end(.lost)
    case .refused, .unavailable:
      if isSilent(at: now) { return .end(.silent) }
      nextHeartbeat = heartbeatBackoff.pause()
      return .send(after: nextHeartbeat)
    }
  }

  // MARK: Reports

  /// Begins to record calls.
  mutating func record(_ calls: [CallReport]) -> ReportAction { record(calls, before: nil) }

  /// Begins to deliver the outcome, with the calls that are not recorded yet.
  mutating func deliver(_ outcome: AttemptOutcome) -> ReportAction {
    guard CallBatches.fitsTogether(outcome) else { return record(outcome.calls, before: outcome.alone) }
    return begin(.delivering(outcome, isLast: false))
  }

  /// What is sent after a pause.
  func retry() -> ReportAction {
    switch report {
    case .none: .finished(isDelivered: false)
    case .recording(let batches, _): .record(batches.first ?? [])
    case .delivering(let outcome, _): .deliver(outcome)
    }
  }

  /// What follows the answer to a report that was sent at `sentAt`.
  mutating func reportAnswered(_ answer: LinkAnswer, sentAt: UInt64, now: UInt64) -> ReportAction {
    switch answer {
    case .accepted, .repeated: acknowledged(sentAt: sentAt)
    case .lost: return .end(.lost)
    case .unavailable: return isSilent(at: now) ? .end(.silent) : .wait(reportBackoff.pause())
    case .refused: break
    }
    switch report {
    case .none: return .finished(isDelivered: false)
    case .recording(let batches, let outcome): return recordingAnswered(answer, batches, before: outcome)
    case .delivering(let outcome, let isLast): return deliveryAnswered(answer, outcome, isLast: isLast)
    }
  }

  private mutating func recordingAnswered(
    _ answer: LinkAnswer, _ batches: ArraySlice<[CallReport]>, before outcome: AttemptOutcome?
  ) -> ReportAction {
    guard case .refused(let code, let detail) = answer else {
      // A batch that stands in the journal already was recorded by a request whose answer was lost.
      return record(batches.dropFirst(), before: outcome)
    }
    let failure = AgentFailure(
      code: "record_refused", message: "The orchestrator cannot store what was recorded (\(code)): \(detail)",
      isRetryable: false)
    guard outcome != nil else {
      report = .none
      return .failed(failure)
    }
    return begin(.delivering(.failure(failure), isLast: false))
  }

  private mutating func deliveryAnswered(_ answer: LinkAnswer, _ outcome: AttemptOutcome, isLast: Bool) -> ReportAction
  {
    guard answer != .accepted, !isLast else {
      report = .none
      return .finished(isDelivered: answer == .accepted)
    }
    guard case .refused(let code, let detail) = answer else {
      // The calls stand in the journal, by a request whose answer was lost.
      return begin(.delivering(outcome.alone, isLast: true))
    }
    let isTooLarge = code == "body_too_large" || code == "content_too_large"
    let failure = AgentFailure(
      code: isTooLarge ? "result_too_large" : "result_refused",
      message: "The orchestrator cannot store what the attempt gave (\(code)): \(detail)", isRetryable: false)
    return begin(.delivering(.failure(failure), isLast: true))
  }

  private mutating func record(_ calls: [CallReport], before outcome: AttemptOutcome?) -> ReportAction {
    record(CallBatches.split(calls)[...], before: outcome)
  }

  private mutating func record(
    _ batches: ArraySlice<[CallReport]>, before outcome: AttemptOutcome?
  ) -> ReportAction {
    if batches.isEmpty {
      guard let outcome else {
        report = .none
        return .recorded
      }
      return begin(.delivering(outcome, isLast: false))
    }
    return begin(.recording(batches, before: outcome))
  }

  private mutating func begin(_ next: Report) -> ReportAction {
    report = next
    reportBackoff = LeaseStateMachine.reportBackoff(seed)
    if case .delivering = next { hasBegunDelivery = true }
    return retry()
  }
}
