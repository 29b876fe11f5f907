public import Contracts

/// What can happen to a run, seen from outside. Time, ids and results enter here and are recorded.
public enum RunInput: Hashable, Sendable {
  /// A task was accepted.
  case create(input: PayloadRef, seed: UInt64, facts: [Fact])
  /// A worker took the ready step.
  case lease(step: String, worker: String)
  /// The holder of the lease recorded calls.
  case record(step: String, attempt: Int, [CallRecord])
  /// The holder of the lease, or the orchestrator itself for its own steps, delivered a result. `usage` is that of a
  /// sub-run.
  case succeed(step: String, attempt: Int, output: PayloadRef, facts: [Fact], usage: Usage? = nil)
  /// The holder of the lease delivered a plan.
  case plan(step: String, attempt: Int, output: PayloadRef, facts: [Fact], steps: [WorkflowStep])
  /// The holder of the lease, or the orchestrator itself for its own steps, gave up. `usage` is that of a sub-run.
  case fail(step: String, attempt: Int, Failure, usage: Usage? = nil)
  /// The lease ended without a word from its holder, or, when it `wasUndelivered`, before anybody could hold it.
  /// `limits` is how many of these are no attempts; with `nil` each is one.
  case lose(step: String, attempt: Int, wasUndelivered: Bool = false, limits: LossLimits? = .standard)
  /// A limit of the step has passed. With `repeats`, a sub-run that took too long is tried again; `usage` is what it
  /// had consumed by then.
  case timeOut(step: String, attempt: Int, StepTimeout, repeats: Bool = true, usage: Usage? = nil)
  /// The holder of the lease gives it back until people have answered.
  case suspend(step: String, attempt: Int, [Ask])
  /// A person answers what the step asked in `attempt`, having read the subject of that digest; `nil` binds to none.
  case answer(step: String, attempt: Int, ask: String, subjectSHA256: String?, AskAnswer)
  /// Nobody has answered that in time.
  case expireAsk(step: String, attempt: Int, ask: String, at: Int64)
  /// The holder of the lease gives it back, for another worker to go on.
  case release(step: String, attempt: Int)
  /// The wait of a delay is over.
  case elapse(step: String, attempt: Int)
  /// The sub-run of the step exists.
  case startChild(step: String, attempt: Int, run: String)
  /// Somebody sent a signal.
  case signal(name: String, id: String, payload: PayloadRef, by: String, facts: [Fact])
  /// The subject of an approval is known: a person can be asked.
  case requestApproval(step: String, attempt: Int, subject: PayloadRef)
  /// A person has decided on the subject of that digest.
  case decideApproval(step: String, subjectSHA256: String, ApprovalDecision)
  /// Nothing new shall begin.
  case pause(by: String)
  /// The run shall go on.
  case resume(by: String)
  /// Somebody wants the run to end. With `undoes`, what was done is undone before. Where that is under way already, it
  /// ends at once if the cancellation `forces` that, and is refused otherwise.
  case cancel(by: String, reason: String, undoes: Bool = true, forces: Bool = true)
  /// The time of the whole run is over, or with `ofUndoing` that of undoing what it did; `nil` is whichever is running.
  /// `undoes` is as for `cancel`.
  case expire(undoes: Bool = true, ofUndoing: Bool? = nil)
  /// The state is the beginning of another run's history, which goes on here as a run of its own.
  case fork(from: String, at: Int, by: String, changes: [StepChange])
}

/// An input that does not fit the state of its run: stale, repeated or out of order. It changes nothing.
public enum RunRefusal: String, Error, Hashable, Sendable {
  /// The run exists already.
  case alreadyCreated = "already_created"
  /// The run has ended.
  case runEnded = "run_ended"
  /// The run has no such step.
  case unknownStep = "unknown_step"
  /// The step is not ready, so that it cannot be leased.
  case notReady = "not_ready"
  /// Another attempt holds the step by now.
  case staleAttempt = "stale_attempt"
  /// A call index is not the next one.
  case journalGap = "journal_gap"
  /// No step of the workflow waits for a signal of this name.
  case unknownSignal = "unknown_signal"
  /// A signal with this id was received before.
  case repeatedSignal = "repeated_signal"
  /// A signal with this id was received before, and said something else.
  case signalDiffers = "signal_differs"
  /// Too many signals wait for being used.
  case tooManySignals = "too_many_signals"
  /// What was approved is not what is asked for now.
  case subjectDiffers = "subject_differs"
  /// The step has not asked this.
  case unknownQuestion = "unknown_question"
  /// It was answered, or its time is over.
  case alreadyAnswered = "already_answered"
  /// The run is paused already.
  case alreadyPaused = "already_paused"
  /// What the run did is being undone already.
  case alreadyCompensating = "already_compensating"
  /// The run is not paused.
  case notPaused = "not_paused"
  /// Only a planner may add steps.
  case notAPlanner = "not_a_planner"
}
