internal import Contracts

/// Folds one event into the state. Total: every event that `decide` makes has a meaning in the state it was made for,
/// and an event about a step that does not exist changes nothing but the sequence number.
public func evolve(_ state: inout RunState, _ event: RunEvent) {
  state.sequence += 1
  if let used = event.usage { state.usage = state.usage + used }
  switch event {
  case .runCreated(_, _, let input, let seed, let facts):
    state.input = input
    state.seed = seed
    state.learn(facts)
  case .runPaused:
    state.isPaused = true
    state.clearedAt = state.sequence
  case .runResumed: state.isPaused = false
  case .cancelRequested(_, _, let undoes): if undoes { state.endingCause = .cancellation }
  case .runExpired(let undoes): if undoes { state.endingCause = .expiry }
  case .runForked(_, _, _, let changes): state.fork(changes)
  case .signalReceived(let name, let id, let payload, _, let facts):
    state.learn(facts)
    state.signals.append(RunState.WaitingSignal(name: name, payload: payload))
    state.receivedSignals.append(RunState.ReceivedSignal(id: id, name: name, payload: payload))
    if state.receivedSignals.count > RunState.signalIDsMax { state.receivedSignals.removeFirst() }
  case .compensationStarted(let step, let failure): state.turnBack(step, failure)
  case .runSucceeded: state.end(.succeeded)
  case .runFailed: state.end(.failed)
  case .runCancelled: state.end(.cancelled)
  default:
    guard let key = event.step, let place = state.places[key] else { return }
    state.evolve(place, event)
  }
}

/// The state after a whole history.
public func fold(_ workflow: Workflow, _ events: some Sequence<RunEvent>) -> RunState {
  var state = RunState(workflow: workflow)
  for event in events { evolve(&state, event) }
  return state
}

extension RunState {
  fileprivate mutating func evolve(_ place: Int, _ event: RunEvent) {
    switch event {
    case .stepReady(_, let attempt, _):
      set(place, definitions[steps[place].definition].isWork ? .ready : .waiting)
      if let parent = steps[place].parent, let item = steps[place].item {
        steps[parent].nextChild = max(steps[parent].nextChild, item + 1)
      }
      steps[place].attempt = attempt
      steps[place].subject = nil
      steps[place].child = nil
      // Only the first attempt behind a fork goes on inside the sub-run of before.
      if !resumed.isEmpty, attempt > steps[place].attemptBase + 1 { resumed[place] = nil }
    case .stepStarted(_, _, let worker):
      set(place, .leased(worker: worker))
      if status == .pending { status = .running }
    case .callRecorded(_, _, let call):
      steps[place].recordedCalls += 1
      steps[place].journalBytes += max(0, call.result.bytes)
      if !released.isEmpty { released[place] = nil }
      gotOn(place)
      if call.kind == .note, call.name == CallRecord.beliefName { beliefs[place] = call.result }
      if call.kind == .intent { acted.insert(place) }
    case .stepSucceeded(_, _, let output, let facts, _):
      learn(facts)
      steps[place].output = output
      succeed(place)
    case .stepCompleted(_, let output):
      if case .signal(let name) = definitions[steps[place].definition].kind,
        let used = signals.firstIndex(where: { $0.name == name })
      {
        signals.remove(at: used)
      }
      if let output { steps[place].output = output }
      succeed(place)
    case .planExpanded(_, _, let output, let facts, let added):
      learn(facts)
      steps[place].output = output
      expand(place, added)
    case .stepFannedOut(_, let count): fanOut(place, count)
    case .stepFailed(_, _, let failure, _):
      set(place, .failed)
      gotOn(place)
      steps[place].failure = failure
      prepareNext(place, failure)
    case .stepRefused(_, _, let failure):
      set(place, .failed)
      steps[place].failure = failure
    case .stepLost(_, _, _, let wasUndelivered, let limits):
      set(place, .failed)
      if wasUndelivered {
        steps[place].attemptBase += 1
        undelivered[place, default: 0] += 1
      } else if let limits {
        countLoss(place, limits)
      } else {
        steps[place].failure = .workerLost
      }
    case .stepTimedOut(_, _, let limit, let isRepeated, _):
      steps[place].failure = .timedOut(limit, isRepeated: isRepeated || steps[place].status.isLeased)
      dropExpired(place)
      set(place, .failed)
    case .stepSuspended(_, let attempt, let asks):
      set(place, .waiting)
      steps[place].attemptBase += 1
      questions[place, default: []] += asks.map { StepQuestion(ask: $0, attempt: attempt) }
      gotOn(place)
    case .askAnswered(_, let attempt, let ask, let answer):
      settle(place, attempt, ask, .answered(answer))
      steps[place].journalBytes += max(0, answer.answer.bytes)
    case .askExpired(_, let attempt, let ask, let at): settle(place, attempt, ask, .expired(at: at))
    case .stepReleased:
      set(place, .blocked)
      steps[place].attemptBase += 1
      released[place, default: 0] += 1
    case .stepExhausted: close(place, .failed)
    case .stepSkipped: close(place, .skipped)
    case .stepDegraded(_, let fallback):
      steps[place].fallback = max(0, fallback)
      steps[place].attemptBase = steps[place].attempt
      if !losses.isEmpty { losses[place] = nil }
      // Another agent or model does not go on with answers that were not its own.
      if steps[place].failure?.next == .continues { dropJournal(place) }
    case .childStarted(_, _, let run): steps[place].child = run
    case .approvalRequested(_, _, let subject): steps[place].subject = subject
    case .approvalDecided(_, _, let decision): learn(decision.facts)
    default: break
    }
  }

