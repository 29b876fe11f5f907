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
internal import Workflows

extension WorkerRoutes {
  private static let resultsMax = 256

  /// Ends the attempt, with the calls that were not recorded before: both happen or neither.
  func result(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (step, caller) = try stepCaller(of: request)
    let after = try await deliver(step, caller, JSONFields(try await request.json().root))
    return .json { $0.member("run_status", after.effectiveStatus) }
  }

  /// Ends several attempts, each by itself and by the assertion of its step: what is wrong with one is reported in its
  /// place of the answer.
  func results(_ request: HTTPRequest) async throws -> HTTPResponse {
    try callers.requireWorker(request)
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
          writer.member("run_status", after.effectiveStatus)
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
  private func outcomes(of entries: [JSONView]) async throws -> [Int: Result<ChangeResult, Problem>] {
    var outcomes: [Int: Result<ChangeResult, Problem>] = [:]
    var places: [Int] = []
    var changes: [RunChange] = []
    var others: [Int] = []
    for (index, entry) in entries.enumerated() {
      do {
        if let change = try change(entry, "/results/\(index)") {
          places.append(index)
          changes.append(change)
        } else {
          others.append(index)
        }
      } catch { outcomes[index] = .failure(try problem(error)) }
    }
    try await withThrowingTaskGroup(of: (Int, Result<ChangeResult, Problem>).self) { group in
      for index in others {
        group.addTask { (index, try await outcome(entries[index], "/results/\(index)")) }
      }
      for (index, result) in try await engine.apply(all: changes).enumerated() {
        switch result {
        case .success(let after):
          outcomes[places[index]] = .success(after)
          if let step = changes[index].proof?.step { engine.leases.ended(step) }
        case .failure(let error): outcomes[places[index]] = .failure(try problem(error))
        }
      }
      for try await (index, outcome) in group { outcomes[index] = outcome }
    }
    return outcomes
  }

  /// The change that an entry makes, when nothing has to be looked up for it.
  private func change(_ entry: JSONView, _ path: String) throws -> RunChange? {
    guard let step = entry["step_id"]?.string.flatMap({ StepID($0) }),
      let token = entry["token"]?.string.flatMap({ UUID($0) }),
      let lease = engine.leases.verify(step, token: token), let workflow = engine.cachedWorkflow(of: lease.run)
    else { return nil }
    let caller = try callers.stepCaller(entry["assertion"]?.string, of: step)
    try StepCaller.check(caller, holds: token)
    var fields = JSONFields(entry, path: path)
    _ = fields.string("step_id", isRequired: true, bytesMax: 64)
    _ = fields.value("assertion")
    return try change(Proof(lease: lease, token: token), workflow, &fields)
  }

  private func outcome(_ entry: JSONView, _ path: String) async throws -> Result<ChangeResult, Problem> {
    var fields = JSONFields(entry, path: path)
    guard let step = fields.string("step_id", isRequired: true, bytesMax: 64).flatMap({ StepID($0) }) else {
      return .failure(.notFound("step"))
    }
    _ = fields.value("assertion")
    do {
      let caller = try callers.stepCaller(entry["assertion"]?.string, of: step)
      return .success(try await deliver(step, caller, fields))
    } catch { return .failure(try problem(error)) }
  }

  /// What is wrong with one entry; what is wrong with all of them is thrown.
  private func problem(_ error: any Error) throws -> Problem {
    switch error {
    case let problem as Problem: return problem
    case let refused as ChangeRefusal: return Problem(refused)
    case let faults as JSONFieldsError: return Problem(faults)
    case let error as PostgresError where error.isTransient: return .unavailable(error)
    default: throw error
    }
  }

  private func deliver(_ step: StepID, _ caller: Caller, _ view: JSONFields) async throws -> ChangeResult {
    var fields = view
    guard let proof = try await proof(step, caller, &fields) else {
      try fields.finish()
      throw ChangeRefusal.leaseLost
    }
    guard let workflow = try await engine.workflow(of: proof.lease.run) else { throw ChangeRefusal.unknownRun }
    let after = try await engine.apply(try change(proof, workflow, &fields))
    engine.leases.ended(proof.lease.step)
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
    guard let attempt else { throw ChangeRefusal.leaseLost }
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
