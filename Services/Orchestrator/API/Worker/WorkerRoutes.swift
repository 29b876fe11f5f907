internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Postgres
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import ServiceKit
internal import StepDispatch
internal import SystemSources
internal import Telemetry
internal import Workflows

/// `/worker/v1`: how workers take steps, record what they did, and deliver results.
struct WorkerRoutes: Sendable {
  private static let waitMillisecondsMax: Int64 = 60_000
  private static let slotsMax: Int64 = 256
  private static let resultBytesMax = 8 << 20

  let engine: Engine
  let store: RunStore
  let callers: CallerAuthenticator
  let logger: Logger
  /// Life of a lease.
  let leaseMilliseconds: Int64

  func add(to router: inout Router) {
    router.on(.post, "/worker/v1/leases", RouteOptions(bodyBytesMax: 16 << 10, cancelsOnDisconnect: true)) { request in
      try await answering { try await lease(request) }
    }
    router.on(
      .post, "/worker/v1/steps/{id}/journal", RouteOptions(bodyBytesMax: WorkerRoutes.resultBytesMax)
    ) { request in try await answering { try await journal(request) } }
    router.on(
      .post, "/worker/v1/steps/{id}/result", RouteOptions(bodyBytesMax: WorkerRoutes.resultBytesMax)
    ) { request in try await answering { try await result(request) } }
    router.on(.post, "/worker/v1/results", RouteOptions(bodyBytesMax: WorkerRoutes.resultBytesMax)) { request in
      try await answering { try await results(request) }
    }
  }

  // MARK: Leases

  private func lease(_ request: HTTPRequest) async throws -> HTTPResponse {
    try callers.requireWorker(request)
    var fields = JSONFields(try await request.json().root)
    let worker = fields.string("worker", isRequired: true, bytesMax: 200)
    let jobTypes = fields.strings("job_types", isRequired: true, countMax: 32, bytesMax: 100)
    let slots = fields.int("slots", isRequired: true, in: 1...WorkerRoutes.slotsMax)
    let wait = fields.int("wait_ms", in: 0...WorkerRoutes.waitMillisecondsMax)
    try fields.finish()
    let deadline = MonotonicClock.now() &+ UInt64(wait ?? 0) * 1_000_000
    let steps = try await engine.dispatcher.lease(
      WorkerPoll(
        worker: worker ?? "", jobTypes: jobTypes ?? [], slots: Int(slots ?? 1), leaseMilliseconds: leaseMilliseconds,
        deadline: deadline))
    let prepared: [PreparedLease]
    let left: [LeasedStep]
    do { (prepared, left) = try await LeasePreparer(engine: engine, store: store).prepare(steps) } catch {
      // The worker has gone, or the database has; either way it will not hear of these.
      engine.dispatcher.releaseUndelivered(steps)
      throw error
    }
    if !left.isEmpty { engine.dispatcher.releaseUndelivered(left) }
    let submitters = await engine.submitters.find(prepared.map(\.step))
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("leases")
    writer.beginArray()
    for lease in prepared {
      let submitter = submitters[lease.step.task]
      lease.write(
        to: &writer, submitter: submitter,
        assertion: callers.assertion(of: StepCaller.make(lease.step, by: submitter), leaseMilliseconds: leaseMilliseconds))
    }
    writer.endArray()
    writer.endObject()
    return .json(.ok, writer.bytes)
  }

  // MARK: Journal and result

  /// A lease whose token a worker has presented.
  struct Proof {
    let lease: OverdueLease
    let token: UUID

    func transition(isReleased: Bool, milliseconds: Int64) -> Transition.LeaseProof {
      Transition.LeaseProof(
        step: lease.step, token: token, isReleased: isReleased, extensionMilliseconds: milliseconds, isLost: false)
    }
  }

  /// The step of a request, and the worker that has leased it, by the step's assertion. Throws a `Problem`.
  func stepCaller(of request: HTTPRequest) throws(Problem) -> (StepID, Caller) {
    let step = try Parameter.id(request, StepID.self)
    return (step, try callers.stepCaller(request.headers[InternalHeader.assertion], of: step))
  }

