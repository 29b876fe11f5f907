public import Contracts

/// What the decider knows of a run: the fold of its history.
public struct RunState: Hashable, Sendable {
  /// Where a run stands.
  public enum Status: String, Hashable, Sendable {
    /// Accepted; no step has been leased yet.
    case pending
    /// At least one step was leased and the run has not ended.
    case running
    /// The run has failed, and what was done is being undone.
    case compensating
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
    /// Waits for the steps it depends on, or for its turn in a fan-out.
    case blocked
    /// Waits for a worker.
    case ready
    /// A worker holds its lease.
    case leased(worker: String)
    /// Waits for a time, a signal, a person, a sub-run, or the orchestrator itself.
    case waiting
    /// Its instances or the steps of its plan are at work.
    case expanded
    /// Delivered a result.
    case succeeded
    /// Failed for good.
    case failed
    /// Was not needed.
    case skipped
    /// The run ended or turned back before it did.
    case abandoned

    /// Whether nothing more will happen to it.
    public var isEnded: Bool {
      switch self {
      case .succeeded, .failed, .skipped, .abandoned: true
      default: false
      }
    }

    /// Whether it has begun, whatever became of it then.
    var hasBegun: Bool {
      switch self {
      case .ready, .leased, .waiting, .expanded, .succeeded, .failed: true
      case .blocked, .skipped, .abandoned: false
      }
    }

    /// Whether a worker is at it.
    var isLeased: Bool { if case .leased = self { true } else { false } }

    /// Whether it has begun and not ended.
    public var isOpen: Bool {
      switch self {
      case .ready, .leased, .waiting: true
      default: false
      }
    }
  }

  /// One step of the run: one of the workflow, an instance of a fan-out, or one that a planner added.
  public struct Step: Hashable, Sendable {
    /// Its name within the run: `answer`, `review[3]`, `plan/research`.
    public let key: String
    /// Its place in `RunState.definitions`.
    public let definition: Int
    /// The place of the step that it is an instance or part of; `nil` for a step of the workflow.
    public let parent: Int?
    /// The position in the list of the fan-out, from 0.
    public let item: Int?
    /// Where it stands.
    public internal(set) var status = StepStatus.blocked
    /// The attempt that runs or ran last, from 1; 0 before the first.
    public internal(set) var attempt = 0
    /// Calls recorded by all attempts: the next call has this index.
    public internal(set) var recordedCalls = 0
    /// Bytes of what was answered to them, and of what people have answered.
    public internal(set) var journalBytes = 0
    /// Calls recorded up to this event do not count: a fork changed the step.
    public internal(set) var journalAfter = 0
    /// Which fallback is at work; 0 is the step as defined.
    public internal(set) var fallback = 0
    /// What it delivered.
    public internal(set) var output: PayloadRef?
    /// Why it failed last.
    public internal(set) var failure: Failure?
    /// Digest of what a person is asked to approve.
    public internal(set) var subject: PayloadRef?
    /// The sub-run.
    public internal(set) var child: String?
    /// Places of its instances or of the steps of its plan.
    public internal(set) var children: [Int] = []
    /// Places of the steps that depend on it.
    var dependents: [Int] = []
    /// Dependencies that have ended, and those among them that have succeeded or were skipped.
    var endedDependencies = 0
    var succeededDependencies = 0
    var skippedDependencies = 0
    /// Instances that have not begun yet start at this position; instances that have not ended.
    var nextChild = 0
    var openChildren = 0
    /// The attempt after which the present fallback began.
    var attemptBase = 0
    /// Attempts that were made in the run that this one is a fork of.
    public internal(set) var inheritedAttempts = 0

    /// How it has ended, for conditions.
    public var outcome: Condition.Outcome? {
      switch status {
      case .succeeded: .succeeded
      case .failed: .failed
      case .skipped: .skipped
      default: nil
      }
    }
  }

  /// A signal that no step has used yet.
  struct WaitingSignal: Hashable, Sendable {
    let name: String
    let payload: PayloadRef
  }

  /// A signal that was received, as repetitions of it are recognised.
  struct ReceivedSignal: Hashable, Sendable {
    let id: String
    let name: String
    let payload: PayloadRef
  }

  /// A failure that a later attempt answers.
  struct Feedback: Hashable, Sendable {
    /// What went wrong.
    let failure: Failure
    /// Calls of the journal that come before it.
    let callsBefore: Int
  }

  /// Why the run is being undone.
  struct Undoing: Hashable, Sendable {
    /// What it ends with afterwards.
    enum Cause: Hashable, Sendable {
      /// The failure of the step.
      case failure
      /// It was cancelled.
      case cancellation
      /// Its time was over.
      case expiry
    }

    let step: String
    let failure: Failure
    let cause: Cause
    var left: [String]
  }

  /// Signals that may wait for being used.
  static let waitingSignalsMax = 100
  /// Repetitions are recognised among so many signals.
  static let signalIDsMax = 1000

  /// Leases of a step that may get lost on the way before that counts as a loss.
  static let undeliveredMax = 20

  /// Times that workers may give a step back, without recording a call in between, before that counts as a loss.
  static let releasedMax = 20

