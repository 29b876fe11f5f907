internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import Primitives
internal import RunStorage
internal import Telemetry
internal import Workflows

/// Steps that the orchestrator does itself: transforms, questions to people, and sub-runs.
extension TimerService {
  /// Sub-runs within sub-runs.
  private static let depthMax = 8
  /// A step whose work the database has refused so often for a reason of its own fails.
  private static let failuresMax = 6

  /// Does steps of one run. Returns what became of their timers.
  func perform(_ timers: [DueTimer]) async -> [(id: Int64, outcome: TimerOutcome)] {
    guard let first = timers.first else { return [] }
    for _ in timers { engine.metrics.fired(.own) }
    guard let version = timers.compactMap(\.runVersion).max() else { return timers.map { ($0.id, .runGone) } }
    guard !timers.contains(where: \.isRunEnded) else { return timers.map { ($0.id, .notOwed) } }
    do {
      guard let known = try await engine.look(first.run, atLeast: version) else {
        return timers.map { ($0.id, .runGone) }
      }
      var outcomes: [(id: Int64, outcome: TimerOutcome)] = []
      var live: [(timer: DueTimer, step: RunState.Step)] = []
      for timer in timers {
        switch TimerDecision(timer.claimed, in: known.state) {
        case .owed: if let step = timer.step.flatMap({ known.state.step($0) }) { live.append((timer, step)) }
        case .outdated: outcomes.append((timer.id, .contended))
        case .notOwed: outcomes.append((timer.id, .notOwed))
        }
      }
      // As many at a time as fit into memory.
      var left = live[...]
      while !left.isEmpty {
        let rendered = try await inputs.render(left.map(\.step), of: first.run, known)
        guard !rendered.isEmpty else { break }
        outcomes += await perform(Array(left.prefix(rendered.count)), rendered, known)
        left = left.dropFirst(rendered.count)
      }
      return outcomes + left.map { ($0.timer.id, .contended) }
    } catch {
      return timers.compactMap { timer in outcome(of: error, timer).map { (timer.id, $0) } }
    }
  }

  private func perform(
    _ portion: [(timer: DueTimer, step: RunState.Step)], _ rendered: [Result<[UInt8], any Error>], _ known: KnownRun
  ) async -> [(id: Int64, outcome: TimerOutcome)] {
    await withTaskGroup(of: (id: Int64, outcome: TimerOutcome)?.self) { group in
      for ((timer, step), input) in zip(portion, rendered) {
        group.addTask { [self] in
          await traced(timer) { try await perform(timer, step, input, known) }.map { (timer.id, $0) }
        }
      }
      return await group.reduce(into: []) { if let outcome = $1 { $0.append(outcome) } }
    }
  }

  private func perform(
    _ timer: DueTimer, _ step: RunState.Step, _ rendered: Result<[UInt8], any Error>, _ known: KnownRun
  ) async throws -> TimerOutcome {
    do {
      return try await performNow(timer, step, rendered, known)
    } catch let error as JSONError {
      // It says something of the step's input alone, and the same each time.
      return try await fail(
        timer, step.key, step.attempt,
        Failure(code: "input_failed", message: "The input of the step cannot be read: \(error).", isRetryable: false))
    } catch let error as PostgresError where !error.isTransient && triesBefore(timer) >= TimerService.failuresMax {
      // It will never be stored. The run must not wait for it for ever.
      return try await fail(
        timer, step.key, step.attempt,
        Failure(code: "not_stored", message: "The result of the step was refused: \(error).", isRetryable: false))
    }
  }

