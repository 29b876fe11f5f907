internal import Contracts
internal import Decider
internal import Primitives
internal import RunStorage
internal import Telemetry
internal import Workflows

/// The runs that steps begin and wait for.
struct SubRuns: Sendable {
  /// Sub-runs within sub-runs.
  private static let depthMax = 8

  let engine: Engine
  let store: any SubRunStore
  let forks: any ForkStore

  /// What the sub-run of an attempt has consumed; `nil` when there is none.
  func usage(of run: RunID, step: String, attempt: Int) async throws -> Usage? {
    try await store.childEnd(RunID.of(run, step: step, attempt: attempt))?.usage
  }

  /// Begins the sub-run of a step. Its id follows from the attempt: done twice, or by two replicas, it begins one. It
  /// is written only while the timer is there. Whoever goes on without it takes the timer away in the same transaction
  /// and cancels what was written before: however long this process stands still, and wherever it ends, no sub-run
  /// stays that nobody waits for.
  func begin(
    _ timer: DueTimer, _ snapshot: RunSnapshot, _ step: RunState.Step, _ name: String, _ version: Int?,
    _ input: Payload,
    _ span: Span
  ) async throws -> TimerOutcome {
    let (key, attempt) = (step.key, step.attempt)
    func refused(_ code: String, _ message: String) async throws -> TimerOutcome {
      try await engine.fail(timer, key, attempt, Failure(code: code, message: message, isRetryable: false))
    }
    guard snapshot.facts.depth < SubRuns.depthMax else {
      return try await refused("too_deep", "Sub-runs may be nested \(SubRuns.depthMax) deep.")
    }
    guard let workflow = try await engine.catalog.findForUse(timer.tenant, name, version: version) else {
      return try await refused(
        "unknown_workflow", "There is no workflow \(name)\(version.map { " version \($0)" } ?? "").")
    }
    let child = RunID.of(timer.run, step: key, attempt: attempt)
    let facts = RunFacts(
      tenant: timer.tenant, task: snapshot.facts.task, project: snapshot.facts.project,
      priority: snapshot.facts.priority,
      parent: ParentStep(run: timer.run, step: key, attempt: attempt), depth: snapshot.facts.depth + 1,
      // Its spans stand below those of the run that waits for it.
      traceparent: engine.tracing.context(of: timer.run, snapshot.facts.traceparent)?.traceparent)
    switch try await beginning(of: child, facts, key, workflow, input, snapshot.state.resumedRun(of: step), span) {
    case .later: return .contended
    case .run(var submission):
      submission.timer = timer.id
      if try await engine.accept(submission) == nil, try await store.version(of: child) == nil { return .contended }
    case .succeeded(let before, let end):
      try await engine.apply(try await completion(end, of: before, timer, key, attempt, snapshot, isTakenOver: true))
      return .done
    }
    do {
      try await engine.apply(
        RunChange(
          run: timer.run, inputs: [.startChild(step: key, attempt: attempt, run: child.description)],
          timer: timer.id))
    } catch let refused as ChangeRefusal {
      guard case .byDecider = refused else { throw refused }
      // Somebody else may have noted it before. Only where nobody waits for it any more it has to go.
      let parent = try await engine.currentSnapshot(of: timer.run)
      let isOrphan =
        parent.map { TimerDecision.isOrphan(child: child.description, step: key, attempt: attempt, in: $0.state) }
      guard isOrphan ?? true else { return .notOwed }
      do {
        try await engine.apply(
          .cancel(by: "orchestrator", reason: "The run that began it has gone on without it.", forces: false),
          to: child)
      } catch ChangeRefusal.byDecider, ChangeRefusal.unknownRun {}
      return .notOwed
    }
    return .done
  }

  /// How a step gets its sub-run.
  private enum Beginning {
    case run(Submission)
    /// That of before has succeeded after all.
    case succeeded(RunID, ChildEnd)
    /// That of before is still on its way to its end.
    case later
  }

