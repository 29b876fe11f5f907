public import Contracts
public import Primitives

/// The step on whose behalf the workspace is used: what proves that this worker holds its lease.
public struct WorkspaceStep: Sendable {
  /// The step.
  public let step: StepID
  /// The tenant of the step.
  public let tenant: TenantID
  /// The fencing token of its lease.
  public let token: UUID
  /// The assertion as it stands at the moment; heartbeats renew it.
  public let assertion: @Sendable () -> String
  /// The span that calls belong to, as W3C Trace Context.
  public let traceparent: String?

  /// Names a step.
  public init(
    step: StepID, tenant: TenantID, token: UUID, assertion: @escaping @Sendable () -> String,
    traceparent: String? = nil
  ) {
    self.step = step
    self.tenant = tenant
    self.token = token
    self.assertion = assertion
    self.traceparent = traceparent
  }
}
