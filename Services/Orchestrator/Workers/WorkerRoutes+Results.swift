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
    try token.require(request)
    let after = try await deliver(try Parameter.id(request, StepID.self), JSONFields(try await request.json().root))
    return .json { $0.member("run_status", after.shownStatus) }
  }

  /// Ends several attempts, each by itself: what is wrong with one is said in its place of the answer.
  func results(_ request: HTTPRequest) async throws -> HTTPResponse {
    try token.require(request)
    var fields = JSONFields(try await request.json().root)
    let entries = fields.array("results", isRequired: true, countMax: WorkerRoutes.resultsMax) ?? []
    try fields.finish()
    let outcomes = try await withThrowingTaskGroup(of: (Int, Result<AfterChange, Problem>).self) { group in
      for (index, entry) in entries.enumerated() {
        group.addTask { (index, try await outcome(entry, "/results/\(index)")) }
      }
      var outcomes: [Int: Result<AfterChange, Problem>] = [:]
      for try await (index, outcome) in group { outcomes[index] = outcome }
      return outcomes
    }
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

  private func outcome(_ entry: JSONView, _ path: String) async throws -> Result<AfterChange, Problem> {
    var fields = JSONFields(entry, path: path)
    guard let step = fields.string("step_id", isRequired: true, bytesMax: 64).flatMap({ StepID($0) }) else {
      return .failure(.notFound("step"))
    }
    do { return .success(try await deliver(step, fields)) } catch let refused as RunEngine.Refused {
      return .failure(Problem(refused))
    } catch let faults as JSONFieldsError {
      return .failure(Problem(faults))
    } catch let error as PostgresError where error.isTransient {
      return .failure(.unavailable(error))
    }
  }

  private func deliver(_ step: StepID, _ view: JSONFields) async throws -> AfterChange {
    var fields = view
    let proof = try await proof(step, &fields)
    let attempt = fields.int("attempt", isRequired: true, in: 1...1_000_000)
    let (calls, recorded) = calls(&fields)
    var payloads = recorded
    let output = fields.value("output").map { Payload(Array($0.rawBytes)) }
    let failure = fields.object("failure") { nested in
      Failure(
        code: nested.string("code", isRequired: true, bytesMax: 100) ?? "",
        message: nested.string("message", isRequired: true, bytesMax: 4000) ?? "",
        isRetryable: nested.bool("retryable") ?? false)
    }
    if fields.faults.isEmpty, (output == nil) == (failure == nil) {
      fields.note("output", .required, "Exactly one of output and failure is expected.")
    }
    try fields.finish()
    guard let proof, let attempt else { throw RunEngine.Refused.leaseLost }
    let key = proof.lease.key
    var inputs: [RunInput] = calls.isEmpty ? [] : [.record(step: key, attempt: Int(attempt), calls)]
    if let output {
      payloads.append(output)
      inputs.append(try await success(proof.lease, Int(attempt), output))
    } else if let failure {
      inputs.append(.fail(step: key, attempt: Int(attempt), failure))
    }
    let after = try await engine.apply(
      RunChange(
        run: proof.lease.run, inputs: inputs, payloads: payloads,
        proof: proof.transition(isReleased: true, milliseconds: 0)))
    engine.leases.forget(proof.lease.step)
    return after
  }

  /// What a result means: an output with the values that the workflow watches, or the plan of a planner.
  private func success(_ lease: OverdueLease, _ attempt: Int, _ output: Payload) async throws -> RunInput {
    let key = lease.key
    guard let workflow = try await engine.workflow(of: lease.run) else { throw RunEngine.Refused.unknownRun }
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
        step: key, attempt: attempt, Failure(code: "invalid_plan", message: error.description, isRetryable: true))
    }
  }
}
