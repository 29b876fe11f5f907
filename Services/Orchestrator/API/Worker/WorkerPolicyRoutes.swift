internal import APIKit
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Policy
internal import PolicyDecisions
internal import PolicyState
internal import Primitives
internal import Reactor

/// `/worker/v1/policies` and `/worker/v1/steps/{id}/policies`: what workers need to ask policies as every service does.
/// All is in memory. A worker sees the data of the tenants alone whose steps it has leased.
struct WorkerPolicyRoutes: Sendable {
  let policies: PolicyStateFollower
  let workers: WorkerAuthenticator

  func add(to router: inout Router) {
    router.api(.get, WorkerPath.policies) { request in
      try workers.require(request)
      let answer = WorkerPolicies(switches: policies.switches, data: policies.data)
      return .json { answer.writeMembers(to: &$0) }
    }
    router.api(.get, WorkerPath.policies(ofStep: "{id}")) { request in
      let step = try PathParameter.id(request, StepID.self)
      let caller = try workers.caller(of: step, assertion: request.headers[InternalHeader.assertion])
      // First how far all is known: what is read behind it is no older.
      let known = policies.data
      let (revision, data) = policies.data(of: caller.tenant)
      let answer = StepPolicies(revision: revision, known: known, document: data?.document.json)
      return .json { answer.writeMembers(to: &$0) }
    }
  }
}

extension WorkerRoutes {
  /// How long a request for steps waits while everything is halted.
  private static let haltedWait: Int64 = 1000
  private static let haltedLook = Duration.milliseconds(100)

  /// Whether no steps are given out, because everything is halted: after a wait, so that workers do not ask at once.
  func isHalted(waiting milliseconds: Int64) async throws -> Bool {
    guard let policies else { return false }
    for _ in 0..<(min(milliseconds, WorkerRoutes.haltedWait) / WorkerRoutes.haltedLook.milliseconds)
    where policies.policies.isHalted {
      try await EventLoop.sleep(for: WorkerRoutes.haltedLook)
    }
    return policies.policies.isHalted
  }
}
