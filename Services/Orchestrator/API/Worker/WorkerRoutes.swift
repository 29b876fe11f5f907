internal import APIKit
internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import PolicyState
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import StepDispatch
internal import SystemSources
internal import Telemetry

/// `/worker/v1`: how workers take steps, record what they did, and deliver results.
struct WorkerRoutes: Sendable {
  let engine: Engine
  let store: RunStore
  let workers: WorkerAuthenticator
  let assertions: StepAssertions
  let logger: Logger
  /// Life of a lease.
  let leaseMilliseconds: Int64
  /// Of questions that name none.
  let questionLimit: QuestionLimit
  /// The halt switch; `nil` where there is none.
  var policies: PolicyStateFollower?

  func add(to router: inout Router) {
    router.api(.post, "/worker/v1/leases", lease)
    router.api(.post, "/worker/v1/steps/{id}/journal", journal)
    router.api(.post, "/worker/v1/steps/{id}/result", result)
    router.api(.post, "/worker/v1/results", results)
    router.api(.post, "/worker/v1/heartbeats", heartbeats)
    router.api(.post, "/worker/v1/drain") { request in
      try workers.require(request)
      engine.dispatcher.workerLeaves(try DrainRequest(try await request.json().root).worker)
      return HTTPResponse(.noContent)
    }
  }

  // MARK: Leases

  private func lease(_ request: HTTPRequest) async throws -> HTTPResponse {
    try workers.require(request)
    let asked = try LeaseRequest(try await request.json().root)
    if try await isHalted(waiting: asked.waitMilliseconds) { return .json(.ok, LeaseAnswer([]).document()) }
    let steps = try await engine.dispatcher.lease(
      WorkerPoll(
        worker: asked.worker, jobTypes: asked.jobTypes, slots: asked.slots, leaseMilliseconds: leaseMilliseconds,
        deadline: MonotonicClock.now() &+ UInt64(asked.waitMilliseconds) * 1_000_000))
    let prepared: [PreparedLease]
    let left: [LeasedStep]
    let submitters: [TaskID: String]
    do {
      (prepared, left) = try await LeasePreparer(engine: engine, store: store).prepare(steps)
      submitters = await engine.submitters.find(prepared.map(\.step))
      try Task.checkCancellation()
    } catch {
      // The worker has gone, or the database has; either way it will not learn of these.
      engine.dispatcher.releaseUndelivered(steps)
      throw error
    }
    if !left.isEmpty { engine.dispatcher.releaseUndelivered(left) }
    let now = WallClock.now()
    let leases = prepared.map { lease in
      let submitter = submitters[lease.step.task]
      return lease.document(
        submitter: submitter, assertion: assertion(of: lease.caller(submitter: submitter), now: now))
    }
    engine.leases.signed(leases.map { ($0.step, $0.token, $0.assertion) })
    let answer = LeaseAnswer(leases).document()
    guard !leases.isEmpty else { return .json(.ok, answer) }
    // What cannot be delivered is given to others at once: nobody works at it.
    let given = prepared.map(\.step)
    var response = HTTPResponse(
      .ok,
      body: .stream(length: UInt64(answer.count)) { writer in
        do { try await writer.deliver(answer) } catch {
          engine.metrics.undelivered(given.count)
          engine.dispatcher.releaseUndelivered(given)
          throw error
        }
      })
    response.headers.append(.contentType, "application/json")
    return response
  }

  /// A fresh assertion for a step whose lease begins or is extended.
  func assertion(of caller: Caller, now: Timestamp) -> String {
    assertions.text(for: caller, leaseMilliseconds: leaseMilliseconds, now: now)
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

  /// The proof of a lease: its fencing token, presented by the caller that the assertion of the same lease names.
  func proof(_ step: StepID, _ token: UUID, _ holder: LeaseHolder) async throws -> Proof {
    if let lease = engine.leases.verify(step, token: token) {
      try workers.requireLease(token, of: holder)
      return Proof(lease: lease, token: token)
    }
    guard let lease = try await store.leasedStep(step), lease.token == token else { throw ChangeRefusal.leaseLost }
    try workers.requireLease(token, of: holder)
    return Proof(lease: lease, token: token)
  }

  /// Records calls and extends the lease; without calls it is a heartbeat.
  private func journal(_ request: HTTPRequest) async throws -> HTTPResponse {
    let step = try PathParameter.id(request, StepID.self)
    let caller = try workers.caller(of: step, assertion: request.headers[InternalHeader.assertion])
    var fields = JSONFields(try await request.json().root)
    let (journal, reading) = try JournalRequest.read(&fields)
    let proof = try await proof(step, journal.token, .caller(caller))
    log(reading)
    if journal.calls.isEmpty {
      let lost = try await store.heartbeat([(proof.lease.step, proof.token)], milliseconds: leaseMilliseconds)
      guard lost.isEmpty else { throw ChangeRefusal.leaseLost }
    } else {
      let (calls, payloads) = records(of: journal.calls)
      try await engine.apply(
        RunChange(
          run: proof.lease.run, inputs: [.record(step: proof.lease.key, attempt: journal.attempt, calls)],
          payloads: payloads, proof: proof.transition(isReleased: false, milliseconds: leaseMilliseconds)))
    }
    let assertion = assertion(of: caller, now: WallClock.now())
    engine.leases.signed([(step, journal.token, assertion)])
    let answer = JournalAnswer(leaseMilliseconds: leaseMilliseconds, assertion: assertion)
    return .json { answer.writeMembers(to: &$0) }
  }

  /// Warns of numbers that were corrected.
  func log(_ reading: CallReport.Reading) {
    for correction in reading.corrections {
      logger.warning(
        "numbers of a call cannot be what they say; the nearest possible ones are recorded",
        ["call": .string(correction.call), "members": .string(correction.members.joined(separator: " "))])
    }
  }

  /// Reported calls as a history has them, and their results.
  func records(of calls: [CallReport]) -> ([CallRecord], [Payload]) {
    let payloads = calls.map { Payload($0.result) }
    let records = zip(calls, payloads).compactMap { call, payload in
      CallRecord.Kind(rawValue: call.kind.rawValue).map { kind in
        CallRecord(
          kind: kind, index: call.index, name: call.name, requestSHA256: call.requestSHA256, result: payload.ref,
          usage: call.usage, durationMilliseconds: call.durationMilliseconds)
      }
    }
    return (records, payloads)
  }
}
