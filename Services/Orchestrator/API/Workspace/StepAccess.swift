internal import APIKit
internal import Artefacts
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import RunEngine
internal import RunStorage

/// Lets workers use the workspace of a step whose lease they hold, and nobody else.
struct StepAccess: Sendable {
  let store: RunStore
  let workers: WorkerAuthenticator

  /// A lease that was proved just now.
  struct Proof: Sendable {
    let lease: OverdueLease
    let caller: Caller

    /// What fences the writes of the step.
    var fence: LeaseFence { LeaseFence(step: lease.step, token: lease.token) }
  }

  /// The lease for which a request is made. Throws a 401, 403 or 409 `Problem`.
  func proof(_ request: HTTPRequest) async throws -> Proof {
    let step = try PathParameter.id(request, StepID.self)
    let caller = try workers.caller(of: step, assertion: request.headers[InternalHeader.assertion])
    guard let token = request.headers[WorkspacePath.leaseToken].flatMap({ UUID($0) }) else {
      throw Problem.badParameter(WorkspacePath.leaseToken, "The token of the lease is expected.")
    }
    try workers.requireLease(token, of: .caller(caller))
    // Always the database: another replica may have taken the lease back.
    guard let lease = try await store.leasedStep(step), lease.token == token, lease.tenant == caller.tenant else {
      throw ChangeRefusal.leaseLost
    }
    return Proof(lease: lease, caller: caller)
  }

  /// What it means that a fenced statement wrote nothing: the lease was lost meanwhile, or `other`.
  func refusal(_ proof: Proof, or other: Problem) async throws -> any Error {
    guard let lease = try await store.leasedStep(proof.lease.step), lease.token == proof.lease.token else {
      return ChangeRefusal.leaseLost
    }
    return other
  }
}