  private func performNow(
    _ timer: DueTimer, _ step: RunState.Step, _ rendered: Result<[UInt8], any Error>, _ known: KnownRun
  ) async throws -> TimerOutcome {
    let key = step.key
    let attempt = step.attempt
    let input: Payload
    do { input = Payload(try rendered.get()) } catch {
      return try await fail(
        timer, key, attempt, Failure(code: "input_failed", message: "\(error)", isRetryable: false))
    }
    switch known.state.definition(of: step).kind {
    case .transform:
      let facts = try facts(known, key, input.body)
      try await engine.apply(
        RunChange(
          run: timer.run, inputs: [.succeed(step: key, attempt: attempt, output: input.ref, facts: facts)],
          payloads: [input], timer: timer.id))
    case .approval:
      try await engine.apply(
        RunChange(
          run: timer.run, inputs: [.requestApproval(step: key, attempt: attempt, subject: input.ref)],
          payloads: [input], timer: timer.id))
    case .run(let name, let version):
      return try await startChild(timer, known, step, name, version, input)
    case .work, .delay, .signal: return .notOwed
    }
    return .done
  }

  private func fail(
    _ timer: DueTimer, _ key: String, _ attempt: Int, _ failure: Failure
  ) async throws -> TimerOutcome {
    try await engine.apply(
      RunChange(run: timer.run, inputs: [.fail(step: key, attempt: attempt, failure)], timer: timer.id))
    return .done
  }

  private func facts(_ known: KnownRun, _ key: String, _ output: [UInt8]) throws -> [Fact] {
    guard known.workflow.watched.watches(key) else { return [] }
    return known.workflow.watched.facts(output: try JSONDocument(parsing: output).root, of: key)
  }

  // MARK: Sub-runs

  /// Begins the sub-run of a step. Its id follows from the attempt: done twice, or by two replicas, it begins one.
  private func startChild(
    _ timer: DueTimer, _ known: KnownRun, _ step: RunState.Step, _ name: String, _ version: Int?, _ input: Payload
  ) async throws -> TimerOutcome {
    let (key, attempt) = (step.key, step.attempt)
    func refused(_ code: String, _ message: String) async throws -> TimerOutcome {
      try await fail(timer, key, attempt, Failure(code: code, message: message, isRetryable: false))
    }
    guard known.facts.depth < TimerService.depthMax else {
      return try await refused("too_deep", "Sub-runs may be nested \(TimerService.depthMax) deep.")
    }
    guard let workflow = try await engine.catalog.findForUse(timer.tenant, name, version: version) else {
      return try await refused(
        "unknown_workflow", "There is no workflow \(name)\(version.map { " version \($0)" } ?? "").")
    }
    let child = RunID.of(timer.run, step: key, attempt: attempt)
    let facts = RunFacts(
      tenant: timer.tenant, task: known.facts.task, project: known.facts.project, priority: known.facts.priority,
      parent: ParentStep(run: timer.run, step: key, attempt: attempt), depth: known.facts.depth + 1,
      traceparent: known.facts.traceparent)
    switch try await beginning(of: child, facts, key, workflow, input, known.state.resumedRun(of: step)) {
    case .later: return .contended
    case .run(let submission): try await engine.accept(submission)
    case .taken(let before, let end):
      try await engine.apply(try await handOver(end, of: before, timer, key, attempt, known, isTaken: true))
      return .done
    }
    do {
      try await engine.apply(
        RunChange(
          run: timer.run, inputs: [.startChild(step: key, attempt: attempt, run: child.description)],
          timer: timer.id))
    } catch let refused as RunEngine.Refused {
      guard case .byDecider = refused else { throw refused }
      // Somebody else may have noted it before. Only where nobody waits for it any more it has to go.
      let parent = try await engine.lookAtDatabase(timer.run)
      let isOrphan =
        parent.map { TimerDecision.isOrphan(child: child.description, step: key, attempt: attempt, in: $0.state) }
      guard isOrphan ?? true else { return .notOwed }
      do {
        try await engine.apply(
          .cancel(by: "orchestrator", reason: "The run that began it has gone on without it.", forces: false),
          to: child)
      } catch RunEngine.Refused.byDecider, RunEngine.Refused.unknownRun {}
      return .notOwed
    }
    return .done
  }

