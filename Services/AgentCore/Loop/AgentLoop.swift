internal import Contracts
internal import Primitives

/// One attempt of one step: performs what its state machine says.
///
/// Every call is recorded before its result is used for another one; the last is recorded together with the outcome. A
/// repeated attempt is answered from the record as far as it reaches, so that nothing is paid or done twice. An attempt
/// that goes on after a failed one shows the model what was wrong with its answer.
public struct AgentLoop: Sendable {
  private let start: AttemptStart
  private let models: any ModelCalling
  private let tools: any StepTools
  private let recorder: any CallRecording
  private let caps: AgentLimits
  private let now: @Sendable () -> UInt64

  /// Makes the loop of an attempt. `caps` is how far any step may go, `now` monotonic time in nanoseconds.
  public init(
    _ start: AttemptStart, models: any ModelCalling, tools: any StepTools, recorder: any CallRecording,
    caps: AgentLimits = AgentLimits(), now: @escaping @Sendable () -> UInt64
  ) {
    self.start = start
    self.models = models
    self.tools = tools
    self.recorder = recorder
    self.caps = caps
    self.now = now
  }

  /// Runs the attempt. Throws `AgentFailure` or `AttemptReleased`, with the calls that are not recorded yet, or what
  /// ends the attempt. When the task is cancelled, so are the model call and the tools that run.
  public func run() async throws -> AttemptEnd {
    var machine = AgentStateMachine(start, caps: caps, now: now())
    return try await withThrowingTaskGroup(of: AgentStateMachine.Event?.self) { group in
      var inFlight = 0
      var isReleased = false
      while true {
        var actions = machine.poll(now: now())
        if let result = AgentLoop.end(of: actions) { return try result.get() }
        // What is known is recorded, and nothing else is begun.
        if isReleased { actions = actions.filter { if case .record = $0 { true } else { false } } }
        if isReleased, actions.isEmpty, inFlight == 0 { throw AttemptReleased(calls: machine.pending) }
        if actions.count == 1, inFlight == 0, let action = actions.first {
          // Most of the time one thing is waited for; it needs no task of its own.
          if let event = try await perform(action) { machine.take(event) } else { isReleased = true }
          continue
        }
        for action in actions {
          inFlight += 1
          group.addTask { try await perform(action) }
        }
        guard let event = try await group.next() else {
          throw AgentFailure(code: "worker_failed", message: "The attempt does not go on.", isRetryable: true)
        }
        inFlight -= 1
        if let event { machine.take(event) } else { isReleased = true }
      }
    }
  }

  /// `nil`: the step is given back.
  private func perform(_ action: AgentStateMachine.Action) async throws -> AgentStateMachine.Event? {
    do { return try await event(of: action) } catch is AttemptReleased { return nil }
  }

  private static func end(of actions: [AgentStateMachine.Action]) -> Result<AttemptEnd, AgentFailure>? {
    guard case .end(let result)? = actions.last else { return nil }
    return result
  }

  private func event(of action: AgentStateMachine.Action) async throws -> AgentStateMachine.Event {
    switch action {
    case .offer:
      do { return .offered(try await tools.offer()) } catch let failure as AgentFailure {
        return .offerFailed(failure)
      }
    case .callModel(let request):
      do { return .model(try await models.complete(request)) } catch let failure as AgentFailure {
        return .modelFailed(failure)
      }
    case .decide(let calls, let earlier): return .decided(try await tools.decide(calls, after: earlier))
    case .runTool(let place, let call):
      let started = now()
      let outcome = try await tools.run(call)
      return .toolEnded(place, outcome, milliseconds: Int64(clamping: (now() &- started) / 1_000_000))
    case .keep(let place, let text, let name, let call):
      return .kept(place, try await tools.keep(text, as: name, of: call))
    case .record(let calls):
      try await recorder.record(calls)
      return .recorded
    case .end:
      // The loop has ended before.
      return .recorded
    }
  }
}
