internal import Contracts

/// Decides what follows from an input and brings `state` forward to it: returns the events to be appended, in order,
/// of which `state` is the fold afterwards.
///
/// Pure: the same state and input always give the same events. Throws `RunRefusal` when the input does not apply;
/// `state` is unchanged then.
public func decide(_ state: inout RunState, _ input: RunInput) throws(RunRefusal) -> [RunEvent] {
  var decision = Decision(state: state)
  // The copy in `decision` is to be the only one, so that it can change in place.
  state.steps = []
  state.definitions = []
  state.places = [:]
  state.facts = [:]
  defer { state = decision.state }
  try decision.take(input)
  return decision.events
}

/// The making of one decision: the state as it moves, and what was decided so far.
struct Decision {
  var state: RunState
  var events: [RunEvent] = []
  /// Steps that have ended and whose consequences are still to be drawn. A list and not a recursion: a chain of steps
  /// may be as long as a run.
  private var ended: [Int] = []

  init(state: RunState) { self.state = state }

  mutating func emit(_ event: RunEvent) {
    evolve(&state, event)
    events.append(event)
  }

  // MARK: Inputs

  mutating func take(_ input: RunInput) throws(RunRefusal) {
    if case .create(let payload, let seed, let facts) = input { return try create(payload, seed, facts) }
    guard state.sequence > 0 else { throw .unknownStep }
    guard !state.status.isEnded else { throw .runEnded }
    switch input {
    case .create: throw .alreadyCreated
    case .pause, .resume, .cancel, .expire, .fork, .signal: try takeForRun(input)
    default: try takeForStep(input)
    }
    settle()
  }

  private mutating func create(_ payload: PayloadRef, _ seed: UInt64, _ facts: [Fact]) throws(RunRefusal) {
    guard state.sequence == 0 else { throw .alreadyCreated }
    emit(
      .runCreated(
        workflow: state.workflow.name, version: state.workflow.version, input: payload, seed: seed, facts: facts))
    for place in state.workflow.steps.indices where state.workflow.steps[place].dependsOn.isEmpty {
      if !state.workflow.steps[place].isCompensation { begin(place) }
    }
    settle()
  }

  private mutating func takeForRun(_ input: RunInput) throws(RunRefusal) {
    switch input {
    case .pause(let who):
      guard !state.isPaused else { throw .alreadyPaused }
      emit(.runPaused(by: who))
    case .resume(let who):
      guard state.isPaused else { throw .notPaused }
      emit(.runResumed(by: who))
    case .cancel(let who, let reason, let undoes, let forces):
      guard forces || state.status != .compensating else { throw .alreadyCompensating }
      let turnsBack = undoes && state.status != .compensating && !state.undoingSteps().isEmpty
      emit(.cancelRequested(by: who, reason: reason, undoes: turnsBack))
      if turnsBack {
        turnBack(Failure(code: "cancelled", message: "\(who) cancelled the run. \(reason)", isRetryable: false))
      } else {
        emit(.runCancelled)
      }
    case .expire(let undoes, let ofUndoing):
      guard ofUndoing.map({ $0 == (state.status == .compensating) }) ?? true else { throw .staleAttempt }
      expire(undoes)
    case .signal(let name, let id, let payload, let who, let facts):
      try signal(name, id, payload, who, facts)
    case .fork(let source, let at, let who, let changes):
      let open = state.steps.indices.filter { state.steps[$0].status.isOpen }
      emit(.runForked(from: source, at: at, by: who, changes: changes))
      for place in open { ready(place, delay: 0) }
    default: break
    }
  }

  /// The time is over: that of the run, or that of undoing it.
  private mutating func expire(_ undoes: Bool) {
    let turnsBack = undoes && state.status != .compensating && !state.undoingSteps().isEmpty
    let undoing = state.undoing
    emit(.runExpired(undoes: turnsBack))
    if turnsBack { return turnBack(.runTimedOut) }
    switch undoing?.cause {
    case .cancellation: emit(.runCancelled)
    case .expiry: emit(.runFailed(step: nil, .undoingTimedOut))
    case .failure, nil: emit(.runFailed(step: nil, .runTimedOut))
    }
  }

  /// Undoes what was done although no step has failed.
  private mutating func turnBack(_ failure: Failure) {
    emit(.compensationStarted(step: "", failure))
    undoNext()
  }