  /// The lease of a step, by the token among `fields`, presented by the caller that the assertion of the same lease names;
  /// `nil` when the token is malformed, which is noted as a fault.
  func proof(_ step: StepID, _ caller: Caller, _ fields: inout JSONFields) async throws -> Proof? {
    guard let text = fields.string("token", isRequired: true, bytesMax: 64) else { return nil }
    guard let token = UUID(text) else {
      fields.note("token", .malformed, "The token of the lease is expected.")
      return nil
    }
    if let lease = engine.leases.verify(step, token: token) {
      try StepCaller.check(caller, holds: token)
      return Proof(lease: lease, token: token)
    }
    guard let lease = try await store.leasedStep(step), lease.token == token else {
      throw ChangeRefusal.leaseLost
    }
    try StepCaller.check(caller, holds: token)
    return Proof(lease: lease, token: token)
  }

  /// Records calls and extends the lease; without calls it is a heartbeat.
  private func journal(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (step, caller) = try stepCaller(of: request)
    var fields = JSONFields(try await request.json().root)
    let proof = try await proof(step, caller, &fields)
    let attempt = fields.int("attempt", isRequired: true, in: 1...1_000_000)
    let (calls, payloads) = calls(&fields)
    try fields.finish()
    guard let proof, let attempt else { throw ChangeRefusal.leaseLost }
    if calls.isEmpty {
      let lost = try await store.heartbeat(
        [(proof.lease.step, proof.token)], milliseconds: leaseMilliseconds)
      guard lost.isEmpty else { throw ChangeRefusal.leaseLost }
    } else {
      try await engine.apply(
        RunChange(
          run: proof.lease.run, inputs: [.record(step: proof.lease.key, attempt: Int(attempt), calls)],
          payloads: payloads, proof: proof.transition(isReleased: false, milliseconds: leaseMilliseconds)))
    }
    return .json {
      $0.member("lease_ms", leaseMilliseconds)
      $0.member("assertion", callers.assertion(of: caller, leaseMilliseconds: leaseMilliseconds))
    }
  }

  func calls(_ fields: inout JSONFields) -> ([CallRecord], [Payload]) {
    var calls: [CallRecord] = []
    var payloads: [Payload] = []
    for (position, entry) in (fields.array("calls", countMax: 100) ?? []).enumerated() {
      var call = JSONFields(entry, path: "/calls/\(position)")
      let kind = call.string("kind", isRequired: true, bytesMax: 10, allowed: ["model", "tool"])
      let index = call.int("index", isRequired: true, in: 0...1_000_000)
      let name = call.storable("name", bytesMax: 200)
      let digest = call.string("request_sha256", isRequired: true, bytesMax: 64)
      let result = call.value("result", isRequired: true)
      var numbers = ReportedNumbers()
      let usage = Usage(
        inputTokens: numbers.count("input_tokens", &call), outputTokens: numbers.count("output_tokens", &call),
        costMicroUSD: numbers.count("cost_microusd", &call), unpricedCalls: numbers.count("unpriced_calls", &call),
        modelCalls: numbers.count("model_calls", &call))
      let duration = numbers.count("duration_ms", &call)
      if !numbers.changed.isEmpty {
        logger.warning(
          "numbers of a call cannot be what they say; the nearest possible ones are recorded",
          ["call": .string(name), "members": .string(numbers.changed.joined(separator: " "))])
      }
      do { try call.finish() } catch {
        for fault in error.faults { fields.note(at: fault) }
        continue
      }
      guard let kind = kind.flatMap({ CallRecord.Kind(rawValue: $0) }), let index, let digest, let result
      else { continue }
      let payload = Payload(Array(result.rawBytes))
      payloads.append(payload)
      calls.append(
        CallRecord(
          kind: kind, index: Int(index), name: name, requestSHA256: digest, result: payload.ref, usage: usage,
          durationMilliseconds: duration))
    }
    return (calls, payloads)
  }
}