  /// How a step gets its sub-run.
  private enum Beginning {
    case run(Submission)
    /// That of before has succeeded after all.
    case taken(RunID, ChildEnd)
    /// That of before is still on its way to its end.
    case later
  }

  /// The sub-run at its beginning. That of a run which was retried goes on inside the sub-run of before, once that
  /// has ended: its run has ended, so that it is being cancelled, and only its end shows what it had finished.
  private func beginning(
    of child: RunID, _ facts: RunFacts, _ key: String, _ workflow: CompiledWorkflow, _ input: Payload,
    _ resumed: String?
  ) async throws -> Beginning {
    let anew = { @Sendable () throws -> Beginning in
      .run(
        try RunEngine.begin(
          run: child, facts: facts, task: nil, principal: "orchestrator", workflow: workflow, input: input))
    }
    // What was begun before, by whom ever, stays the sub-run of this attempt.
    guard let before = resumed.flatMap({ RunID($0) }), try await store.version(of: child) == nil,
      let source = try await store.run(facts.tenant, before), source.workflow == workflow.workflow.name,
      Payload(source.input).sha256 == input.sha256
    else { return try anew() }
    if source.status == .succeeded {
      // A fork at an earlier place does again what its run had noted; a retry takes what its run has not heard of.
      guard let parent = source.parent, let waited = try await engine.lookAtDatabase(parent)?.state,
        waited.status.isEnded,
        let step = waited.step(key), step.status == .abandoned, step.child == resumed,
        let end = try await store.childEnd(before)
      else { return try anew() }
      return .taken(before, end)
    }
    if !source.status.isEnded {
      // Nobody cancels it while its own run goes on.
      guard let parent = source.parent, try await store.end(of: parent)?.status.isEnded ?? true else {
        return try anew()
      }
      return .later
    }
    guard
      let submission = try await RunForks(engine: engine).resumption(of: source, as: child, facts, input)
    else { return try anew() }
    return .run(submission)
  }

  /// Hands the end of a sub-run to the step that waits for it, with what it has consumed.
  func childEnded(_ timer: DueTimer) async throws -> TimerOutcome {
    guard let child = timer.other, let key = timer.step, let attempt = timer.attempt,
      let known = try await engine.look(timer.run, atLeast: timer.runVersion ?? 0)
    else { return .runGone }
    switch TimerDecision(timer.claimed, in: known.state) {
    case .owed: break
    case .outdated: return .contended
    case .notOwed: return .notOwed
    }
    guard let end = try await store.childEnd(child) else { return .notOwed }
    try await engine.apply(try await handOver(end, of: child, timer, key, attempt, known))
    return .done
  }

  /// The end of a sub-run as a change of the run that waits for it. What one that is taken over consumed stays with the
  /// run that began it.
  private func handOver(
    _ end: ChildEnd, of child: RunID, _ timer: DueTimer, _ key: String, _ attempt: Int, _ known: KnownRun,
    isTaken: Bool = false
  ) async throws -> RunChange {
    let usage: Usage? = isTaken ? nil : end.usage
    // The sub-run may have been faster than the note of its beginning.
    var inputs: [RunInput] =
      known.state.step(key)?.child == nil
      ? [.startChild(step: key, attempt: attempt, run: child.description)] : []
    var payloads: [Payload] = []
    if end.status == .succeeded {
      // The output of the sub-run is stored already; its bytes are of interest only where a condition looks into them.
      var facts: [Fact] = []
      let output: PayloadRef
      if let ref = end.output {
        output = ref
        if known.workflow.watched.watches(key) {
          guard let body = try await store.payloads(timer.tenant, [ref])[ref.sha256] else { throw PayloadGone() }
          facts = try self.facts(known, key, body)
        }
      } else {
        let null = Payload(Array("null".utf8))
        payloads = [null]
        output = null.ref
        facts = try self.facts(known, key, null.body)
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