  private mutating func signal(
    _ name: String, _ id: String, _ payload: PayloadRef, _ who: String, _ facts: [Fact]
  ) throws(RunRefusal) {
    if let known = state.receivedSignal(id) {
      throw known == (name, payload) ? .repeatedSignal : .signalDiffers
    }
    guard state.definitions.contains(where: { $0.kind == .signal(name: name) }) else { throw .unknownSignal }
    guard state.signals.count < RunState.waitingSignalsMax else { throw .tooManySignals }
    emit(.signalReceived(name: name, id: id, payload: payload, by: who, facts: facts))
    let waiting = state.steps.firstIndex { step in
      step.status == .waiting && state.definitions[step.definition].kind == .signal(name: name)
    }
    if let waiting { complete(waiting, state.signals.last { $0.name == name }?.payload) }
  }

  private mutating func takeForStep(_ input: RunInput) throws(RunRefusal) {
    switch input {
    case .lease(let key, let worker):
      guard let place = state.places[key] else { throw .unknownStep }
      guard state.steps[place].status == .ready else { throw .notReady }
      emit(.stepStarted(step: key, attempt: state.steps[place].attempt, worker: worker))
    case .record(let key, let attempt, let calls):
      let place = try held(key, attempt)
      for (offset, call) in calls.enumerated() where call.index != state.steps[place].recordedCalls + offset {
        throw .journalGap
      }
      for call in calls { emit(.callRecorded(step: key, attempt: attempt, call)) }
    case .succeed(let key, let attempt, let output, let facts, let usage):
      let place = try held(key, attempt)
      emit(.stepSucceeded(step: key, attempt: attempt, output: output, facts: facts, usage: usage))
      ended.append(place)
    case .plan(let key, let attempt, let output, let facts, let steps):
      try plan(key, attempt, output, facts, steps)
    case .fail(let key, let attempt, let failure, let usage):
      let place = try held(key, attempt)
      emit(.stepFailed(step: key, attempt: attempt, failure, usage: usage))
      afterFailure(place, failure)
    case .lose(let key, let attempt, let wasUndelivered, let limits):
      let place = try held(key, attempt)
      guard state.steps[place].status.isLeased else { throw .staleAttempt }
      lose(place, wasUndelivered: wasUndelivered, limits)
    case .timeOut(let key, let attempt, let limit, let repeats, let usage):
      try timeOut(key, attempt, limit, repeats, usage)
    case .suspend(let key, let attempt, let asks):
      let place = try held(key, attempt)
      guard state.steps[place].status.isLeased else { throw .staleAttempt }
      suspend(place, asks)
    case .answer(let key, let attempt, let ask, let subject, let answer):
      try settleQuestion(
        key, attempt, ask, .askAnswered(step: key, attempt: attempt, ask: ask, answer), subjectSHA256: subject)
    case .expireAsk(let key, let attempt, let ask, let at):
      try settleQuestion(key, attempt, ask, .askExpired(step: key, attempt: attempt, ask: ask, at: at))
    case .release(let key, let attempt):
      let place = try held(key, attempt)
      guard state.steps[place].status.isLeased else { throw .staleAttempt }
      release(place)
    case .elapse(let key, let attempt):
      let place = try waiting(key, attempt)
      guard case .delay = state.definitions[state.steps[place].definition].kind else { throw .staleAttempt }
      emit(.delayElapsed(step: key, attempt: attempt))
      complete(place, nil)
    case .startChild(let key, let attempt, let run):
      let place = try waiting(key, attempt)
      guard state.steps[place].child == nil else { throw .staleAttempt }
      emit(.childStarted(step: key, attempt: attempt, run: run))
    case .requestApproval(let key, let attempt, let subject):
      let place = try waiting(key, attempt)
      guard state.steps[place].subject == nil else { throw .staleAttempt }
      emit(.approvalRequested(step: key, attempt: attempt, subject: subject))
    case .decideApproval(let key, let subject, let decision): try decideApproval(key, subject, decision)
    default: break
    }
  }

  private mutating func plan(
    _ key: String, _ attempt: Int, _ output: PayloadRef, _ facts: [Fact], _ steps: [WorkflowStep]
  ) throws(RunRefusal) {
    let place = try held(key, attempt)
    guard let stepsMax = state.definitions[state.steps[place].definition].expansionStepsMax else { throw .notAPlanner }
    guard steps.count <= stepsMax, state.steps.count + steps.count <= Workflow.stepsMax else {
      let failure = Failure(
        code: "plan_too_large", message: "The plan has \(steps.count) steps; at most \(stepsMax) are allowed.",
        isRetryable: true, next: .continues)
      emit(.stepFailed(step: key, attempt: attempt, failure))
      return afterFailure(place, failure)
    }
    emit(.planExpanded(step: key, attempt: attempt, output: output, facts: facts, steps: steps))
    for child in state.steps[place].children
    where state.definitions[state.steps[child].definition].dependsOn.isEmpty {
      begin(child)
    }
    if state.steps[place].openChildren == 0 { complete(place, nil) }
  }

