package import Contracts
package import Decider
internal import History
internal import Postgres
internal import Primitives
package import RunStorage
internal import SystemSources

/// New runs out of the histories of old ones.
package struct RunForks: Sendable {
  /// Where the new run leaves the old one.
  package enum Place: Sendable {
    /// Where the step began.
    case step(String)
    /// Behind this event, and what was decided on it.
    case event(Int)
    /// Before what ended the run.
    case beforeTheEnd
  }

  /// Why a run cannot be forked there.
  package struct Impossible: Error {
    package let code: ProblemCode
    package let message: String
  }

  private let engine: Engine
  private let store: any ForkStore

  /// Makes forks of the runs in `store`.
  package init(engine: Engine, store: any ForkStore) {
    self.engine = engine
    self.store = store
  }

  /// A run that goes on with the beginning of another one's history.
  private struct Beginning {
    let events: [RunEvent]
    let ownEvents: Int
    let state: RunState
  }

  /// Begins the run `run`, which goes on with the history of `source` from `place`, with changes. It belongs to
  /// the task of `source`; that of a sub-run, for which nobody waits, is a task of its own.
  package func fork(
    _ source: RunRow, _ tenant: TenantID, as run: RunID, at place: Place, changes: [StepChange], by principal: String,
    traceparent: String?, once: IdempotencyKey? = nil
  ) async throws -> RunID {
    guard let head = try await store.head(source.id),
      let workflow = try await engine.catalog.find(tenant, head.workflow, version: head.version)
    else { throw ChangeRefusal.workflowGone }
    for change in changes where workflow.workflow.step(change.step) == nil && !change.step.contains("/") {
      throw Impossible(code: .unknownStep, message: "The workflow \(head.workflow) has no step \(change.step).")
    }
    let facts = head.facts
    let beginning = try await beginning(source.id, tenant, workflow, at: place, changes: changes, by: principal)
    let isOfSubRun = source.parent != nil
    var submission = Submission(
      run: run,
      facts: RunFacts(
        tenant: tenant, task: isOfSubRun ? TaskID(run.uuid) : facts.task, project: facts.project,
        priority: facts.priority, parent: nil, depth: 0, traceparent: traceparent),
      task: isOfSubRun ? NewTask(title: "Fork of \(source.id)") : nil, principal: principal,
      input: Payload(source.input), events: beginning.events,
      forkedFrom: source.id, state: beginning.state)
    submission.ownEvents = beginning.ownEvents
    try await engine.accept(
      submission, idempotency: once?.row(tenant, task: submission.facts.task, run: run))
    return run
  }

  /// A sub-run that goes on inside `source`, which has failed or was cancelled: what it had finished is not done again.
  /// `nil` when nothing is left to do there.
  func resumption(
    of source: RunRow, as child: RunID, _ facts: RunFacts, _ input: Payload
  ) async throws -> Submission? {
    guard source.status == .failed || source.status == .cancelled,
      let workflow = try await engine.catalog.find(facts.tenant, source.workflow, version: source.workflowVersion)
    else { return nil }
    let beginning: Beginning
    do {
      beginning = try await self.beginning(
        source.id, facts.tenant, workflow, at: .beforeTheEnd, changes: [], by: "orchestrator")
    } catch is Impossible { return nil }
    var submission = Submission(
      run: child, facts: facts, task: nil, principal: "orchestrator", input: input, events: beginning.events,
      forkedFrom: source.id, state: beginning.state)
    submission.ownEvents = beginning.ownEvents
    return submission
  }

  private func beginning(
    _ source: RunID, _ tenant: TenantID, _ workflow: CompiledWorkflow, at place: Place, changes: [StepChange],
    by principal: String
  ) async throws -> Beginning {
    let history = try await store.history(source)
    let cut = try RunForks.cut(history, place)
    let prefix = Array(history.prefix(cut))
    var changes = changes
    if case .beforeTheEnd = place, cut < history.count, case .stepFailed(let key, _, let failure, _) = history[cut],
      failure.next != nil, !changes.contains(where: { key.hasPrefix($0.step) })
    {
      changes.append(StepChange(step: key, agent: nil, model: nil, input: nil, failure: failure))
    }
    var state = RunState(workflow: workflow.workflow)
    for event in prefix { evolve(&state, event) }
    let own: [RunEvent]
    do throws(RunRefusal) {
      own = try decide(&state, .fork(from: source.description, at: prefix.count, by: principal, changes: changes))
    } catch {
      throw Impossible(code: .nothingLeft, message: "There is nothing left to do at that place of the history.")
    }
    guard own.count > 1 || state.steps.contains(where: { $0.status.isOpen }) else {
      throw Impossible(code: .nothingLeft, message: "No step was under way at that place of the history.")
    }
    try await store.touch(tenant, prefix.flatMap(\.payloads))
    return Beginning(events: prefix + own, ownEvents: prefix.count, state: state)
  }

  /// How many events the new run takes over: always whole decisions.
  package static func cut(_ history: [RunEvent], _ place: Place) throws(Impossible) -> Int {
    func endOfDecision(_ index: Int) -> Int {
      var end = index + 1
      while end < history.count, history[end].isConsequence { end += 1 }
      return end
    }
    func startOfDecision(_ index: Int) -> Int {
      var start = index
      while start > 0, history[start].isConsequence { start -= 1 }
      return start
    }
    switch place {
    case .step(let key):
      let began = history.firstIndex { event in
        switch event {
        case .stepReady(let step, _, _), .stepFannedOut(let step, _): step == key
        default: false
        }
      }
      guard let began else {
        throw Impossible(code: .stepNotBegun, message: "The step \(key) never began in that run.")
      }
      return endOfDecision(began)
    case .event(let sequence):
      guard sequence >= 1, sequence <= history.count else {
        throw Impossible(code: .unknownEvent, message: "The history has \(history.count) events.")
      }
      return endOfDecision(sequence - 1)
    case .beforeTheEnd:
      let end = history.firstIndex { event in
        switch event {
        case .runFailed, .runCancelled, .compensationStarted: true
        default: false
        }
      }
      guard let end else {
        throw Impossible(code: .notFailed, message: "Only a run that has failed or was cancelled can be retried.")
      }
      return startOfDecision(end)
    }
  }
}
