internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import Primitives
internal import Reactor
internal import Telemetry
internal import Workflows

/// Does what is due: timers, delayed attempts, leases and steps whose time is over. Every replica runs one; rows are
/// claimed, so that each is done once, and what a replica leaves behind when it dies is claimed again by another.
final class TimerService: Sendable {
  /// Longest pause between two looks.
  private static let lookAgain: Int64 = 1000
  private static let timersMax = 200
  /// What passed so shortly before the last look is looked at again: it may have been committed late.
  private static let sweepOverlap: Int64 = 500
  /// All leases are looked at so often, in nanoseconds, whatever was swept before.
  private static let fullSweepInterval: UInt64 = 60_000_000_000
  /// Sub-runs within sub-runs.
  private static let depthMax = 8

  /// How far leases have been swept.
  private struct Swept {
    var until: Timestamp?
    var nextFull: UInt64 = 0
  }

  private let engine: RunEngine
  private let inputs: StepInputs
  private let telemetry: Telemetry
  private var logger: Logger { telemetry.logger }
  private var store: RunStore { engine.store }

  init(engine: RunEngine, inputs: StepInputs, telemetry: Telemetry) {
    self.engine = engine
    self.inputs = inputs
    self.telemetry = telemetry
  }

  /// Works until cancelled.
  func run() async {
    var nextSweep: UInt64 = 0
    var swept = Swept()
    while !Task.isCancelled {
      let ticket = engine.timerBell.ticket()
      do {
        var isBusy = try await fireTimers()
        if try await store.promoteDelayed(limit: 1000) > 0 { engine.dispatcher.ring() }
        if MonotonicClock.now() >= nextSweep {
          if try await sweep(&swept) { isBusy = true }
          nextSweep = MonotonicClock.now() &+ UInt64(TimerService.lookAgain) * 1_000_000
        }
        if isBusy {
          ticket.cancel()
          continue
        }
        let pause = try await store.millisecondsToNextDue(max: TimerService.lookAgain)
        try await ticket.wait(until: MonotonicClock.now() &+ UInt64(max(1, pause)) * 1_000_000)
      } catch is CancellationError {
        ticket.cancel()
        return
      } catch {
        ticket.cancel()
        logger.warning("timers could not be served", ["reason": .string("\(error)")])
        try? await EventLoop.sleep(for: .milliseconds(500))
      }
    }
  }

  /// Takes back leases whose holders fell silent and steps that nobody took in time. Returns whether there may be more.
  private func sweep(_ swept: inout Swept) async throws -> Bool {
    let isFull = MonotonicClock.now() >= swept.nextFull
    let (overdue, seenAt) = try await store.overdueLeases(from: isFull ? nil : swept.until, limit: 200)
    for lease in overdue {
      let proof = Transition.LeaseProof(
        step: lease.step, token: lease.token, isReleased: true, extensionMilliseconds: 0, isLost: true)
      let input: RunInput =
        lease.isClosed
        ? .timeOut(step: lease.key, attempt: lease.attempt, .startToClose)
        : .lose(step: lease.key, attempt: lease.attempt)
      try await ignoringRefusals {
        try await engine.apply(RunChange(run: lease.run, inputs: [input], proof: proof))
        engine.metrics.lost()
      }
    }
    let expired = try await store.expiredSteps(limit: 200)
    for step in expired {
      try await ignoringRefusals {
        try await engine.apply(
          .timeOut(step: step.step, attempt: step.attempt, .scheduleToStart), to: step.run)
      }
    }
    if overdue.count < 200, let seenAt {
      swept.until = seenAt + .milliseconds(-TimerService.sweepOverlap)
      if isFull { swept.nextFull = MonotonicClock.now() &+ TimerService.fullSweepInterval }
    }
    return overdue.count == 200 || expired.count == 200
  }

  /// What does not fit any more was done by another replica, or its run has ended.
  private func ignoringRefusals(_ body: () async throws -> Void) async throws {
    do { try await body() } catch is RunEngine.Refused {}
  }

