public import Contracts

/// One entry of a run's history. The history is the only truth about a run; everything else is derived from it.
///
/// An entry is either a *fact*, which came from outside (a result, a signal, the end of a wait), or a *consequence*,
/// which the decider drew from the fact before it. Replay feeds the facts again and compares the consequences.
public enum RunEvent: Hashable, Sendable {
  // MARK: Facts

  /// The run was accepted. `seed` feeds the jitter of retries.
  case runCreated(workflow: String, version: Int, input: PayloadRef, seed: UInt64, facts: [Fact])
  /// A worker has leased the step.
  case stepStarted(step: String, attempt: Int, worker: String)
  /// A call was recorded.
  case callRecorded(step: String, attempt: Int, CallRecord)
  /// The attempt delivered a result; `usage` is what the sub-run has consumed that delivered it.
  case stepSucceeded(step: String, attempt: Int, output: PayloadRef, facts: [Fact], usage: Usage? = nil)
  /// A planner delivered a plan: its output and the steps that it adds.
  case planExpanded(step: String, attempt: Int, output: PayloadRef, facts: [Fact], steps: [WorkflowStep])
  /// The attempt failed; `usage` is what the sub-run has consumed that failed.
  case stepFailed(step: String, attempt: Int, Failure, usage: Usage? = nil)
  /// The worker was not heard of until its lease ended. `wasUndelivered` says that it never got the step: that is no
  /// attempt. With `limits` the loss uses up none of the policy's attempts; without, it is one of them.
  case stepLost(
    step: String, attempt: Int, worker: String, wasUndelivered: Bool = false, limits: LossLimits? = nil)
  /// A time limit of the step has passed. `isRepeated` says that a sub-run took too long, which is tried again; `usage`
  /// is what it had consumed by then.
  case stepTimedOut(step: String, attempt: Int, StepTimeout, isRepeated: Bool = false, usage: Usage? = nil)
  /// The worker has given its lease back until people have answered: no attempt is used up.
  case stepSuspended(step: String, attempt: Int, asks: [Ask])
  /// A person has answered a question that the step asked in `attempt`.
  case askAnswered(step: String, attempt: Int, ask: String, AskAnswer)
  /// Nobody has answered it in time: `at` is in microseconds since 1970.
  case askExpired(step: String, attempt: Int, ask: String, at: Int64)
  /// The worker has given its lease back for another one to go on: no attempt is used up.
  case stepReleased(step: String, attempt: Int, worker: String)
  /// The wait of a delay is over.
  case delayElapsed(step: String, attempt: Int)
  /// A sub-run was begun for the step.
  case childStarted(step: String, attempt: Int, run: String)
  /// Somebody sent a signal; `id` identifies repetitions.
  case signalReceived(name: String, id: String, payload: PayloadRef, by: String, facts: [Fact])
  /// A person is asked; the decision is bound to the digest of the subject.
  case approvalRequested(step: String, attempt: Int, subject: PayloadRef)
  /// A person has decided.
  case approvalDecided(step: String, attempt: Int, ApprovalDecision)
  /// Nothing new begins until the run is resumed.
  case runPaused(by: String)
  /// The run goes on.
  case runResumed(by: String)
  /// Somebody asked for the end of the run; `undoes` says that what was done is undone before.
  case cancelRequested(by: String, reason: String, undoes: Bool = false)
  /// The time limit of the run has passed; `undoes` says that what was done is undone before it ends.
  case runExpired(undoes: Bool = false)
  /// The run continues the history of another one from here, with changes.
  case runForked(from: String, at: Int, by: String, changes: [StepChange])

  // MARK: Consequences

  /// A step may begin, after `delayMilliseconds`.
  case stepReady(step: String, attempt: Int, delayMilliseconds: Int64)
  /// The step has become so many instances.
  case stepFannedOut(step: String, count: Int)
  /// A step that no worker does is done.
  case stepCompleted(step: String, output: PayloadRef?)
  /// The step has failed without an attempt of a worker.
  case stepRefused(step: String, attempt: Int, Failure)
  /// Another agent or model takes over.
  case stepDegraded(step: String, fallback: Int)
  /// All attempts have failed, and the workflow goes on without the step.
  case stepExhausted(step: String)
  /// The step is not needed.
  case stepSkipped(step: String)
  /// The run cannot succeed any more; what was done is being undone. The step is empty when the run was cancelled or
  /// its time was over.
  case compensationStarted(step: String, Failure)
  /// The run ended with a result; `nil` when the step that gives it was skipped.
  case runSucceeded(output: PayloadRef?)
  /// The run ended without a result.
  case runFailed(step: String?, Failure)
  /// The run ended on request.
  case runCancelled

