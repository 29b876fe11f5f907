internal import Contracts
internal import Decider
internal import Primitives
internal import RunStorage
internal import Workflows

/// Builds the transition that writes a decision: what its effects are in rows of the queue and timers.
struct TransitionBuilder {
  let run: RunID
  let facts: RunFacts
  let state: RunState

  /// Steps for workers.
  func work(_ effects: Effects) -> [QueuedStep] {
    effects.work.map { dispatch in
      let step = state.steps[dispatch.place]
      let definition = state.definition(of: step)
      let jobType: String = if case .work(let type) = definition.kind { type } else { "agent" }
      return QueuedStep(
        key: step.key, attempt: step.attempt, version: state.sequence, jobType: jobType,
        lane: lane(step, definition), hasLocks: !definition.locks.isEmpty,
        priority: min(10, max(-10, facts.priority + definition.priority)),
        delayMilliseconds: dispatch.delayMilliseconds, timeouts: definition.timeouts,
        inputSHA256: definition.input == nil && step.item == nil
          ? state.input.flatMap { Hex.decode($0.sha256) } : nil)
    }
  }

  private func lane(_ step: RunState.Step, _ definition: WorkflowStep) -> String {
    let (agent, model) = state.assignment(of: step)
    var keys: [String] = []
    if let project = facts.project { keys.append("project:\(project)") }
    if let agent { keys.append("agent:\(agent)") }
    if let model { keys.append("model:\(model)") }
    for lock in definition.locks {
      let name = (try? LockName(lock))?.resolved(state.facts, run: run.description, index: step.item) ?? lock
      keys.append("lock:\(name)")
    }
    return keys.joined(separator: Lane.separator)
  }

  /// Timers of steps that the orchestrator does or waits for, and of sub-runs that nobody waits for any more.
  func timers(_ effects: Effects) -> [NewTimer] {
    var timers: [NewTimer] = []
    for dispatch in effects.own {
      let step = state.steps[dispatch.place]
      let definition = state.definition(of: step)
      func add(_ kind: TimerKind, _ delay: Int64) {
        timers.append(
          NewTimer(kind: kind, step: step.key, attempt: step.attempt, delayMilliseconds: delay))
      }
      switch definition.kind {
      case .delay(let milliseconds): add(.delay, dispatch.delayMilliseconds + milliseconds)
      case .signal: break
      case .transform, .approval, .run, .work: add(.own, dispatch.delayMilliseconds)
      }
      if let limit = definition.timeouts.startToClose { add(.close, dispatch.delayMilliseconds + limit) }
    }
    timers += effects.orphans.map { orphan in
      NewTimer(
        kind: .cancel, run: RunID.of(run, step: orphan.step, attempt: orphan.attempt), delayMilliseconds: 0)
    }
    if let limit = effects.undoingLimit { timers.append(NewTimer(kind: .expire, attempt: 1, delayMilliseconds: limit)) }
    return timers
  }

  /// The transition that writes `events`, which led from `expected` events to the state.
  func transition(
    expected: Int, events: [RunEvent], payloads: [Payload], proofs: [Transition.LeaseProof], finishedTimers: [Int64]
  ) -> Transition {
    let effects = Effects(of: events, in: state)
    var limits: [String: Int64?] = [:]
    var unqueued: [StepID] = []
    var timers = timers(effects)
    for event in events {
      switch event {
      case .approvalRequested(let key, _, _):
        limits[key] = state.step(key).flatMap { state.definition(of: $0).timeouts.startToClose }
      case .stepTimedOut(let key, _, .scheduleToStart, _, _): unqueued.append(StepID.of(run, step: key))
      case .stepSuspended(let key, let attempt, let asks):
        for ask in asks {
          guard let limit = ask.expiresMilliseconds else { continue }
          timers.append(
            NewTimer(kind: .ask, step: key, attempt: attempt, ask: ask.key, delayMilliseconds: limit))
        }
      default: break
      }
    }
    return Transition(
      tenant: facts.tenant, run: run, expectedVersion: expected, version: state.sequence, events: events,
      status: state.status, isPaused: state.isPaused, clearedAt: state.clearedAt, usage: state.usage,
      clearing: clearing(effects), work: work(effects), timers: timers, unqueued: unqueued,
      unbegun: effects.orphans, payloads: payloads, proofs: proofs, finishedTimers: finishedTimers,
      approvalLimits: limits,
      parent: facts.parent)
  }

  /// A run that ends with nothing under way has nothing to clear; then the small statement is enough.
  private func clearing(_ effects: Effects) -> Effects.Clearing {
    guard effects.clearing == .everything, state.status == .succeeded else { return effects.clearing }
    let hasWaits =
      state.workflow.timeoutMilliseconds != nil || state.hasQuestionLimits
      || state.definitions.contains { $0.timeouts.startToClose != nil && !$0.isWork }
    return hasWaits || state.steps.contains { $0.status == .abandoned && $0.attempt > 0 } ? .everything : .nothing
  }
}
