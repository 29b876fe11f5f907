internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Postgres
internal import Primitives
internal import ServiceKit
internal import Workflows

extension WorkerRoutes {
  private static let resultsMax = 256

  /// Ends the attempt, with the calls that were not recorded before: both happen or neither.
  func result(_ request: HTTPRequest) async throws -> HTTPResponse {
    let step = try Parameter.id(request, StepID.self)
    let caller = try StepCaller.authenticate(request.headers[InternalHeader.assertion], of: step, token)
    let after = try await deliver(step, caller, JSONFields(try await request.json().root))
    return .json { $0.member("run_status", after.shownStatus) }
  }

  /// Ends several attempts, each by itself and by the assertion of its step: what is wrong with one stands in its
  /// place of the answer.
  func results(_ request: HTTPRequest) async throws -> HTTPResponse {
    try workers.require(request)
    var fields = JSONFields(try await request.json().root)
    let entries = fields.array("results", isRequired: true, countMax: WorkerRoutes.resultsMax) ?? []
    try fields.finish()
    let outcomes = try await outcomes(of: entries)
    return .json { writer in
      writer.key("results")
      writer.beginArray()
      for (index, entry) in entries.enumerated() {
        writer.beginObject()
        writer.member("step_id", entry["step_id"]?.string ?? "")
        switch outcomes[index] {
        case .success(let after):
          writer.member("status", Int64(HTTPStatus.ok.code))
          writer.member("run_status", after.shownStatus)
        case .failure(let problem):
          writer.member("status", Int64(problem.status.code))
          writer.member("code", problem.code)
          writer.member("detail", problem.detail)
        case nil: break
        }
        writer.endObject()
      }
      writer.endArray()
    }
  }

  /// Delivers entries. Those whose lease and workflow are known here are read at once and decided together; others need
  /// the database before.
  private func outcomes(of entries: [JSONView]) async throws -> [Int: Result<AfterChange, Problem>] {
    var outcomes: [Int: Result<AfterChange, Problem>] = [:]
    var places: [Int] = []
    var changes: [RunChange] = []
    var others: [Int] = []
    for (index, entry) in entries.enumerated() {
      do {
        if let change = try known(entry, "/results/\(index)") {
          places.append(index)
          changes.append(change)
        } else {
          others.append(index)
        }
      } catch { outcomes[index] = .failure(try problem(error)) }
    }
    try await withThrowingTaskGroup(of: (Int, Result<AfterChange, Problem>).self) { group in
      for index in others {
        group.addTask { (index, try await outcome(entries[index], "/results/\(index)")) }
      }
      for (index, result) in try await engine.apply(all: changes).enumerated() {
        switch result {
        case .success(let after):
          outcomes[places[index]] = .success(after)
          if let step = changes[index].proof?.step { engine.leases.forget(step) }
        case .failure(let error): outcomes[places[index]] = .failure(try problem(error))
        }
      }
      for try await (index, outcome) in group { outcomes[index] = outcome }
    }
    return outcomes
  }

  /// The change that an entry makes, when nothing has to be looked up for it.
  private func known(_ entry: JSONView, _ path: String) throws -> RunChange? {
    guard let step = entry["step_id"]?.string.flatMap({ StepID($0) }), let lease = engine.leases.find(step),
      let token = entry["token"]?.string.flatMap({ UUID($0) }), lease.token == token,
      let workflow = engine.knownWorkflow(of: lease.run)
    else { return nil }
    let caller = try StepCaller.authenticate(entry["assertion"]?.string, of: step, self.token)
    try StepCaller.check(caller, holds: token)
    var fields = JSONFields(entry, path: path)
    _ = fields.string("step_id", isRequired: true, bytesMax: 64)
    _ = fields.value("assertion")
    return try change(Proof(lease: lease, token: token), workflow, &fields)
  }

  private func outcome(_ entry: JSONView, _ path: String) async throws -> Result<AfterChange, Problem> {
    var fields = JSONFields(entry, path: path)
    guard let step = fields.string("step_id", isRequired: true, bytesMax: 64).flatMap({ StepID($0) }) else {
      return .failure(.notFound("step"))
    }
    _ = fields.value("assertion")
    do {
      let caller = try StepCaller.authenticate(entry["assertion"]?.string, of: step, token)
      return .success(try await deliver(step, caller, fields))
    } catch { return .failure(try problem(error)) }
  }