  /// The name of the event on the wire and in the store.
  public var type: String {
    switch self {
    case .runCreated: "run.created"
    case .stepStarted: "step.started"
    case .callRecorded(_, _, let call): call.kind.eventType
    case .stepSucceeded: "step.succeeded"
    case .planExpanded: "plan.expanded"
    case .stepFailed: "step.failed"
    case .stepLost: "step.lost"
    case .stepTimedOut: "step.timed_out"
    case .stepSuspended: "step.suspended"
    case .askAnswered: "ask.answered"
    case .askExpired: "ask.expired"
    case .stepReleased: "step.released"
    case .delayElapsed: "delay.elapsed"
    case .childStarted: "child.started"
    case .signalReceived: "signal.received"
    case .approvalRequested: "approval.requested"
    case .approvalDecided: "approval.decided"
    case .runPaused: "run.paused"
    case .runResumed: "run.resumed"
    case .cancelRequested: "run.cancel_requested"
    case .runExpired: "run.expired"
    case .runForked: "run.forked"
    case .stepReady: "step.ready"
    case .stepFannedOut: "step.fanned_out"
    case .stepCompleted: "step.completed"
    case .stepRefused: "step.refused"
    case .stepDegraded: "step.degraded"
    case .stepExhausted: "step.exhausted"
    case .stepSkipped: "step.skipped"
    case .compensationStarted: "run.compensating"
    case .runSucceeded: "run.succeeded"
    case .runFailed: "run.failed"
    case .runCancelled: "run.cancelled"
    }
  }

  /// The step that the event is about.
  public var step: String? {
    switch self {
    case .stepStarted(let step, _, _), .callRecorded(let step, _, _), .stepSucceeded(let step, _, _, _, _),
      .planExpanded(let step, _, _, _, _), .stepFailed(let step, _, _, _), .stepLost(let step, _, _, _, _),
      .stepTimedOut(let step, _, _, _, _), .stepSuspended(let step, _, _), .askAnswered(let step, _, _, _),
      .askExpired(let step, _, _, _), .stepReleased(let step, _, _), .delayElapsed(let step, _),
      .childStarted(let step, _, _),
      .approvalRequested(let step, _, _), .approvalDecided(let step, _, _), .stepReady(let step, _, _),
      .stepFannedOut(let step, _), .stepCompleted(let step, _), .stepRefused(let step, _, _),
      .stepDegraded(let step, _), .stepExhausted(let step), .stepSkipped(let step):
      step
    default: nil
    }
  }

  /// What it says was consumed: by a call, or by a sub-run that has ended.
  public var usage: Usage? {
    switch self {
    case .callRecorded(_, _, let call): call.usage
    case .stepSucceeded(_, _, _, _, let usage), .stepFailed(_, _, _, let usage), .stepTimedOut(_, _, _, _, let usage):
      usage
    default: nil
    }
  }

  /// Whether the decider drew it from the fact before.
  public var isConsequence: Bool {
    switch self {
    case .stepReady, .stepFannedOut, .stepCompleted, .stepRefused, .stepDegraded, .stepExhausted, .stepSkipped,
      .compensationStarted, .runSucceeded, .runFailed, .runCancelled:
      true
    default: false
    }
  }
}

/// Which limit of a step has passed.
public enum StepTimeout: String, Hashable, Sendable {
  /// No worker took it in time.
  case scheduleToStart = "schedule_to_start"
  /// It was not done in time.
  case startToClose = "start_to_close"
}

/// What a person decided.
public struct ApprovalDecision: Hashable, Sendable {
  /// Whether the step may go on.
  public let isApproved: Bool
  /// Who decided.
  public let by: String
  /// Why.
  public let comment: String
  /// The output of the step: the decision as a document.
  public let output: PayloadRef
  /// Values of the output.
  public let facts: [Fact]

  /// Makes a decision.
  public init(isApproved: Bool, by: String, comment: String, output: PayloadRef, facts: [Fact]) {
    self.isApproved = isApproved
    self.by = by
    self.comment = comment
    self.output = output
    self.facts = facts
  }
}

/// What a fork does differently.
public struct StepChange: Hashable, Sendable {
  /// The step of the workflow.
  public let step: String
  /// Another agent.
  public let agent: String?
  /// Another model.
  public let model: String?
  /// Another template of the input, as JSON text.
  public let input: String?
  /// The failure that the run ended with: it is not repeated from the journal.
  public let failure: Failure?

  /// Makes a change.
  public init(step: String, agent: String?, model: String?, input: String?, failure: Failure? = nil) {
    self.step = step
    self.agent = agent
    self.model = model
    self.input = input
    self.failure = failure
  }
}
