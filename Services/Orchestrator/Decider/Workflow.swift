/// A workflow as the decider needs it: steps and what each waits for. Immutable once a run has used it.
public struct Workflow: Hashable, Sendable {
  /// Steps that a run may have in total, with all that fan-outs and planners add.
  public static let stepsMax = 10_000
  /// How long a run that was cancelled or whose time is over may take to undo what was done.
  public static let undoingMillisecondsStandard: Int64 = 600_000

  /// The name by which tasks ask for it.
  public let name: String
  /// Grows with every change.
  public let version: Int
  /// The steps, in the order in which they are shown.
  public var steps: [WorkflowStep]
  /// The step whose output is the result of the run.
  public let resultStep: String
  /// Longest life of a run in milliseconds; `nil` is without limit.
  public let timeoutMilliseconds: Int64?
  /// Longest time for undoing what was done; `nil` is the standard behind a cancellation or the end of the run's time,
  /// and without limit behind a failure.
  public var undoingMilliseconds: Int64?

  /// Makes a workflow; its steps must form a graph without cycles, with unique keys and known dependencies. The result
  /// is that of the last step when `resultStep` is nil.
  public init(
    name: String, version: Int, steps: [WorkflowStep], resultStep: String? = nil, timeoutMilliseconds: Int64? = nil
  ) {
    self.name = name
    self.version = version
    self.steps = steps
    self.resultStep = resultStep ?? steps.last?.key ?? ""
    self.timeoutMilliseconds = timeoutMilliseconds
  }

  /// The step of a key.
  public func step(_ key: String) -> WorkflowStep? { steps.first { $0.key == key } }
}

/// One node of a workflow's graph.
public struct WorkflowStep: Hashable, Sendable {
  /// Who does the step.
  public enum Kind: Hashable, Sendable {
    /// A worker that takes steps of this job type.
    case work(jobType: String)
    /// The orchestrator itself: the rendered input is the output.
    case transform
    /// Nobody: the step is done after a time.
    case delay(milliseconds: Int64)
    /// Somebody who sends the named signal; its data is the output.
    case signal(name: String)
    /// A person who approves what the rendered input says.
    case approval
    /// Another run; `version` nil is the newest when the step begins.
    case run(workflow: String, version: Int?)
  }

  /// When a step that depends on others begins.
  public enum Join: Hashable, Sendable {
    /// All dependencies have ended and not all of them were skipped.
    case all
    /// So many dependencies have succeeded.
    case atLeast(Int)
  }

  /// One instance of the step for each element of a list.
  public struct FanOut: Hashable, Sendable {
    /// The fact that holds the number of elements: the reference to the list.
    public let items: String
    /// Instances that may run at the same time.
    public let width: Int
    /// Longest list; a longer one fails the step.
    public let itemsMax: Int

    /// Makes a fan-out.
    public init(items: String, width: Int, itemsMax: Int) {
      self.items = items
      self.width = width
      self.itemsMax = itemsMax
    }
  }

  /// What follows when a step has failed for good.
  public enum FailurePolicy: Hashable, Sendable {
    /// The run fails.
    case fail
    /// The steps behind it go on without its output.
    case proceed
    /// These steps undo what was done, one after the other; then the run fails.
    case compensate([String])
  }

  /// Who takes over when the attempts of a step are used up.
  public struct Fallback: Hashable, Sendable {
    /// Another agent; `nil` keeps the one before.
    public let agent: String?
    /// Another model; `nil` keeps the one before.
    public let model: String?

    /// Makes a fallback.
    public init(agent: String?, model: String?) {
      self.agent = agent
      self.model = model
    }
  }

  /// The name of the step within its workflow, for example `answer`.
  public let key: String
  /// Who does it.
  public let kind: Kind
  /// Keys of the steps that it waits for.
  public var dependsOn: [String] = []
  /// How many of them.
  public var join = Join.all
  /// The step is skipped when this does not hold.
  public var condition: Condition?
  /// One instance for each element of a list.
  public var fanOut: FanOut?
  /// The step is a planner that may add so many steps; `nil` when it is none.
  public var expansionStepsMax: Int?
  /// What happens when an attempt fails.
  public var retry = RetryPolicy.standard
  /// How long it may take.
  public var timeouts = StepTimeouts()
  /// What happens when all attempts have failed.
  public var onFailure = FailurePolicy.fail
  /// Who takes over before the step counts as failed, in order.
  public var fallbacks: [Fallback] = []
  /// The agent that does it.
  public var agent: String?
  /// The model or tier that the agent uses.
  public var model: String?
  /// From -10 (later) to 10 (sooner).
  public var priority = 0
  /// Names that at most one step of the tenant holds at a time.
  public var locks: [String] = []
  /// The template of the input as JSON text; the decider does not look into it. `nil` hands on the run's input.
  public var input: String?
  /// The step only runs to undo another one.
  public var isCompensation = false

  /// Makes a step.
  public init(key: String, kind: Kind, dependsOn: [String] = []) {
    self.key = key
    self.kind = kind
    self.dependsOn = dependsOn
    retry = WorkflowStep.standardRetry(of: kind)
  }

  /// A step of a worker.
  public init(
    key: String, jobType: String, dependsOn: [String] = [], retry: RetryPolicy = .standard
  ) {
    self.init(key: key, kind: .work(jobType: jobType), dependsOn: dependsOn)
    self.retry = retry
  }

  /// The policy of a step whose document has none. The steps of a sub-run have retries of their own.
  public static func standardRetry(of kind: Kind) -> RetryPolicy {
    guard case .run = kind else { return .standard }
    var policy = RetryPolicy.standard
    policy.attemptsMax = 1
    return policy
  }

  /// Whether a worker does it.
  public var isWork: Bool { if case .work = kind { true } else { false } }
}

/// How long a step may take, in milliseconds; `nil` is without limit.
public struct StepTimeouts: Hashable, Sendable {
  /// From ready to leased.
  public var scheduleToStart: Int64?
  /// From leased to its result; for signals, approvals and sub-runs how long is waited.
  public var startToClose: Int64?
  /// Silence of the worker after which the step is given to another; `nil` is the standard of the service.
  public var heartbeat: Int64?

  /// Makes limits.
  public init(scheduleToStart: Int64? = nil, startToClose: Int64? = nil, heartbeat: Int64? = nil) {
    self.scheduleToStart = scheduleToStart
    self.startToClose = startToClose
    self.heartbeat = heartbeat
  }
}