  fileprivate mutating func learn(_ news: [Fact]) {
    for fact in news { facts[fact.reference] = fact.value }
  }

  private mutating func set(_ place: Int, _ status: StepStatus) {
    steps[place].status = status
  }

  private mutating func settle(_ place: Int, _ attempt: Int, _ ask: String, _ status: StepQuestion.Status) {
    let position = questions[place]?.firstIndex { $0.ask.key == ask && $0.attempt == attempt }
    if let position { questions[place]?[position].status = status }
  }

  /// A failed attempt is not given the answers again that made it fail, unless the next one can answer the failure.
  private mutating func prepareNext(_ place: Int, _ failure: Failure) {
    dropExpired(place)
    switch failure.next {
    case .continues:
      feedback[place] = Feedback(failure: failure, callsBefore: steps[place].recordedCalls)
    // Without its journal the attempt would do again what must not be done twice.
    case .anew where acted.contains(place):
      feedback[place] = Feedback(failure: failure, callsBefore: steps[place].recordedCalls)
    case .anew:
      dropJournal(place)
      feedback[place] = Feedback(failure: failure, callsBefore: 0)
    case nil: break
    }
  }

  /// Time has answered for the attempt that failed: the next one asks people anew.
  private mutating func dropExpired(_ place: Int) {
    if !questions.isEmpty { dropQuestions(place) { if case .expired = $0 { true } else { false } } }
  }

  private mutating func dropQuestions(_ place: Int, _ isDropped: (StepQuestion.Status) -> Bool) {
    guard var known = questions[place] else { return }
    known.removeAll { isDropped($0.status) }
    questions[place] = known.isEmpty ? nil : known
  }

  private mutating func dropJournal(_ place: Int) {
    steps[place].recordedCalls = 0
    steps[place].journalAfter = sequence
    steps[place].journalBytes = 0
    if !acted.isEmpty { acted.remove(place) }
    // The questions belong to calls that are not there any more; their keys may come again for others.
    if !questions.isEmpty { questions[place] = nil }
    if !beliefs.isEmpty { beliefs[place] = nil }
    if !feedback.isEmpty { feedback[place] = nil }
  }

  private mutating func succeed(_ place: Int) {
    steps[place].failure = nil
    if !feedback.isEmpty { feedback[place] = nil }
    close(place, .succeeded)
  }

