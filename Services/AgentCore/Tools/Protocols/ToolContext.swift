public import Contracts
public import Primitives

/// For whom and within what a tool is called.
public struct ToolContext: Sendable {
  /// The tenant; circuit breakers and registries are kept apart by it.
  public let tenant: TenantID
  /// The run.
  public let run: RunID
  /// The step.
  public let step: StepID
  /// The attempt at the step, from 1.
  public let attempt: Int
  /// The project of the task.
  public let project: String?
  /// Who has submitted the task.
  public let principal: String?
  /// The fencing token of the lease, for calls to the orchestrator on behalf of the step.
  public let token: UUID
  /// The assertion of the step, fresh at each call: it is renewed while the step runs.
  public let assertion: @Sendable () -> String
  /// The span that calls belong to, as W3C Trace Context.
  public var traceparent: String?
  /// When the step has to be done, in monotonic nanoseconds. A call ends at its own time-out or here.
  public var deadline: UInt64

  /// Makes a context.
  public init(
    tenant: TenantID, run: RunID, step: StepID, attempt: Int = 1, project: String? = nil, principal: String? = nil,
    token: UUID, assertion: @escaping @Sendable () -> String, traceparent: String? = nil, deadline: UInt64 = .max
  ) {
    self.tenant = tenant
    self.run = run
    self.step = step
    self.attempt = attempt
    self.project = project
    self.principal = principal
    self.token = token
    self.assertion = assertion
    self.traceparent = traceparent
    self.deadline = deadline
  }
}
