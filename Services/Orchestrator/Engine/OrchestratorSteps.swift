internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import RunStorage
internal import Telemetry
internal import Workflows

/// The steps that the orchestrator does itself: transforms, approvals, and the beginnings of sub-runs.
struct OrchestratorSteps: Sendable {
  /// A step whose work the database has refused so often for a reason of its own fails.
  private static let failuresMax = 6

  let engine: Engine
  let inputs: StepInputRenderer
  let subRuns: SubRuns
  let judge: TimerJudge

  /// Does steps of one run. Returns what became of their timers.
  func perform(_ timers: [DueTimer]) async -> [(id: Int64, outcome: TimerOutcome)] {
    guard let first = timers.first else { return [] }
    for _ in timers { engine.metrics.fired(.own) }
    guard let version = timers.compactMap(\.runVersion).max() else { return timers.map { ($0.id, .runGone) } }
    guard !timers.contains(where: \.isRunEnded) else { return timers.map { ($0.id, .notOwed) } }
    do {
      guard let snapshot = try await engine.snapshot(of: first.run, atLeast: version) else {
        return timers.map { ($0.id, .runGone) }
      }
      var outcomes: [(id: Int64, outcome: TimerOutcome)] = []
      var live: [(timer: DueTimer, step: RunState.Step)] = []
      for timer in timers {
        switch TimerDecision(timer.claimed, in: snapshot.state) {
        case .owed: if let step = timer.step.flatMap({ snapshot.state.step($0) }) { live.append((timer, step)) }
        case .outdated: outcomes.append((timer.id, .contended))
        case .notOwed: outcomes.append((timer.id, .notOwed))
        }
      }
      // As many at a time as fit into memory.
      var left = live[...]
      while !left.isEmpty {
        let rendered = try await inputs.render(left.map(\.step), of: first.run, snapshot)
        guard !rendered.isEmpty else { break }
        outcomes += await perform(Array(left.prefix(rendered.count)), rendered, snapshot)
        left = left.dropFirst(rendered.count)
      }
      return outcomes + left.map { ($0.timer.id, .contended) }
    } catch {
      return timers.compactMap { timer in judge.outcome(of: error, timer).map { (timer.id, $0) } }
    }
  }

  private func perform(
    _ portion: [(timer: DueTimer, step: RunState.Step)], _ rendered: [Result<[UInt8], any Error>],
    _ snapshot: RunSnapshot
  ) async -> [(id: Int64, outcome: TimerOutcome)] {
    await withTaskGroup(of: (id: Int64, outcome: TimerOutcome)?.self) { group in
      for ((timer, step), input) in zip(portion, rendered) {
        group.addTask { [self] in
          await judge.traced(timer) { try await perform(timer, step, input, snapshot, $0) }.map { (timer.id, $0) }
        }
      }
      return await group.reduce(into: []) { if let outcome = $1 { $0.append(outcome) } }
    }
  }

  private func perform(
    _ timer: DueTimer, _ step: RunState.Step, _ rendered: Result<[UInt8], any Error>, _ snapshot: RunSnapshot,
    _ span: Span
  ) async throws -> TimerOutcome {
    do {
      return try await performNow(timer, step, rendered, snapshot, span)
    } catch let error as JSONError {
      // It is about the step's input alone, and the same each time.
      return try await engine.fail(
        timer, step.key, step.attempt,
        Failure(code: "input_failed", message: "The input of the step cannot be read: \(error).", isRetryable: false))
    } catch let error as PostgresError
      where !error.isTransient && judge.triesBefore(timer) >= OrchestratorSteps.failuresMax
    {
      // It will never be stored. The run must not wait for it for ever.
      return try await engine.fail(
        timer, step.key, step.attempt,
        Failure(code: "not_stored", message: "The result of the step was refused: \(error).", isRetryable: false))
    }
  }

  private func performNow(
    _ timer: DueTimer, _ step: RunState.Step, _ rendered: Result<[UInt8], any Error>, _ snapshot: RunSnapshot,
    _ span: Span
  ) async throws -> TimerOutcome {
    let key = step.key
    let attempt = step.attempt
    let input: Payload
    do { input = Payload(try rendered.get()) } catch {
      return try await engine.fail(
        timer, key, attempt, Failure(code: "input_failed", message: "\(error)", isRetryable: false))
    }
    switch snapshot.state.definition(of: step).kind {
    case .transform:
      let facts = try snapshot.facts(of: key, output: input.body)
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
      return try await subRuns.begin(timer, snapshot, step, name, version, input, span)
    case .work, .delay, .signal: return .notOwed
    }
    return .done
  }
}

extension Engine {
  /// Fails the step of a timer.
  func fail(
    _ timer: DueTimer, _ key: String, _ attempt: Int, _ failure: Failure
  ) async throws -> TimerOutcome {
    try await apply(
      RunChange(run: timer.run, inputs: [.fail(step: key, attempt: attempt, failure)], timer: timer.id))
    return .done
  }
}

extension RunSnapshot {
  /// The values of a step's output that the workflow watches.
  func facts(of key: String, output: [UInt8]) throws -> [Fact] {
    guard workflow.watched.watches(key) else { return [] }
    return workflow.watched.facts(output: try JSONDocument(parsing: output).root, of: key)
  }
}
