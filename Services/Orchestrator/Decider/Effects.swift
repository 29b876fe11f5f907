/// What the shell has to do after a decision: derived from its events and the state behind them, so that it needs no
/// memory of its own.
public struct Effects: Hashable, Sendable {
  /// What becomes of the queue entries, leases and timers that the run had before.
  public enum Clearing: Int, Hashable, Sendable {
    /// They stay.
    case nothing
    /// Steps that no worker has taken leave the queue.
    case ready
    /// All of them go.
    case everything
  }

  /// A step that begins.
  public struct Dispatch: Hashable, Sendable {
    /// Its place in `RunState.steps`.
    public let place: Int
    /// Milliseconds to wait before.
    public let delayMilliseconds: Int64
  }

  /// The sub-run of an attempt that nobody waits for any more. Where it has not begun yet, it must not begin.
  public struct Orphan: Hashable, Sendable {
    /// The step.
    public let step: String
    /// The attempt that it was for.
    public let attempt: Int

    /// Makes an orphan.
    public init(step: String, attempt: Int) {
      self.step = step
      self.attempt = attempt
    }
  }

  /// What goes.
  public var clearing = Clearing.nothing
  /// Steps for the queue of workers.
  public var work: [Dispatch] = []
  /// Steps that the orchestrator itself does or waits for.
  public var own: [Dispatch] = []
  /// Sub-runs that nobody waits for any more.
  public var orphans: [Orphan] = []
  /// What was done is being undone because the run was cancelled or its time was over, or the workflow limits the time
  /// of undoing: so many milliseconds.
  public var undoingLimit: Int64?

  /// The effects of `events`, which led to `state`.
  public init(of events: [RunEvent], in state: RunState) {
    var abandoned: Set<String> = []
    for event in events {
      switch event {
      case .stepReady(let key, let attempt, let delay):
        guard let place = state.places[key], state.steps[place].attempt == attempt else { continue }
        add(place, delay, state)
      case .runPaused: clearing = max(clearing, .ready)
      case .runResumed:
        for place in state.steps.indices where state.steps[place].status == .ready { add(place, 0, state) }
      case .stepTimedOut(let key, let attempt, _, _, _):
        if let place = state.places[key], state.isSubRun(state.steps[place]) {
          orphans.append(Orphan(step: key, attempt: attempt))
        }
      case .compensationStarted, .runSucceeded, .runFailed, .runCancelled:
        if case .compensationStarted(let step, _) = event {
          undoingLimit =
            state.workflow.undoingMilliseconds ?? (step.isEmpty ? Workflow.undoingMillisecondsStandard : nil)
        }
        clearing = .everything
        for step in state.steps where step.status == .abandoned && step.attempt > 0 && state.isSubRun(step) {
          if abandoned.insert(step.key).inserted {
            orphans.append(Orphan(step: step.key, attempt: step.attempt))
          }
        }
      default: break
      }
    }
    if state.status.isEnded { undoingLimit = nil }
  }

  private mutating func add(_ place: Int, _ delay: Int64, _ state: RunState) {
    switch state.steps[place].status {
    case .ready:
      if !state.isPaused { work.append(Dispatch(place: place, delayMilliseconds: delay)) }
    case .waiting: own.append(Dispatch(place: place, delayMilliseconds: delay))
    default: break
    }
  }
}

extension Effects.Clearing: Comparable {
  /// By how much goes.
  public static func < (left: Effects.Clearing, right: Effects.Clearing) -> Bool { left.rawValue < right.rawValue }
}
