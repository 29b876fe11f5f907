internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Postgres
internal import Primitives
internal import Reactor
internal import ServiceKit
internal import Settings
internal import SystemSources
internal import Telemetry
internal import Workflows

/// `/worker/v1`: how workers take steps, record what they did, and deliver results.
struct WorkerRoutes: Sendable {
  private static let waitMillisecondsMax: Int64 = 60_000
  private static let slotsMax: Int64 = 256
  private static let resultBytesMax = 8 << 20
  /// Inputs and journals that one answer holds before no further step is added; the others wait for the next claim.
  private static let answerBytesMax = 32 << 20

  let engine: RunEngine
  let token: InternalToken
  let workers: WorkerCredentials
  let assertions: StepAssertions
  let leaseMilliseconds: Int64

  init(
    engine: RunEngine, token: InternalToken, workers: WorkerCredentials, assertions: StepAssertions, settings: Settings
  ) {
    self.engine = engine
    self.token = token
    self.workers = workers
    self.assertions = assertions
    leaseMilliseconds = settings[OrchestratorSettings.lease].milliseconds
  }

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
    try workers.require(request)
    var fields = JSONFields(try await request.json().root)
    let worker = fields.string("worker", isRequired: true, bytesMax: 200)
    let jobTypes = fields.strings("job_types", isRequired: true, countMax: 32, bytesMax: 100)
    let slots = fields.int("slots", isRequired: true, in: 1...WorkerRoutes.slotsMax)
    let wait = fields.int("wait_ms", in: 0...WorkerRoutes.waitMillisecondsMax)
    try fields.finish()
    let deadline = MonotonicClock.now() &+ UInt64(wait ?? 0) * 1_000_000
    let steps = try await engine.dispatcher.lease(
      worker: worker ?? "", jobTypes: jobTypes ?? [], slots: Int(slots ?? 1), milliseconds: leaseMilliseconds,
      until: deadline)
    let prepared: [Prepared]
    let left: [LeasedStep]
    do { (prepared, left) = try await prepare(steps) } catch {
      // The worker has gone, or the database has; either way it will not hear of these.
      engine.dispatcher.giveBack(steps)
      throw error
    }
    if !left.isEmpty { engine.dispatcher.giveBack(left) }
    let submitters = await engine.submitters.find(prepared.map(\.step))
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("leases")
    writer.beginArray()
    for step in prepared { write(step, by: submitters[step.step.task], to: &writer) }
    writer.endArray()
    writer.endObject()
    return .json(.ok, writer.bytes)
  }

  /// A leased step with all that its worker needs.
  private struct Prepared {
    let step: LeasedStep
    let input: [UInt8]
    let journal: [(event: EventRow, result: [UInt8])]
    /// What the attempt before failed with, unless it was lost. With `continues`, the journal holds its calls and the
    /// worker answers the failure behind them.
    var failure: Failure?
  }

  /// Renders the inputs of leased steps and looks up what earlier attempts have recorded. A step whose input cannot be
  /// rendered has failed. The second result are steps beyond what one answer may hold in bytes.
  private func prepare(_ leased: [LeasedStep]) async throws -> (prepared: [Prepared], left: [LeasedStep]) {
    var prepared: [Prepared] = []
    var left: [LeasedStep] = []
    var bytes = 0
    var byRun: [RunID: [LeasedStep]] = [:]
    for step in leased {
      if let input = step.input, step.attempt == 1 {
        bytes += input.count
        prepared.append(Prepared(step: step, input: input, journal: []))
      } else {
        byRun[step.run, default: []].append(step)
      }
    }
    for (run, steps) in byRun {
      guard bytes < WorkerRoutes.answerBytesMax else {
        left += steps
        continue
      }
      let version = steps.map(\.version).max() ?? 0
      guard let known = try await engine.look(run, atLeast: version) else { continue }
      let found = steps.compactMap { leased in known.state.step(leased.key).map { (leased, $0) } }
      var rest = found[...]
      while !rest.isEmpty, bytes < WorkerRoutes.answerBytesMax {
        let inputs = try await StepInputs(store: engine.store).render(rest.map(\.1), of: run, known)
        guard !inputs.isEmpty else { break }
        for ((leased, step), rendered) in zip(rest, inputs) {
          let input: [UInt8]
          do { input = try rendered.get() } catch {
            try await fail(leased, "\(error)")
            continue
          }
          let journal =
            step.recordedCalls == 0
            ? [] : try await engine.store.journal(run, step: leased.key, after: step.journalAfter)
          bytes += input.count + journal.reduce(0) { $0 + $1.result.count }
          prepared.append(
            Prepared(step: leased, input: input, journal: journal, failure: known.state.unansweredFailure(of: step)))
        }
        rest = rest.dropFirst(inputs.count)
      }
      left += rest.map(\.0)
    }
    return (prepared, left)
  }

  private func fail(_ leased: LeasedStep, _ reason: String) async throws {
    let proof = Transition.LeaseProof(
      step: leased.step, token: leased.token, isReleased: true, extensionMilliseconds: 0, isLost: false)
    let failure = Failure(code: "input_failed", message: reason, isRetryable: false)
    try await engine.apply(
      RunChange(
        run: leased.run, inputs: [.fail(step: leased.key, attempt: leased.attempt, failure)], proof: proof))
  }

  private func write(_ prepared: Prepared, by submitter: String?, to writer: inout JSONWriter) {
    let step = prepared.step
    writer.beginObject()
    writer.member("step_id", step.step.description)
    writer.member("run_id", step.run.description)
    writer.member("task_id", step.task.description)
    writer.member("tenant_id", step.tenant.description)
    writer.member("step", step.key)
    writer.member("attempt", Int64(step.attempt))
    writer.member("token", step.token.description)
    writer.member("lease_ms", step.leaseMilliseconds)
    writer.member("deadline", step.deadline.description)
    writer.member("assertion", assertion(of: StepCaller.make(step, by: submitter)))
    writer.member("principal", ifPresent: submitter)
    writer.member("agent", ifPresent: step.named("agent:"))
    writer.member("project", ifPresent: step.named("project:"))
    writer.member("model", ifPresent: step.named("model:"))
    writer.member("traceparent", ifPresent: step.traceparent)
    writer.key("input")
    writer.raw(prepared.input)
    writer.key("journal")
    writer.beginArray()
    for entry in prepared.journal {
      writer.beginObject()
      writer.member("kind", entry.event.type == "model.called" ? "model" : "tool")
      writer.member("call", raw: entry.event.data)
      writer.member("result", raw: entry.result)
      writer.endObject()
    }
    writer.endArray()
    if let failure = prepared.failure {
      writer.key("previous_failure")
      writer.beginObject()
      writer.member("code", failure.code)
      writer.member("message", failure.message)
      if failure.next == .continues { writer.member("continues", true) }
      writer.endObject()
    }
    writer.endObject()
  }

  // MARK: Journal and result

  struct Proof {
    let lease: OverdueLease
    let token: UUID

    func transition(isReleased: Bool, milliseconds: Int64) -> Transition.LeaseProof {
      Transition.LeaseProof(
        step: lease.step, token: token, isReleased: isReleased, extensionMilliseconds: milliseconds, isLost: false)
    }
  }

  /// A fresh assertion for a step whose lease begins or goes on.
  private func assertion(of caller: Caller) -> String {
    assertions.text(for: caller, leaseMilliseconds: leaseMilliseconds, now: WallClock.now())
  }

  /// The proof of a lease: its fencing token, shown by the caller that the assertion of the same lease names.
  func proof(_ step: StepID, _ caller: Caller, _ fields: inout JSONFields) async throws -> Proof? {
    guard let text = fields.string("token", isRequired: true, bytesMax: 64) else { return nil }
    guard let token = UUID(text) else {
      fields.note("token", .malformed, "The token of the lease is expected.")
      return nil
    }
    if let lease = engine.leases.find(step), lease.token == token {
      try StepCaller.check(caller, holds: token)
      return Proof(lease: lease, token: token)
    }
    guard let lease = try await engine.store.leasedStep(step), lease.token == token else {
      throw RunEngine.Refused.leaseLost
    }
    try StepCaller.check(caller, holds: token)
    return Proof(lease: lease, token: token)
  }

  /// Records calls and prolongs the lease; without calls it is a heartbeat.
  private func journal(_ request: HTTPRequest) async throws -> HTTPResponse {
    let step = try Parameter.id(request, StepID.self)
    let caller = try StepCaller.authenticate(request.headers[InternalHeader.assertion], of: step, token)
    var fields = JSONFields(try await request.json().root)
    let proof = try await proof(step, caller, &fields)
    let attempt = fields.int("attempt", isRequired: true, in: 1...1_000_000)
    let (calls, payloads) = calls(&fields)
    try fields.finish()
    guard let proof, let attempt else { throw RunEngine.Refused.leaseLost }
    if calls.isEmpty {
      let lost = try await engine.store.heartbeat(
        [(proof.lease.step, proof.token)], milliseconds: leaseMilliseconds)
      guard lost.isEmpty else { throw RunEngine.Refused.leaseLost }
    } else {
      try await engine.apply(
        RunChange(
          run: proof.lease.run, inputs: [.record(step: proof.lease.key, attempt: Int(attempt), calls)],
          payloads: payloads, proof: proof.transition(isReleased: false, milliseconds: leaseMilliseconds)))
    }
    return .json {
      $0.member("lease_ms", leaseMilliseconds)
      $0.member("assertion", assertion(of: caller))
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
        engine.logger.warning(
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
