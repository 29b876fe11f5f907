/// What can happen to a run, seen from outside. Time, ids and results enter here and are recorded.
public enum RunInput: Hashable, Sendable {
  /// A task was accepted.
  case create(input: PayloadRef)
  /// A worker took the ready step.
  case lease(step: String, worker: String)
  /// The holder of the lease recorded calls.
  case record(step: String, attempt: Int, [CallRecord])
  /// The holder of the lease delivered a result.
  case succeed(step: String, attempt: Int, output: PayloadRef)
  /// The holder of the lease gave up.
  case fail(step: String, attempt: Int, Failure)
  /// The lease ended without a word from its holder.
  case lose(step: String, attempt: Int)
  /// Somebody wants the run to end.
  case cancel(by: String, reason: String)
}

/// An input that does not fit the state of its run: stale, repeated or out of order. It changes nothing.
public enum RunRefusal: String, Error, Hashable, Sendable {
  /// The run exists already.
  case alreadyCreated
  /// The run has ended.
  case runEnded
  /// The workflow has no such step.
  case unknownStep
  /// The step is not ready, so that it cannot be leased.
  case notReady
  /// Another attempt holds the step by now.
  case staleAttempt
  /// A call index is not the next one.
  case journalGap
}

/// Decides what follows from an input: the events to be appended, in order. Pure: the same state and input always give
/// the same events. Throws `RunRefusal` when the input does not apply; nothing happens then.
public func decide(_ state: RunState, _ input: RunInput) throws(RunRefusal) -> [RunEvent] {
  if case .create(let payload) = input { return try create(state, payload) }
  guard state.sequence > 0 else { throw .unknownStep }
  guard !state.status.isEnded else { throw .runEnded }
  switch input {
  case .create: throw .alreadyCreated
  case .lease(let key, let worker):
    guard let step = state.steps[key] else { throw .unknownStep }
    guard step.status == .ready else { throw .notReady }
    return [.stepStarted(step: key, attempt: step.attempt, worker: worker)]
  case .record(let key, let attempt, let calls):
    let step = try leased(state, key, attempt)
    for (offset, call) in calls.enumerated() where call.index != step.recordedCalls + offset { throw .journalGap }
    return calls.map { .callRecorded(step: key, attempt: attempt, $0) }
  case .succeed(let key, let attempt, let output):
    _ = try leased(state, key, attempt)
    return afterSuccess(state, key, attempt, output)
  case .fail(let key, let attempt, let failure):
    _ = try leased(state, key, attempt)
    return [.stepFailed(step: key, attempt: attempt, failure)] + afterFailure(state, key, attempt, failure)
  case .lose(let key, let attempt):
    let step = try leased(state, key, attempt)
    guard case .leased(let worker) = step.status else { throw .staleAttempt }
    let failure = Failure(
      code: "worker_lost", message: "The worker stopped answering while it ran the step.", isRetryable: true)
    return [.stepLost(step: key, attempt: attempt, worker: worker)] + afterFailure(state, key, attempt, failure)
  case .cancel(let who, let reason):
    return [.cancelRequested(by: who, reason: reason), .runCancelled]
  }
}

private func create(_ state: RunState, _ payload: PayloadRef) throws(RunRefusal) -> [RunEvent] {
  guard state.sequence == 0 else { throw .alreadyCreated }
  let roots = state.workflow.steps.filter { $0.dependsOn.isEmpty }
  return [.runCreated(workflow: state.workflow.name, version: state.workflow.version, input: payload)]
    + roots.map { .stepReady(step: $0.key, attempt: 1, delayMilliseconds: 0) }
}

private func leased(_ state: RunState, _ key: String, _ attempt: Int) throws(RunRefusal) -> RunState.Step {
  guard let step = state.steps[key] else { throw .unknownStep }
  guard case .leased = step.status, step.attempt == attempt else { throw .staleAttempt }
  return step
}

private func afterSuccess(_ state: RunState, _ key: String, _ attempt: Int, _ output: PayloadRef) -> [RunEvent] {
  var events: [RunEvent] = [.stepSucceeded(step: key, attempt: attempt, output: output)]
  func isDone(_ other: String) -> Bool {
    if other == key { return true }
    if case .succeeded = state.steps[other]?.status { return true }
    return false
  }
  for step in state.workflow.steps
  where state.steps[step.key]?.status == .blocked && step.dependsOn.allSatisfy(isDone) {
    events.append(.stepReady(step: step.key, attempt: 1, delayMilliseconds: 0))
  }
  if state.workflow.steps.allSatisfy({ isDone($0.key) }) {
    // The result of a run is the output of the workflow's last step.
    let last = state.workflow.steps.last?.key
    if let last, last != key, case .succeeded(let lastOutput) = state.steps[last]?.status {
      events.append(.runSucceeded(output: lastOutput))
    } else {
      events.append(.runSucceeded(output: output))
    }
  }
  return events
}

private func afterFailure(_ state: RunState, _ key: String, _ attempt: Int, _ failure: Failure) -> [RunEvent] {
  let policy = state.workflow.step(key)?.retry ?? .standard
  if failure.isRetryable, attempt < policy.attemptsMax {
    return [
      .stepReady(
        step: key, attempt: attempt + 1, delayMilliseconds: policy.delayMilliseconds(afterAttempt: attempt))
    ]
  }
  return [.runFailed(step: key, failure)]
}
