internal import AgentLoop
public import Contracts
internal import Primitives
internal import Telemetry

/// A step that is leased to this worker.
public struct LeasedStep: Sendable {
  let id: StepID
  let run: RunID
  let tenant: TenantID
  let project: String?
  let principal: String?
  let attempt: Int
  /// What the worker may do for the step; renewed with each extension of the lease.
  let assertion: StepAssertion
  /// The fencing token.
  let token: UUID
  /// How long the lease lasts without a heartbeat.
  let lease: Duration
  /// What the attempt begins with.
  let start: AttemptStart
  /// The span that the work belongs to: at first that of the dispatch, then the attempt's own.
  var trace: TraceContext?

  /// Takes a lease; `nil` when its input or a recorded call cannot be read.
  public init?(_ lease: StepLease) {
    guard let start = AttemptStart(lease) else { return nil }
    id = lease.step
    run = lease.run
    tenant = lease.tenant
    project = lease.project
    principal = lease.principal
    attempt = lease.attempt
    assertion = StepAssertion(lease.assertion)
    token = lease.token
    self.lease = .milliseconds(lease.leaseMilliseconds)
    self.start = start
    trace = lease.traceparent.flatMap { TraceContext(traceparent: $0) }
  }
}
