extension Decision {
  /// Looks whether a blocked step can begin now that one it depends on has ended.
  mutating func join(_ place: Int) {
    let step = state.steps[place]
    let definition = state.definitions[step.definition]
    let count = definition.dependsOn.count
    switch definition.join {
    case .all:
      guard step.endedDependencies == count else { return }
      if step.skippedDependencies == count { skip(place) } else { begin(place) }
    case .atLeast(let needed):
      if step.succeededDependencies >= needed {
        begin(place)
      } else if step.succeededDependencies + count - step.endedDependencies < needed {
        skip(place)
      }
    }
  }

  /// Begins a step whose dependencies are met: skips it, spreads it, or makes it ready.
  mutating func begin(_ place: Int) {
    // One that began just before may have ended the run, or turned it back.
    guard state.steps[place].status == .blocked else { return }
    let definition = state.definitions[state.steps[place].definition]
    if let condition = definition.condition, !condition.holds(in: state) { return skip(place) }
    guard let fanOut = definition.fanOut else { return ready(place, delay: 0) }
    let items = state.facts[fanOut.items]
    guard case .count(let count)? = items, count >= 0 else {
      let message =
        if case .members? = items {
          "There is an object at \(fanOut.items), not a list: what it holds has no order to make instances of."
        } else { "There is no list at \(fanOut.items)." }
      return refuse(place, Failure(code: "fan_out_not_a_list", message: message, isRetryable: false))
    }
    guard count <= fanOut.itemsMax, state.steps.count + count <= Workflow.stepsMax else {
      return refuse(
        place,
        Failure(
          code: "fan_out_too_large",
          message: "\(fanOut.items) has \(count) elements; allowed are \(fanOut.itemsMax), and "
            + "\(Workflow.stepsMax) steps in a run.", isRetryable: false))
    }
    emit(.stepFannedOut(step: definition.key, count: count))
    advance(place)
  }

  /// Goes on with a fan-out or plan one of whose parts has ended, or that has just begun.
  mutating func advance(_ parent: Int) {
    guard state.steps[parent].status == .expanded else { return }
    if state.steps[parent].openChildren == 0 { return complete(parent, nil) }
    guard let fanOut = state.definitions[state.steps[parent].definition].fanOut else { return }
    let children = state.steps[parent].children
    while state.steps[parent].nextChild < children.count,
      state.steps[parent].nextChild - (children.count - state.steps[parent].openChildren) < fanOut.width
    {
      let child = children[state.steps[parent].nextChild]
      ready(child, delay: 0)
    }
  }

  mutating func ready(_ place: Int, delay: Int64) {
    let step = state.steps[place]
    emit(.stepReady(step: step.key, attempt: step.attempt + 1, delayMilliseconds: delay))
    if case .signal(let name) = state.definitions[step.definition].kind,
      let signal = state.signals.first(where: { $0.name == name })
    {
      complete(place, signal.payload)
    }
  }

  /// Fails a step that no worker has tried.
  mutating func refuse(_ place: Int, _ failure: Failure) {
    emit(.stepRefused(step: state.steps[place].key, attempt: state.steps[place].attempt, failure))
    afterFailure(place, failure)
  }

  /// Repeats, hands over, goes on without, undoes or ends: what the workflow says of a failed step.
  mutating func afterFailure(_ place: Int, _ failure: Failure) {
    let step = state.steps[place]
    let definition = state.definitions[step.definition]
    let attempt = step.attempt - step.attemptBase
    if step.attempt > 0, definition.retry.repeats(failure, attempt: attempt) {
      return ready(place, delay: definition.retry.delayMilliseconds(afterAttempt: attempt, seed: retrySeed(place)))
    }
    if step.attempt > 0, step.fallback < definition.fallbacks.count {
      emit(.stepDegraded(step: step.key, fallback: step.fallback + 1))
      return ready(place, delay: 0)
    }
    if let undoing = state.undoing, definition.onFailure != .proceed {
      let message =
        "\(undoing.failure.message) Undoing it failed at step \(step.key): \(failure.message)"
      let code = undoing.cause == .cancellation ? "undoing_failed" : undoing.failure.code
      return emit(
        .runFailed(
          step: undoing.cause == .failure ? undoing.step : step.key,
          Failure(code: code, message: message, isRetryable: false)))
    }
    switch definition.onFailure {
    case .fail: emit(.runFailed(step: step.key, failure.asEnd))
    case .proceed: exhaust(place)
    case .compensate:
      emit(.compensationStarted(step: step.key, failure.asEnd))
      undoNext()
    }
  }

  /// What the jitter of the step's pauses follows from.
  func retrySeed(_ place: Int) -> UInt64 { state.seed ^ UInt64(truncatingIfNeeded: place) &* 0x9E37_79B9 }

  /// Begins the next step that undoes, or ends the run.
  mutating func undoNext() {
    guard let undoing = state.undoing else { return }
    let next = undoing.left.lazy.compactMap { [state] key in state.places[key] }
      .first { [state] place in state.steps[place].status == .blocked }
    if let next { return ready(next, delay: 0) }
    switch undoing.cause {
    case .failure: emit(.runFailed(step: undoing.step, undoing.failure))
    case .cancellation: emit(.runCancelled)
    case .expiry: emit(.runFailed(step: nil, undoing.failure))
    }
  }
}