  /// The workflow that the run is pinned to.
  public let workflow: Workflow
  /// The definitions of all steps: those of the workflow, then those that planners added.
  public internal(set) var definitions: [WorkflowStep]
  /// Events folded in so far; the next event gets the sequence number after it.
  public internal(set) var sequence = 0
  /// Where the run stands.
  public internal(set) var status = Status.pending
  /// Whether nothing new begins.
  public internal(set) var isPaused = false
  /// What all recorded calls have consumed.
  public internal(set) var usage = Usage.zero
  /// The run's input.
  public internal(set) var input: PayloadRef?
  /// Ready steps of earlier events than this one are void: the run was paused or turned back.
  public internal(set) var clearedAt = 0
  /// All steps, in the order in which they came to be.
  public internal(set) var steps: [Step] = []
  var places: [String: Int] = [:]
  var seed: UInt64 = 0
  /// Steps of the workflow that have not ended, those that only undo others aside.
  var openSteps = 0
  /// The values that are remembered, by the references that ask for them.
  public internal(set) var facts: [String: FactValue] = [:]
  var signals: [WaitingSignal] = []
  var receivedSignals: [ReceivedSignal] = []
  var undoing: Undoing?
  // What few steps have, by their places.
  /// The failure of an earlier attempt that the present one is to know of.
  var feedback: [Int: Feedback] = [:]
  /// The sub-run of the run that this one is a fork of: the next attempt goes on inside it.
  var resumed: [Int: String] = [:]
  /// Steps whose journal says that a call was about to be made which must not be made twice.
  var acted: Set<Int> = []
  /// Leases that never reached a worker.
  var undelivered: [Int: Int] = [:]
  /// Leases that workers gave back since the last call that was recorded.
  var released: [Int: Int] = [:]
  /// Workers that were lost, where that uses up no attempts.
  var losses: [Int: Losses] = [:]
  /// The last notes of steps about what they believe.
  var beliefs: [Int: PayloadRef] = [:]
  /// What steps have asked people since their journals began.
  var questions: [Int: [StepQuestion]] = [:]
  /// Why the run is about to turn back, when no step has failed.
  var endingCause: Undoing.Cause?

  /// The state before the first event.
  public init(workflow: Workflow) {
    self.workflow = workflow
    definitions = workflow.steps
    for (place, definition) in workflow.steps.enumerated() {
      places[definition.key] = place
      steps.append(Step(key: definition.key, definition: place, parent: nil, item: nil))
      if !definition.isCompensation { openSteps += 1 }
    }
    for (place, definition) in workflow.steps.enumerated() {
      for dependency in definition.dependsOn {
        if let other = places[dependency] { steps[other].dependents.append(place) }
      }
    }
  }

  /// What a signal with this id has brought; `nil` for none, or one of long ago.
  public func receivedSignal(_ id: String) -> (name: String, payload: PayloadRef)? {
    receivedSignals.first { $0.id == id }.map { ($0.name, $0.payload) }
  }

  /// The step of a key.
  public func step(_ key: String) -> Step? { places[key].map { steps[$0] } }

  /// What the step is meant to do.
  public func definition(of step: Step) -> WorkflowStep { definitions[step.definition] }

  /// The failure of an earlier attempt of the step, when no later one has recorded anything behind it.
  public func unansweredFailure(of step: Step) -> Failure? {
    places[step.key].flatMap { feedback[$0] }.flatMap { $0.callsBefore == step.recordedCalls ? $0.failure : nil }
  }

  /// The sub-run that the next attempt of the step goes on inside.
  public func resumedRun(of step: Step) -> String? { places[step.key].flatMap { resumed[$0] } }

  /// Whether another run does the step.
  func isSubRun(_ step: Step) -> Bool { if case .run = definitions[step.definition].kind { true } else { false } }

  /// The steps that undo what has begun by now, what began last first.
  func undoingSteps() -> [String] {
    var keys: [String] = []
    for step in steps.reversed() where step.status.hasBegun && !definitions[step.definition].isCompensation {
      guard case .compensate(let named) = definitions[step.definition].onFailure else { continue }
      for key in named where !keys.contains(key) && self.step(key)?.status == .blocked { keys.append(key) }
    }
    return keys
  }

  /// Who does the step now: as defined, or as its fallback says.
  public func assignment(of step: Step) -> (agent: String?, model: String?) {
    let definition = definitions[step.definition]
    var agent = definition.agent
    var model = definition.model
    for fallback in definition.fallbacks.prefix(step.fallback) {
      agent = fallback.agent ?? agent
      model = fallback.model ?? model
    }
    return (agent, model)
  }

  /// The place of the step as seen by others: `running`, or `paused` when nothing new begins.
  public var effectiveStatus: String { isPaused && !status.isEnded ? "paused" : status.rawValue }

  /// Whether it waits for several sub-runs: their ends come one upon the other.
  public var awaitsSubRuns: Bool {
    var count = 0
    for step in steps where step.status == .waiting && isSubRun(step) {
      count += 1
      if count > 1 { return true }
    }
    return false
  }

  /// Whether a worker or the orchestrator has something to do now; otherwise the run only waits.
  public var isActive: Bool {
    steps.contains { step in
      switch step.status {
      case .ready, .leased: true
      default: false
      }
    }
  }
}
