internal import AgentLoop
internal import JSON
internal import Primitives
internal import Telemetry

/// A step that this worker holds.
public struct LeasedStep: Sendable {
  private static let leaseMin: Int64 = 100
  private static let leaseMax: Int64 = 86_400_000

  let id: String
  let run: String
  let tenant: String
  /// Whom the use of models is put down to, beside the run.
  let project: String?
  let agent: String?
  /// Who has submitted the task.
  let principal: String?
  let attempt: Int64
  let token: String
  let lease: Duration
  /// What the attempt begins with.
  let start: AttemptStart
  /// The trace that the work goes on.
  let trace: TraceContext?
}

extension LeasedStep {
  /// Reads one lease of the orchestrator's answer; `nil` when a member is missing.
  init?(_ view: JSONView) {
    guard let id = view["step_id"]?.string, let run = view["run_id"]?.string, let tenant = view["tenant_id"]?.string,
      let attempt = view["attempt"]?.int, let token = view["token"]?.string, let lease = view["lease_ms"]?.int,
      let start = AttemptStart(lease: view)
    else { return nil }
    self.init(
      id: id, run: run, tenant: tenant, project: view["project"]?.string, agent: view["agent"]?.string,
      principal: view["principal"]?.string,
      attempt: attempt, token: token,
      lease: .milliseconds(max(LeasedStep.leaseMin, min(lease, LeasedStep.leaseMax))), start: start,
      trace: view["traceparent"]?.string.flatMap { TraceContext(traceparent: $0) })
  }
}
