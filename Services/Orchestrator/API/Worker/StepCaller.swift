internal import Contracts
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import ServiceKit
internal import SystemSources

/// The caller that a worker is for a leased step.
enum StepCaller {
  /// By so much a step's assertion may have ended: a worker that did not reach the orchestrator for a while delivers
  /// what it has, if nobody else got the step meanwhile. The lease decides, not the time; longer than workers go on
  /// unheard.
  private static let lateSeconds: Int64 = 1200

  /// The caller that a leased step's assertion is made for.
  static func make(_ step: LeasedStep, by submitter: String?) -> Caller {
    Caller(
      issuer: .orchestrator, tenant: step.tenant, principal: submitter ?? "unknown", scopes: [.models, .step],
      project: step.named("project:"), agent: step.named("agent:"),
      step: Caller.Step(run: step.run, id: step.step, lease: LeaseBinding(token: step.token)))
  }

  /// The caller behind an assertion, which must be for `step`. Throws a 401 or 403 `Problem`.
  static func authenticate(
    _ assertion: String?, of step: StepID, _ authenticator: Authenticator
  ) throws(Problem) -> Caller {
    let caller = try authenticator.authenticate(
      assertion, scope: .step, now: WallClock.now(), late: StepCaller.lateSeconds)
    guard caller.step?.id == step else {
      throw Problem(.forbidden, code: "step_differs", "The assertion is for another step.")
    }
    return caller
  }

  /// Throws a 403 `Problem` when the assertion was made for another lease than the fencing token.
  static func check(_ caller: Caller, holds token: UUID) throws(Problem) {
    guard caller.step?.lease == LeaseBinding(token: token) else {
      throw Problem(.forbidden, code: "lease_differs", "The assertion is for another lease of the step.")
    }
  }
}