  /// The sub-run at its beginning. That of a run which was retried goes on inside the sub-run of before, once that
  /// has ended: its run has ended, so that it is being cancelled, and only its end shows what it had finished.
  private func beginning(
    of child: RunID, _ facts: RunFacts, _ key: String, _ workflow: CompiledWorkflow, _ input: Payload,
    _ resumed: String?, _ span: Span
  ) async throws -> Beginning {
    let anew = { @Sendable () throws -> Beginning in
      .run(
        try Submission.begin(
          run: child, facts: facts, task: nil, principal: "orchestrator", workflow: workflow, input: input))
    }
    // What was begun before, by whom ever, stays the sub-run of this attempt.
    guard let before = resumed.flatMap({ RunID($0) }), try await store.version(of: child) == nil,
      let source = try await store.run(facts.tenant, before), source.workflow == workflow.workflow.name,
      Payload(source.input).sha256 == input.sha256
    else { return try anew() }
    if source.status == .succeeded {
      // A fork at an earlier place does again what its run had noted; a retry takes what its run did not learn of.
      guard let parent = source.parent, let waited = try await engine.currentSnapshot(of: parent)?.state,
        waited.status.isEnded,
        let step = waited.step(key), step.status == .abandoned, step.child == resumed,
        let end = try await store.childEnd(before)
      else { return try anew() }
      return .succeeded(before, end)
    }
    if !source.status.isEnded {
      // Nobody cancels it while its own run goes on.
      guard let parent = source.parent, try await store.end(of: parent)?.status.isEnded ?? true else {
        return try anew()
      }
      return .later
    }
    guard
      let submission = try await RunForks(engine: engine, store: forks).resumption(of: source, as: child, facts, input)
    else { return try anew() }
    engine.tracing.link(span, to: source)
    return .run(submission)
  }

  /// A sub-run has ended: completes the step that waits for it, with what it has consumed.
  func ended(_ timer: DueTimer) async throws -> TimerOutcome {
    guard let child = timer.other, let key = timer.step, let attempt = timer.attempt,
      let snapshot = try await engine.snapshot(of: timer.run, atLeast: timer.runVersion ?? 0)
    else { return .runGone }
    switch TimerDecision(timer.claimed, in: snapshot.state) {
    case .owed: break
    case .outdated: return .contended
    case .notOwed: return .notOwed
    }
    guard let end = try await store.childEnd(child) else { return .notOwed }
    try await engine.apply(try await completion(end, of: child, timer, key, attempt, snapshot))
    return .done
  }

  /// The end of a sub-run as a change of the run that waits for it. What one that is taken over consumed stays with the
  /// run that began it.
  private func completion(
    _ end: ChildEnd, of child: RunID, _ timer: DueTimer, _ key: String, _ attempt: Int, _ snapshot: RunSnapshot,
    isTakenOver: Bool = false
  ) async throws -> RunChange {
    let usage: Usage? = isTakenOver ? nil : end.usage
    // The sub-run may have been faster than the note of its beginning.
    var inputs: [RunInput] =
      snapshot.state.step(key)?.child == nil
      ? [.startChild(step: key, attempt: attempt, run: child.description)] : []
    var payloads: [Payload] = []
    if end.status == .succeeded {
      // The output of the sub-run is stored already; its bytes are of interest only where a condition looks into them.
      var facts: [Fact] = []
      let output: PayloadRef
      if let ref = end.output {
        output = ref
        if snapshot.workflow.watched.watches(key) {
          guard let body = try await store.payloads(timer.tenant, [ref])[ref.sha256] else { throw PayloadGone() }
          facts = try snapshot.facts(of: key, output: body)
        }
      } else {
        let null = Payload(Array("null".utf8))
        payloads = [null]
        output = null.ref
        facts = try snapshot.facts(of: key, output: null.body)
      }
      inputs.append(.succeed(step: key, attempt: attempt, output: output, facts: facts, usage: usage))
    } else {
      inputs.append(.fail(step: key, attempt: attempt, end.failure(of: child), usage: usage))
    }
    return RunChange(run: timer.run, inputs: inputs, payloads: payloads, timer: timer.id)
  }

  /// The output of a sub-run is not stored any more.
  private struct PayloadGone: Error {}
}
