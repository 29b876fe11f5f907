public import Primitives

/// A step that is leased to a worker, with all that it needs.
public struct StepLease: Hashable, Sendable {
  /// The step.
  public let step: StepID
  /// The run.
  public let run: RunID
  /// The task of the run.
  public let task: TaskID
  /// The tenant.
  public let tenant: TenantID
  /// The key of the step in its workflow.
  public let key: String
  /// The attempt, from 1.
  public let attempt: Int
  /// Fences writes: what comes with another token has no effect.
  public let token: UUID
  /// How long the lease lasts without a heartbeat, in milliseconds.
  public let leaseMilliseconds: Int64
  /// When it ends, by the clock of the database.
  public let deadline: Timestamp
  /// What the worker may do for the step, signed.
  public let assertion: String
  /// Who has submitted the task.
  public var principal: String?
  /// The agent, where the step names one.
  public var agent: String?
  /// The project of the task.
  public var project: String?
  /// The model, alias or tier that the step names.
  public var model: String?
  /// The trace that the work belongs to.
  public var traceparent: String?
  /// The input, a JSON document.
  public let input: [UInt8]
  /// The calls of earlier attempts, in their order.
  public var journal: [JournalEntry] = []
  /// What people have answered to the step so far, in the order of the questions.
  public var answers: [StepAnswer] = []
  /// The kind of work, as the worker asked for it; `nil` from an orchestrator that does not say it.
  public var jobType: String?
  /// How the attempt before has failed; `nil` at first, and when it was lost.
  public var previousFailure: PreviousFailure?

  /// Makes a lease.
  public init(
    step: StepID, run: RunID, task: TaskID, tenant: TenantID, key: String, attempt: Int, token: UUID,
    leaseMilliseconds: Int64, deadline: Timestamp, assertion: String, input: [UInt8]
  ) {
    self.step = step
    self.run = run
    self.task = task
    self.tenant = tenant
    self.key = key
    self.attempt = attempt
    self.token = token
    self.leaseMilliseconds = leaseMilliseconds
    self.deadline = deadline
    self.assertion = assertion
    self.input = input
  }
}
