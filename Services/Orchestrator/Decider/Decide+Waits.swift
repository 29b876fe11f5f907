internal import Contracts

/// Steps that give their leases back: to wait for people, or for another worker.
extension Decision {
  /// The worker has given the step back until people have answered. That costs no attempt: the next one goes on from
  /// the journal.
  mutating func suspend(_ place: Int, _ asks: [Ask]) {
    let step = state.steps[place]
    let known = state.questions[place] ?? []
    var new: [Ask] = []
    for ask in asks {
      let earlier = known.first { $0.ask.key == ask.key }?.ask ?? new.first { $0.key == ask.key }
      guard let earlier else {
        new.append(ask)
        continue
      }
      guard earlier.isSame(as: ask) else {
        return fail(
          place,
          Failure(
            code: "invalid_wait", message: "The question \(ask.key) was asked before with another subject.",
            isRetryable: true, next: .anew))
      }
    }
    // What is answered already is no reason to wait: a worker that does not take the answers would ask for ever.
    guard !new.isEmpty else {
      return fail(
        place,
        Failure(code: "invalid_wait", message: "All that the step waits for was answered before.", isRetryable: true))
    }
    guard known.count + new.count <= Ask.ofStepMax else {
      return fail(
        place,
        Failure(
          code: "too_many_questions", message: "The step has asked more than \(Ask.ofStepMax) questions.",
          isRetryable: false))
    }
    emit(.stepSuspended(step: step.key, attempt: step.attempt, asks: new))
  }

  /// Somebody answers a question of a step that waits, or its time is over. When it was the last one, the step goes on.
  mutating func settleQuestion(
    _ key: String, _ attempt: Int, _ ask: String, _ event: RunEvent, subjectSHA256: String? = nil
  ) throws(RunRefusal) {
    guard let place = state.places[key] else { throw .unknownStep }
    guard let question = state.questions[place]?.first(where: { $0.ask.key == ask && $0.attempt == attempt }) else {
      throw .unknownQuestion
    }
    guard question.status == .open else { throw .alreadyAnswered }
    guard state.isSuspended(state.steps[place]) else { throw .staleAttempt }
    if let subjectSHA256, question.ask.subject.sha256 != subjectSHA256 { throw .subjectDiffers }
    emit(event)
    if state.questions[place]?.contains(where: { $0.status == .open }) != true { ready(place, delay: 0) }
  }

  /// The worker has given the step back for another one to go on with it.
  mutating func release(_ place: Int) {
    let step = state.steps[place]
    guard case .leased(let worker) = step.status else { return }
    // A step that no worker keeps must not go round for ever.
    guard state.released[place, default: 0] < RunState.releasedMax else {
      return lose(place, wasUndelivered: false, .standard)
    }
    emit(.stepReleased(step: step.key, attempt: step.attempt, worker: worker))
    ready(place, delay: 0)
  }

  private mutating func fail(_ place: Int, _ failure: Failure) {
    let step = state.steps[place]
    emit(.stepFailed(step: step.key, attempt: step.attempt, failure))
    afterFailure(place, failure)
  }
}
