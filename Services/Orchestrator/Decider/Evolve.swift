internal import Contracts

/// Folds one event into the state. Total: every event that `decide` makes has a meaning in the state it was made for.
public func evolve(_ state: inout RunState, _ event: RunEvent) {
  state.sequence += 1
  switch event {
  case .runCreated: break
  case .stepReady(let key, let attempt, _):
    state.steps[key]?.status = .ready
    state.steps[key]?.attempt = attempt
  case .stepStarted(let key, _, let worker):
    state.steps[key]?.status = .leased(worker: worker)
    state.status = .running
  case .callRecorded(let key, _, let call):
    state.steps[key]?.recordedCalls += 1
    state.usage = state.usage + call.usage
  case .stepSucceeded(let key, _, let output): state.steps[key]?.status = .succeeded(output: output)
  case .stepFailed(let key, _, _), .stepLost(let key, _, _): state.steps[key]?.status = .failed
  case .runSucceeded: end(&state, .succeeded)
  case .runFailed: end(&state, .failed)
  case .cancelRequested: break
  case .runCancelled: end(&state, .cancelled)
  }
}

/// The state after a whole history.
public func fold(_ workflow: Workflow, _ events: some Sequence<RunEvent>) -> RunState {
  var state = RunState(workflow: workflow)
  for event in events { evolve(&state, event) }
  return state
}

private func end(_ state: inout RunState, _ status: RunState.Status) {
  state.status = status
  for key in state.steps.keys {
    switch state.steps[key]?.status {
    case .blocked, .ready, .leased: state.steps[key]?.status = .abandoned
    default: break
    }
  }
}
