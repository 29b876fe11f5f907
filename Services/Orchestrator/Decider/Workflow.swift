/// A workflow as the decider needs it: steps and what each waits for. Immutable once a run has used it.
public struct Workflow: Hashable, Sendable {
  /// One node of the graph.
  public struct Step: Hashable, Sendable {
    /// The name of the step within its workflow, for example `answer`.
    public let key: String
    /// Which workers may run it.
    public let jobType: String
    /// Keys of the steps whose success it waits for.
    public let dependsOn: [String]
    /// What happens when an attempt fails.
    public let retry: RetryPolicy

    /// Makes a step.
    public init(key: String, jobType: String, dependsOn: [String] = [], retry: RetryPolicy = .standard) {
      self.key = key
      self.jobType = jobType
      self.dependsOn = dependsOn
      self.retry = retry
    }
  }

  /// The name by which tasks ask for it.
  public let name: String
  /// Grows with every change.
  public let version: Int
  /// The steps, in the order in which they are shown.
  public let steps: [Step]

  /// Makes a workflow; its steps must form a graph without cycles, with unique keys and known dependencies.
  public init(name: String, version: Int, steps: [Step]) {
    self.name = name
    self.version = version
    self.steps = steps
  }

  /// One agent answers the task.
  public static let single = Workflow(
    name: "single", version: 1, steps: [Step(key: "answer", jobType: "agent")])

  /// The workflows that every installation has, by name.
  public static let builtIn: [String: Workflow] = [single.name: single]

  /// The step of a key.
  public func step(_ key: String) -> Step? { steps.first { $0.key == key } }
}

/// How often and when a failed attempt is repeated.
public struct RetryPolicy: Hashable, Sendable {
  /// Attempts in total, the first included.
  public let attemptsMax: Int
  /// Wait before the second attempt; doubled for each further one.
  public let backoffMilliseconds: Int64
  /// Longest wait.
  public let backoffMillisecondsMax: Int64

  /// Makes a policy.
  public init(attemptsMax: Int, backoffMilliseconds: Int64, backoffMillisecondsMax: Int64) {
    self.attemptsMax = attemptsMax
    self.backoffMilliseconds = backoffMilliseconds
    self.backoffMillisecondsMax = backoffMillisecondsMax
  }

  /// Three attempts, one and two seconds apart.
  public static let standard = RetryPolicy(
    attemptsMax: 3, backoffMilliseconds: 1000, backoffMillisecondsMax: 60_000)

  /// Milliseconds to wait after the given number of failed attempts; always the same for the same number.
  public func delayMilliseconds(afterAttempt attempt: Int) -> Int64 {
    let doublings = min(max(0, attempt - 1), 30)
    let (delay, overflow) = backoffMilliseconds.multipliedReportingOverflow(by: 1 << Int64(doublings))
    return overflow ? backoffMillisecondsMax : min(delay, backoffMillisecondsMax)
  }
}
