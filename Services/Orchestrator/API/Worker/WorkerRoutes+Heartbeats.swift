internal import APIKit
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import StepDispatch
internal import SystemSources

extension WorkerRoutes {
  /// Says of many leases of a worker whether it still has them, and extends those of which a third has passed. The
  /// token of a lease is known to its worker alone.
  func heartbeats(_ request: HTTPRequest) async throws -> HTTPResponse {
    try workers.require(request)
    let asked = try HeartbeatRequest(try await request.json().root)
    let held = try await store.heartbeats(
      asked.leases.map { ($0.step, $0.token) }, milliseconds: leaseMilliseconds)
    let byStep = Dictionary(held.map { ($0.step, $0) }) { first, _ in first }
    let fresh = await assertions(of: held.filter(\.isExtended))
    engine.leases.signed(fresh.map { ($0.key, $0.value.token, $0.value.text) })
    var lost = 0
    let entries = asked.leases.map { lease -> HeartbeatAnswer.Entry in
      guard let found = byStep[lease.step], found.token == lease.token else {
        lost += 1
        return .init(step: lease.step, outcome: .lost)
      }
      return .init(
        step: lease.step,
        outcome: .held(leaseMilliseconds: found.leaseMilliseconds, assertion: fresh[lease.step]?.text))
    }
    let extended = held.count { $0.isExtended }
    engine.metrics.heartbeat(extended: extended, held: entries.count - lost - extended, lost: lost)
    return .json(.ok, HeartbeatAnswer(entries).document())
  }

  /// Fresh assertions for leases that were extended.
  private func assertions(of leases: [HeldLease]) async -> [StepID: (token: UUID, text: String)] {
    guard !leases.isEmpty else { return [:] }
    let submitters = await engine.submitters.find(
      leases.compactMap { lease in lease.task.map { (tenant: lease.tenant, task: $0) } })
    let now = WallClock.now()
    var fresh: [StepID: (token: UUID, text: String)] = [:]
    for lease in leases {
      let caller = Caller(
        stepOf: lease.run, lease.step, lease.tenant, token: lease.token, lane: lease.lane,
        submitter: lease.task.flatMap { submitters[$0] })
      fresh[lease.step] = (lease.token, assertion(of: caller, now: now))
    }
    return fresh
  }
}

extension Caller {
  /// The caller that a worker is for a step while it has the lease with `token`.
  init(
    stepOf run: RunID, _ step: StepID, _ tenant: TenantID, token: UUID, lane: String, submitter: String?
  ) {
    self.init(
      issuer: .orchestrator, tenant: tenant, principal: submitter ?? "unknown", scopes: [.models, .step],
      project: Lane.named("project:", in: lane), agent: Lane.named("agent:", in: lane),
      step: Caller.Step(run: run, id: step, lease: LeaseBinding(token: token)))
  }
}
