internal import Contracts
internal import Decider
internal import Postgres
internal import Primitives
internal import Replay
internal import SystemSources

/// New runs out of the histories of old ones.
struct RunForks: Sendable {
  /// Where the new run leaves the old one.
  enum Place: Sendable {
    /// Where the step began.
    case step(String)
    /// Behind this event, and what was decided on it.
    case event(Int)
    /// Before what ended the run.
    case beforeTheEnd
  }

  /// Why a run cannot be forked there.
  struct Impossible: Error {
    let code: String
    let message: String
  }

  let engine: RunEngine

  /// A run that goes on with the beginning of another one's history.
  private struct Beginning {
    let events: [RunEvent]
    let ownEvents: Int
    let state: RunState
  }

  /// Begins a run that goes on with the history of `source` from `place`, with changes. Returns its id. It belongs to
  /// the task of `source`; that of a sub-run, for which nobody waits, is a task of its own.
  func fork(
    _ source: RunRow, _ tenant: TenantID, at place: Place, changes: [StepChange], by principal: String,
    traceparent: String?, once: RepeatableRequest? = nil
  ) async throws -> RunID {
    guard let (facts, name, version) = try await engine.store.head(source.id),
      let workflow = try await engine.catalog.find(tenant, name, version: version)
    else { throw RunEngine.Refused.workflowGone }
    for change in changes where workflow.workflow.step(change.step) == nil && !change.step.contains("/") {
      throw Impossible(code: "unknown_step", message: "The workflow \(name) has no step \(change.step).")
    }
    let beginning = try await beginning(source.id, tenant, workflow, at: place, changes: changes, by: principal)
    let run = RunID.make()
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
    let history = try await engine.store.history(source)
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
      throw Impossible(code: "nothing_left", message: "There is nothing left to do at that place of the history.")
    }
    guard own.count > 1 || state.steps.contains(where: { $0.status.isOpen }) else {
      throw Impossible(code: "nothing_left", message: "No step was under way at that place of the history.")
    }
    try await engine.store.touch(tenant, prefix.flatMap(\.payloads))
    return Beginning(events: prefix + own, ownEvents: prefix.count, state: state)
  }

  /// How many events the new run takes over: always whole decisions.
  static func cut(_ history: [RunEvent], _ place: Place) throws(Impossible) -> Int {
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
        throw Impossible(code: "step_not_begun", message: "The step \(key) never began in that run.")
      }
      return endOfDecision(began)
    case .event(let sequence):
      guard sequence >= 1, sequence <= history.count else {
        throw Impossible(code: "unknown_event", message: "The history has \(history.count) events.")
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
        throw Impossible(code: "not_failed", message: "Only a run that has failed or was cancelled can be retried.")
      }
      return startOfDecision(end)
    }
  }
}

extension RunStore {
  /// Marks payloads as used now, so that they outlive the run that stored them.
  func touch(_ tenant: TenantID, _ payloads: [PayloadRef]) async throws {
    let digests = Set(payloads).compactMap { Hex.decode($0.sha256) }
    guard !digests.isEmpty else { return }
    _ = try await pool.query(
      """
      update payload set used_at = now() where tenant_id = $1 and sha256 = any($2)
        and used_at < now() - interval '12 hours'
      """, [tenant.uuid, digests])
  }
}
