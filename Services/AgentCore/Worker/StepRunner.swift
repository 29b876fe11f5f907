public import AgentLoop
public import AgentTools
public import AgentWorkspace
internal import Contracts
internal import Primitives
internal import Synchronization
public import Telemetry

/// Runs the attempts that this process holds: the agent loop, a heartbeat beside it, and the delivery of the outcome.
public final class StepRunner: Sendable {
  private let models: any ModelTransport
  private let link: any OrchestratorLink
  private let heartbeats: LeaseHeartbeats
  private let clock: any WorkerClock
  private let policy: ModelRetryPolicy
  private let telemetry: Telemetry
  private let metrics: WorkerMetrics
  private let tools: any ToolCalling
  private let artefacts: (any ArtefactStoring)?
  private let limits: AgentLimits
  private let isHalted: @Sendable () -> Bool
  private let drain = DrainSignal()
  private let open = OpenAttempts()
  private let running = Atomic<Int>(0)

  /// Makes a runner. `artefacts` is where results go that are too long for a conversation, `limits` how far any step
  /// may go; while `isHalted` says so, steps are given back before their next call.
  public init(
    models: any ModelTransport, tools: any ToolCalling, artefacts: (any ArtefactStoring)? = nil,
    link: any OrchestratorLink, clock: any WorkerClock, policy: ModelRetryPolicy,
    limits: AgentLimits = AgentLimits(), isHalted: @escaping @Sendable () -> Bool = { false }, telemetry: Telemetry
  ) {
    self.isHalted = isHalted
    self.models = models
    self.tools = tools
    self.artefacts = artefacts
    self.limits = limits
    self.link = link
    self.clock = clock
    self.policy = policy
    self.telemetry = telemetry
    metrics = WorkerMetrics(telemetry.registry)
    heartbeats = LeaseHeartbeats(link: link, clock: clock, metrics: metrics, logger: telemetry.logger)
    telemetry.registry.observeGauge("cadre_agent_attempts_running", help: "Attempts in progress.") { [weak self] in
      Double(self?.count ?? 0)
    }
  }

  /// Attempts in progress.
  public var count: Int { running.load(ordering: .relaxed) }

  /// Gives all steps back: what is known of them is recorded, and others go on with them. A tool call that cannot be
  /// made twice comes to its end first.
  public func release() { drain.give() }

  /// Attempts whose steps are neither ended nor given back.
  public var openCount: Int { open.count }

  /// Gives all steps back whatever their attempts do, except those whose outcomes are on their way. Returns how many
  /// the orchestrator has taken within `time`. Of a call that must not be made twice and has not ended, a person is
  /// asked what became of it.
  public func handBack(within time: Duration) async -> Int {
    await withTaskGroup(of: Int?.self) { [open, link, clock] group in
      group.addTask { await open.handBack(link, clock) }
      group.addTask {
        try? await clock.sleep(for: time)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      if let first { return first }
      return await group.next().flatMap(\.self) ?? 0
    }
  }

  /// Runs one attempt to its end. Returns how it ended, as metrics name it.
  @discardableResult
  public func run(_ step: LeasedStep) async -> String {
    running.wrappingAdd(1, ordering: .relaxed)
    defer { running.wrappingSubtract(1, ordering: .relaxed) }
    let started = clock.now()
    let span = telemetry.tracer.startSpan("invoke_agent", kind: .consumer, parent: step.trace)
    var step = step
    if step.trace != nil { step.trace = span.context }
    let outcome = await attempt(step, span)
    metrics.durations.observe(nanoseconds: clock.now() &- started, in: span.isRecording ? span.context : nil)
    metrics.outcomes.with(outcome).add()
    if span.isRecording {
      span.setAttribute("cadre.run.id", .string(step.run.description))
      span.setAttribute("cadre.step.id", .string(step.id.description))
      span.setAttribute("cadre.attempt", .int(Int64(step.attempt)))
      span.setAttribute("cadre.outcome", .string(outcome))
    }
    span.end()
    return outcome
  }

  private func attempt(_ step: LeasedStep, _ span: Span) async -> String {
    let lease = LeaseSession(
      step, link: link, heartbeats: heartbeats, clock: clock, metrics: metrics, logger: telemetry.logger)
    let number = open.begin(step, lease)
    defer { open.end(number) }
    let caller = ModelCaller(
      transport: models, step: step, trace: span.context, clock: clock, policy: policy, metrics: metrics, drain: drain,
      isHalted: isHalted)
    let loop = AgentLoop(
      step.start, models: caller, tools: toolset(step, span), recorder: lease, caps: limits,
      now: { [clock] in clock.now() })
    return await withTaskGroup(of: String?.self) { group in
      group.addTask { await self.work(loop, step, lease, span) }
      group.addTask {
        do {
          try await lease.sendHeartbeats()
          return nil
        } catch { return StepRunner.word(for: error) }
      }
      defer { group.cancelAll() }
      for await outcome in group { if let outcome { return outcome } }
      return "cancelled"
    }
  }

  private func toolset(_ step: LeasedStep, _ span: Span) -> StepToolset {
    let assertion = step.assertion
    let context = ToolContext(
      tenant: step.tenant, run: step.run, step: step.id, attempt: step.attempt, project: step.project,
      principal: step.principal, token: step.token, assertion: { assertion.text },
      traceparent: span.context.traceparent)
    let workspace = WorkspaceStep(
      step: step.id, tenant: step.tenant, token: step.token, assertion: { assertion.text },
      traceparent: span.context.traceparent)
    return StepToolset(
      tools, context: context, wanted: step.start.input.tools, approve: step.start.input.approve, drain: drain,
      isHalted: isHalted
    ) { [artefacts] text, name in
      guard let artefacts, let name = ArtefactName(name) else { return nil }
      do {
        return try await artefacts.put(name, Array(text.utf8), mediaType: "text/plain; charset=utf-8", for: workspace)
      } catch let error as CancellationError { throw error } catch { return nil }
    }
  }

  private func work(_ loop: AgentLoop, _ step: LeasedStep, _ lease: LeaseSession, _ span: Span) async -> String? {
    do {
      let outcome: AttemptOutcome
      do {
        switch try await loop.run() {
        case .delivered(let result): outcome = .success(result)
        case .waiting(let wait): outcome = .waiting(wait)
        }
      } catch let released as AttemptReleased {
        outcome = .released(released.calls)
      } catch let failure as AgentFailure {
        span.recordError(type: failure.code, message: failure.message)
        telemetry.logger.warning(
          "an attempt failed",
          ["run": .string(step.run.description), "attempt": .int(Int64(step.attempt)), "code": .string(failure.code)],
          trace: span.context)
        outcome = .failure(failure)
      }
      guard try await lease.deliver(outcome) else { return "undelivered" }
      switch outcome {
      case .success: return "succeeded"
      case .failure: return "failed"
      case .waiting: return "waiting"
      case .released: return "released"
      }
    } catch { return StepRunner.word(for: error) }
  }

  private static func word(for error: any Error) -> String {
    switch error as? LeaseStateMachine.End {
    case .lost: "lease_lost"
    case .silent: "orchestrator_silent"
    case nil: "cancelled"
    }
  }
}
