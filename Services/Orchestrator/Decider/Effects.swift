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

  /// What goes.
  public var clearing = Clearing.nothing
  /// Steps for the queue of workers.
  public var work: [Dispatch] = []
  /// Steps that the orchestrator itself does or waits for.
  public var own: [Dispatch] = []
  /// Sub-runs that nobody waits for any more.
  public var orphans: [String] = []

  /// The effects of `events`, which led to `state`.
  public init(of events: [RunEvent], in state: RunState) {
    for event in events {
      switch event {
      case .stepReady(let key, let attempt, let delay):
        guard let place = state.places[key], state.steps[place].attempt == attempt else { continue }
        add(place, delay, state)
      case .runPaused: clearing = max(clearing, .ready)
      case .runResumed:
        for place in state.steps.indices where state.steps[place].status == .ready { add(place, 0, state) }
      case .stepTimedOut(let key, _, _):
        if let place = state.places[key], let child = state.steps[place].child { orphans.append(child) }
      case .compensationStarted, .runSucceeded, .runFailed, .runCancelled:
        clearing = .everything
        for step in state.steps where step.status == .abandoned {
          if let child = step.child { orphans.append(child) }
        }
      default: break
      }
    }
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