  /// What is wrong with one entry; what is wrong with all of them is thrown.
  private func problem(_ error: any Error) throws -> Problem {
    switch error {
    case let problem as Problem: return problem
    case let refused as RunEngine.Refused: return Problem(refused)
    case let faults as JSONFieldsError: return Problem(faults)
    case let error as PostgresError where error.isTransient: return .unavailable(error)
    default: throw error
    }
  }

  private func deliver(_ step: StepID, _ caller: Caller, _ view: JSONFields) async throws -> AfterChange {
    var fields = view
    guard let proof = try await proof(step, caller, &fields) else {
      try fields.finish()
      throw RunEngine.Refused.leaseLost
    }
    guard let workflow = try await engine.workflow(of: proof.lease.run) else { throw RunEngine.Refused.unknownRun }
    let after = try await engine.apply(try change(proof, workflow, &fields))
    engine.leases.forget(proof.lease.step)
    return after
  }

  /// The change that a result makes. Throws `JSONFieldsError` for what is wrong with it.
  private func change(_ proof: Proof, _ workflow: CompiledWorkflow, _ fields: inout JSONFields) throws -> RunChange {
    _ = fields.string("token", isRequired: true, bytesMax: 64)
    let attempt = fields.int("attempt", isRequired: true, in: 1...1_000_000)
    let (calls, recorded) = calls(&fields)
    var payloads = recorded
    let output = fields.value("output").map { Payload(Array($0.rawBytes)) }
    let failure = fields.object("failure") { nested in
      Failure(
        ofWorker: nested.storable("code", bytesMax: 100), message: nested.storable("message", bytesMax: 4000),
        isRetryable: nested.bool("retryable") ?? false)
    }
    if fields.faults.isEmpty, (output == nil) == (failure == nil) {
      fields.note("output", .required, "Exactly one of output and failure is expected.")
    }
    try fields.finish()
    guard let attempt else { throw RunEngine.Refused.leaseLost }
    let key = proof.lease.key
    var inputs: [RunInput] = calls.isEmpty ? [] : [.record(step: key, attempt: Int(attempt), calls)]
    if let output {
      payloads.append(output)
      inputs.append(try success(proof.lease, workflow, Int(attempt), output))
    } else if let failure {
      inputs.append(.fail(step: key, attempt: Int(attempt), failure))
    }
    return RunChange(
      run: proof.lease.run, inputs: inputs, payloads: payloads,
      proof: proof.transition(isReleased: true, milliseconds: 0))
  }

  /// What a result means: an output with the values that the workflow watches, or the plan of a planner.
  private func success(
    _ lease: OverdueLease, _ workflow: CompiledWorkflow, _ attempt: Int, _ output: Payload
  ) throws -> RunInput {
    let key = lease.key
    let isWatched = workflow.watched.watches(key)
    let planner = workflow.workflow.step(key).flatMap { $0.expansionStepsMax == nil ? nil : $0 }
    guard isWatched || planner != nil else {
      return .succeed(step: key, attempt: attempt, output: output.ref, facts: [])
    }
    let root = try JSONDocument(parsing: output.body).root
    let facts = isWatched ? workflow.watched.facts(output: root, of: key) : []
    guard let planner else {
      return .succeed(step: key, attempt: attempt, output: output.ref, facts: facts)
    }
    do {
      let steps = try PlanDocument.read(root, planner: planner)
      return .plan(step: key, attempt: attempt, output: output.ref, facts: facts, steps: steps)
    } catch {
      return .fail(
        step: key, attempt: attempt,
        Failure(ofWorker: "invalid_plan", message: error.description, isRetryable: true))
    }
  }
}

extension Failure {
  /// Failures of what a model has said: the next attempt goes on behind the recorded calls and answers them.
  private static let answerable: Set<String> = [
    "invalid_plan", "plan_too_large", "invalid_output", "empty_answer", "answer_cut", "answer_filtered",
  ]
  /// Failures of a call that was not answered: what was recorded before it has nothing to do with them, and is not paid
  /// again.
  private static let unanswered: Set<String> = [
    "model_timeout", "rate_limited", "budget_exceeded", "providers_cooling", "overloaded", "journal_refused",
  ]

  /// A failure that a worker reports, or that its result turns out to be. Behind one that the recorded answers may have
  /// led to, the next attempt begins anew.
  init(ofWorker code: String, message: String, isRetryable: Bool) {
    let isUnanswered =
      Failure.unanswered.contains(code) || code.hasPrefix("provider_") || code.hasPrefix("llm_router_")
      || code.hasSuffix("_unavailable")
    let next: NextAttempt? = Failure.answerable.contains(code) ? .continues : isUnanswered ? nil : .anew
    self.init(code: code, message: message, isRetryable: isRetryable, next: next)
  }
}