  /// Fires what is due. Returns whether there may be more.
  private func fireTimers() async throws -> Bool {
    let due = try await store.claimTimers(limit: TimerService.timersMax)
    guard !due.isEmpty else { return false }
    // The steps that a run has for the orchestrator are done together: they share what has to be looked up.
    var own: [RunID: [DueTimer]] = [:]
    for timer in due where timer.kind == .own { own[timer.run, default: []].append(timer) }
    let done = try await withThrowingTaskGroup(of: [Int64].self) { group in
      for timer in due where timer.kind != .own {
        group.addTask { [self] in try await fire(timer) ? [timer.id] : [] }
      }
      for timers in own.values { group.addTask { [self] in try await perform(timers) } }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    if !done.isEmpty { try await store.finish(timers: done) }
    return true
  }

  /// Does the work of a timer within a span of its run's trace.
  private func traced(_ timer: DueTimer, _ body: () async throws -> Bool) async throws -> Bool {
    let span = telemetry.tracer.startSpan(
      "timer \(timer.kind.rawValue)", parent: timer.traceparent.flatMap { TraceContext(traceparent: $0) })
    defer { span.end() }
    if span.isRecording {
      span.setAttribute("cadre.run.id", .string(timer.run.description))
      if let step = timer.step { span.setAttribute("cadre.step", .string(step)) }
    }
    do {
      let isStale = try await body()
      span.setAttribute("cadre.outcome", .string(isStale ? "stale" : "fired"))
      return isStale
    } catch {
      span.recordError(type: "timer_failed", message: "\(error)")
      throw error
    }
  }

  /// Fires one timer. Returns whether it is still to be deleted.
  private func fire(_ timer: DueTimer) async throws -> Bool {
    try await traced(timer) { try await fireNow(timer) }
  }

  private func fireNow(_ timer: DueTimer) async throws -> Bool {
    engine.metrics.fired(timer.kind)
    do {
      switch timer.kind {
      case .expire: try await engine.apply(RunChange(run: timer.run, inputs: [.expire], timer: timer.id))
      case .cancel:
        try await engine.apply(
          RunChange(
            run: timer.run, inputs: [.cancel(by: "orchestrator", reason: "The run that began it has ended.")],
            timer: timer.id))
      case .own: return true
      case .delay, .close, .childEnded:
        guard let step = timer.step, let attempt = timer.attempt else { return true }
        try await fire(timer, step, attempt)
      }
      return false
    } catch is RunEngine.Refused {
      // Nothing of it applies any more.
      return true
    }
  }

  private func fire(_ timer: DueTimer, _ step: String, _ attempt: Int) async throws {
    switch timer.kind {
    case .delay:
      try await engine.apply(
        RunChange(run: timer.run, inputs: [.elapse(step: step, attempt: attempt)], timer: timer.id))
    case .close:
      try await engine.apply(
        RunChange(
          run: timer.run, inputs: [.timeOut(step: step, attempt: attempt, .startToClose)], timer: timer.id))
    default: try await childEnded(timer, step, attempt)
    }
  }

  // MARK: Steps of the orchestrator

  /// Does steps of one run. Returns the timers that are still to be deleted.
  private func perform(_ timers: [DueTimer]) async throws -> [Int64] {
    guard let run = timers.first?.run, let known = try await engine.look(run) else { return timers.map(\.id) }
    var steps: [RunState.Step] = []
    var live: [DueTimer] = []
    var stale: [Int64] = []
    for timer in timers {
      engine.metrics.fired(.own)
      if let key = timer.step, let step = known.state.step(key), step.attempt == timer.attempt, step.status == .waiting
      {
        steps.append(step)
        live.append(timer)
      } else {
        stale.append(timer.id)
      }
    }
    let rendered = try await inputs.render(steps, of: run, known)
    return try await withThrowingTaskGroup(of: Int64?.self) { group in
      for (index, timer) in live.enumerated() {
        let (step, input) = (steps[index], rendered[index])
        group.addTask { [self] in
          let isStale = try await traced(timer) {
            do {
              try await perform(timer, step, input, known)
              return false
            } catch is RunEngine.Refused {
              return true
            }
          }
          return isStale ? timer.id : nil
        }
      }
      return try await group.reduce(into: stale) { if let id = $1 { $0.append(id) } }
    }
  }

  private func perform(
    _ timer: DueTimer, _ step: RunState.Step, _ rendered: Result<[UInt8], any Error>, _ known: KnownRun
  ) async throws {
    let key = step.key
    let attempt = step.attempt
    let input: Payload
    do { input = Payload(try rendered.get()) } catch {
      let failure = Failure(code: "input_failed", message: "\(error)", isRetryable: false)
      try await engine.apply(
        RunChange(run: timer.run, inputs: [.fail(step: key, attempt: attempt, failure)], timer: timer.id))
      return
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
      try await startChild(timer, known, key, attempt, name, version, input)
    case .work, .delay, .signal: throw RunEngine.Refused.byDecider(.staleAttempt)
    }
  }

  private func facts(_ known: KnownRun, _ key: String, _ output: [UInt8]) throws -> [Fact] {
    guard known.workflow.watched.watches(key) else { return [] }
    return known.workflow.watched.facts(output: try JSONDocument(parsing: output).root, of: key)
  }

  private func startChild(
    _ timer: DueTimer, _ known: KnownRun, _ key: String, _ attempt: Int, _ name: String, _ version: Int?,
    _ input: Payload
  ) async throws {
    func fail(_ code: String, _ message: String) async throws {
      let failure = Failure(code: code, message: message, isRetryable: false)
      try await engine.apply(
        RunChange(run: timer.run, inputs: [.fail(step: key, attempt: attempt, failure)], timer: timer.id))
    }
    guard known.facts.depth < TimerService.depthMax else {
      return try await fail("too_deep", "Sub-runs may be nested \(TimerService.depthMax) deep.")
    }
    guard let workflow = try await engine.catalog.find(timer.tenant, name, version: version) else {
      return try await fail(
        "unknown_workflow", "There is no workflow \(name)\(version.map { " version \($0)" } ?? "").")
    }
    let child = RunID.of(timer.run, step: key, attempt: attempt)
    let facts = RunFacts(
      tenant: timer.tenant, task: known.facts.task, project: known.facts.project, priority: known.facts.priority,
      parent: ParentStep(run: timer.run, step: key, attempt: attempt), depth: known.facts.depth + 1,
      traceparent: known.facts.traceparent)
    let submission = try RunEngine.begin(
      run: child, facts: facts, task: nil, principal: "orchestrator", workflow: workflow, input: input)
    try await engine.accept(submission)
    do {
      try await engine.apply(
        RunChange(
          run: timer.run, inputs: [.startChild(step: key, attempt: attempt, run: child.description)],
          timer: timer.id))
    } catch let refused as RunEngine.Refused {
      // Nobody waits for the sub-run any more, unless this very timer has begun it before.
      if try await engine.look(timer.run)?.state.step(key)?.child != child.description {
        try await ignoringRefusals {
          try await engine.apply(
            .cancel(by: "orchestrator", reason: "The run that began it has gone on without it."), to: child)
        }
      }
      throw refused
    }
  }

  private func childEnded(_ timer: DueTimer, _ key: String, _ attempt: Int) async throws {
    guard let child = timer.other, let end = try await store.end(of: child),
      let known = try await engine.look(timer.run)
    else { throw RunEngine.Refused.unknownRun }
    switch end.status {
    case .succeeded:
      let output = Payload(end.output ?? Array("null".utf8))
      let facts = try facts(known, key, output.body)
      try await engine.apply(
        RunChange(
          run: timer.run, inputs: [.succeed(step: key, attempt: attempt, output: output.ref, facts: facts)],
          payloads: [output], timer: timer.id))
    default:
      let failure =
        end.failure ?? Failure(code: "child_cancelled", message: "The sub-run was cancelled.", isRetryable: false)
      try await engine.apply(
        RunChange(
          run: timer.run,
          inputs: [
            .fail(
              step: key, attempt: attempt,
              Failure(code: failure.code, message: "Sub-run \(child): \(failure.message)", isRetryable: false))
          ], timer: timer.id))
    }
  }
}