  private mutating func timeOut(
    _ key: String, _ attempt: Int, _ limit: StepTimeout, _ repeats: Bool, _ usage: Usage?
  ) throws(RunRefusal) {
    guard let place = state.places[key] else { throw .unknownStep }
    let step = state.steps[place]
    guard step.attempt == attempt else { throw .staleAttempt }
    switch (limit, step.status) {
    case (.scheduleToStart, .ready), (.startToClose, .leased): break
    // The limit is one of work: a step that waits for people has as much of it left as before.
    case (.startToClose, .waiting) where !state.definitions[step.definition].isWork: break
    default: throw .staleAttempt
    }
    let isRepeated = repeats && step.status == .waiting && state.isSubRun(step)
    emit(.stepTimedOut(step: key, attempt: attempt, limit, isRepeated: isRepeated, usage: usage))
    afterFailure(place, .timedOut(limit, isRepeated: isRepeated || step.status.isLeased))
  }

  private mutating func decideApproval(
    _ key: String, _ subject: String, _ decision: ApprovalDecision
  ) throws(RunRefusal) {
    guard let place = state.places[key] else { throw .unknownStep }
    let step = state.steps[place]
    guard step.status == .waiting, let asked = step.subject else { throw .staleAttempt }
    guard asked.sha256 == subject else { throw .subjectDiffers }
    emit(.approvalDecided(step: key, attempt: step.attempt, decision))
    if decision.isApproved { return complete(place, decision.output) }
    refuse(
      place,
      Failure(
        code: "approval_rejected", message: "\(decision.by) rejected the step: \(decision.comment)", isRetryable: false)
    )
  }

  private func held(_ key: String, _ attempt: Int) throws(RunRefusal) -> Int {
    guard let place = state.places[key] else { throw .unknownStep }
    let step = state.steps[place]
    guard step.attempt == attempt else { throw .staleAttempt }
    switch (step.status, state.definitions[step.definition].kind) {
    case (.leased, _), (.waiting, .transform), (.waiting, .run), (.waiting, .approval): return place
    default: throw .staleAttempt
    }
  }

  private func waiting(_ key: String, _ attempt: Int) throws(RunRefusal) -> Int {
    guard let place = state.places[key] else { throw .unknownStep }
    guard state.steps[place].status == .waiting, state.steps[place].attempt == attempt,
      !state.definitions[state.steps[place].definition].isWork
    else { throw .staleAttempt }
    return place
  }

  // MARK: Consequences

  mutating func complete(_ place: Int, _ output: PayloadRef?) {
    emit(.stepCompleted(step: state.steps[place].key, output: output))
    ended.append(place)
  }

  mutating func skip(_ place: Int) {
    emit(.stepSkipped(step: state.steps[place].key))
    ended.append(place)
  }

  mutating func exhaust(_ place: Int) {
    emit(.stepExhausted(step: state.steps[place].key))
    ended.append(place)
  }

  /// Draws the consequences of what has ended until nothing more follows.
  mutating func settle() {
    var next = 0
    while next < ended.count, !state.status.isEnded {
      let place = ended[next]
      next += 1
      if state.status == .compensating {
        if state.definitions[state.steps[place].definition].isCompensation { undoNext() }
        continue
      }
      if let parent = state.steps[place].parent { advance(parent) }
      for dependent in state.steps[place].dependents where state.steps[dependent].status == .blocked {
        join(dependent)
      }
    }
    ended = []
    guard state.openSteps == 0, state.status == .pending || state.status == .running else { return }
    emit(.runSucceeded(output: state.step(state.workflow.resultStep)?.output))
  }
}

extension Failure {
  /// The time of the run is over.
  public static let runTimedOut = Failure(
    code: "run_timeout", message: "The run did not end within the time limit of its workflow.", isRetryable: false)

  /// The time of the run is over, and so is that of undoing it.
  static let undoingTimedOut = Failure(
    code: "run_timeout",
    message: "The run did not end within the time limit of its workflow, and undoing it took too long.",
    isRetryable: false)

  /// What a time limit that has passed means for its step: work and sub-runs are repeated, a wait in vain is not.
  static func timedOut(_ limit: StepTimeout, isRepeated: Bool) -> Failure {
    let message =
      switch limit {
      case .scheduleToStart: "No worker took the step within its time limit."
      case .startToClose: "The step was not done within its time limit."
      }
    return Failure(code: "\(limit.rawValue)_timeout", message: message, isRetryable: isRepeated)
  }
}
