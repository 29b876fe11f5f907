public import Contracts

/// What the decider knows of a run: the fold of its history.
public struct RunState: Hashable, Sendable {
  /// Where a run stands.
  public enum Status: String, Hashable, Sendable {
    /// Accepted; no step has been leased yet.
    case pending
    /// At least one step was leased and the run has not ended.
    case running
    /// Ended with a result.
    case succeeded
    /// Ended without a result.
    case failed
    /// Ended on request.
    case cancelled

    /// Whether nothing more will happen.
    public var isEnded: Bool { self == .succeeded || self == .failed || self == .cancelled }
  }

  /// Where a step stands.
  public enum StepStatus: Hashable, Sendable {
    /// Waits for the steps it depends on.
    case blocked
    /// Waits for a worker.
    case ready
    /// A worker holds its lease.
    case leased(worker: String)
    /// Delivered a result.
    case succeeded(output: PayloadRef)
    /// Will not be attempted again.
    case failed
    /// The run ended before it did.
    case abandoned
  }

  /// One step.
  public struct Step: Hashable, Sendable {
    /// Where it stands.
    public internal(set) var status: StepStatus = .blocked
    /// The attempt that runs or ran last, from 1; 0 before the first.
    public internal(set) var attempt = 0
    /// Calls recorded by all attempts: the next call has this index.
    public internal(set) var recordedCalls = 0
  }

  /// The workflow that the run is pinned to.
  public let workflow: Workflow
  /// Events folded in so far; the next event gets the sequence number after it.
  public internal(set) var sequence = 0
  /// Where the run stands.
  public internal(set) var status = Status.pending
  /// Steps by key.
  public internal(set) var steps: [String: Step] = [:]
  /// What all recorded calls have consumed.
  public internal(set) var usage = Usage.zero

  /// The state before the first event.
  public init(workflow: Workflow) {
    self.workflow = workflow
    for step in workflow.steps { steps[step.key] = Step() }
  }
}