  /// The step has ended; those that depend on it and the one it is part of take note.
  private mutating func close(_ place: Int, _ status: StepStatus) {
    set(place, status)
    if let parent = steps[place].parent {
      steps[parent].openChildren -= 1
    } else if !definitions[steps[place].definition].isCompensation {
      openSteps -= 1
    }
    for dependent in steps[place].dependents {
      steps[dependent].endedDependencies += 1
      if status == .succeeded { steps[dependent].succeededDependencies += 1 }
      if status == .skipped { steps[dependent].skippedDependencies += 1 }
    }
  }

  private mutating func fanOut(_ place: Int, _ count: Int) {
    set(place, .expanded)
    let key = steps[place].key
    let definition = steps[place].definition
    for item in 0..<max(0, min(count, Workflow.stepsMax)) {
      add(Step(key: "\(key)[\(item)]", definition: definition, parent: place, item: item))
    }
  }

  private mutating func expand(_ place: Int, _ added: [WorkflowStep]) {
    set(place, .expanded)
    let key = steps[place].key
    let first = steps.count
    for definition in added {
      definitions.append(definition)
      add(Step(key: "\(key)/\(definition.key)", definition: definitions.count - 1, parent: place, item: nil))
    }
    for (offset, definition) in added.enumerated() {
      for dependency in definition.dependsOn {
        if let other = places["\(key)/\(dependency)"] { steps[other].dependents.append(first + offset) }
      }
    }
  }

  private mutating func add(_ step: Step) {
    guard let parent = step.parent else { return }
    places[step.key] = steps.count
    steps[parent].children.append(steps.count)
    steps[parent].openChildren += 1
    steps.append(step)
  }

  fileprivate mutating func end(_ end: Status) {
    status = end
    clearedAt = sequence
    for place in steps.indices where !steps[place].status.isEnded { steps[place].status = .abandoned }
  }

  /// Everything that has not ended is given up, except what undoes it.
  fileprivate mutating func turnBack(_ step: String, _ failure: Failure) {
    let begun = step.isEmpty ? undoingSteps() : []
    status = .compensating
    isPaused = false
    clearedAt = sequence
    var left = begun
    if let place = places[step], case .compensate(let keys) = definitions[steps[place].definition].onFailure {
      left = keys
    }
    undoing = Undoing(
      step: step, failure: failure, cause: step.isEmpty ? endingCause ?? .failure : .failure, left: left)
    for place in steps.indices
    where !steps[place].status.isEnded && !definitions[steps[place].definition].isCompensation {
      steps[place].status = .abandoned
    }
  }

  /// Steps that were under way begin again; changed ones without what they had recorded.
  fileprivate mutating func fork(_ changes: [StepChange]) {
    isPaused = false
    clearedAt = sequence
    // What the events before have cost, the run that they come from has paid.
    usage = .zero
    for place in steps.indices { steps[place].inheritedAttempts = steps[place].attempt }
    for change in changes {
      let named = Set(
        steps.filter { $0.key == change.step || definitions[$0.definition].key == change.step }
          .map(\.definition))
      for place in named {
        if let agent = change.agent { definitions[place].agent = agent }
        if let model = change.model { definitions[place].model = model }
        if let input = change.input { definitions[place].input = input }
        if change.agent != nil || change.model != nil { definitions[place].fallbacks = [] }
      }
    }
    losses = [:]
    // What nobody has answered is asked again by the new run; answers are kept with the journal.
    for place in Array(questions.keys) { dropQuestions(place) { if case .answered = $0 { false } else { true } } }
    let changed = Set(changes.map(\.step))
    for place in steps.indices where steps[place].status.isOpen {
      steps[place].status = .blocked
      steps[place].attemptBase = steps[place].attempt
      if isSubRun(steps[place]) { resumed[place] = steps[place].child ?? resumed[place] }
      if changed.contains(steps[place].key) || changed.contains(definitions[steps[place].definition].key) {
        if let failure = changes.first(where: { $0.step == steps[place].key })?.failure {
          steps[place].failure = failure
          prepareNext(place, failure)
          continue
        }
        dropJournal(place)
        resumed[place] = nil
        steps[place].fallback = 0
      }
    }
  }
}
