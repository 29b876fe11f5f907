internal import APIKit
internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Postgres
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import StepDispatch
internal import Workflows

extension WorkerRoutes {
  /// A result that was read, and who delivers it.
  private struct Delivery: Sendable {
    let step: StepID
    let sender: LeaseHolder
    let result: ResultRequest
  }

  /// Ends the attempt, with the calls that were not recorded before: both happen or neither.
  func result(_ request: HTTPRequest) async throws -> HTTPResponse {
    let step = try PathParameter.id(request, StepID.self)
    let caller = try workers.caller(of: step, assertion: request.headers[InternalHeader.assertion])
    var fields = JSONFields(try await request.json().root)
    let result = try await deliver(Delivery(step: step, sender: .caller(caller), result: try read(&fields)))
    let answer = ResultAnswer(runStatus: result.effectiveStatus)
    return .json { answer.writeMembers(to: &$0) }
  }

  /// Ends several attempts, each by itself and by the assertion of its step: the answer has a status for each.
  func results(_ request: HTTPRequest) async throws -> HTTPResponse {
    try workers.require(request)
    let document = try await request.json()
    let heads = try ResultBatch.heads(document.root)
    let outcomes = try await outcomes(of: heads)
    let names = document.root["results"]?.elements.map { $0["step_id"]?.string ?? "" } ?? []
    let answer = ResultBatchAnswer(
      zip(names, outcomes).map { step, outcome in
        switch outcome {
        case .success(let result): .init(step: step, outcome: .accepted(.init(runStatus: result.effectiveStatus)))
        case .failure(let problem):
          .init(
            step: step,
            outcome: .refused(status: Int(problem.status.code), code: problem.code, detail: problem.detail))
        }
      })
    return .json { answer.writeMembers(to: &$0) }
  }

  /// Delivers entries. Those whose lease and workflow are known here are decided together; others need the database
  /// before.
  private func outcomes(of heads: [ResultBatch.Head]) async throws -> [Result<ChangeResult, Problem>] {
    var outcomes: [Result<ChangeResult, Problem>] = Array(
      repeating: .failure(.notFound("step")), count: heads.count)
    var places: [Int] = []
    var changes: [RunChange] = []
    var others: [(index: Int, delivery: Delivery)] = []
    for (index, head) in heads.enumerated() {
      guard let step = head.step else { continue }
      do {
        var fields = head.fields
        let sender = try sender(of: step, assertion: head.assertion)
        let delivery = Delivery(step: step, sender: sender, result: try read(&fields))
        if let change = try cachedChange(delivery) {
          places.append(index)
          changes.append(change)
        } else {
          others.append((index, delivery))
        }
      } catch { outcomes[index] = .failure(try problem(error)) }
    }
    try await withThrowingTaskGroup(of: (Int, Result<ChangeResult, Problem>).self) { group in
      for (index, delivery) in others {
        group.addTask {
          do { return (index, .success(try await deliver(delivery))) } catch {
            return (index, .failure(try problem(error)))
          }
        }
      }
      for (index, result) in try await engine.apply(all: changes).enumerated() {
        switch result {
        case .success(let result):
          outcomes[places[index]] = .success(result)
          if let step = changes[index].proof?.step { engine.leases.ended(step) }
        case .failure(let error): outcomes[places[index]] = .failure(try problem(error))
        }
      }
      for try await (index, outcome) in group { outcomes[index] = outcome }
    }
    return outcomes
  }

  /// Who delivers a result. What this process has signed for the lease itself is known without a verification.
  private func sender(of step: StepID, assertion: String?) throws(Problem) -> LeaseHolder {
    if let assertion, let token = engine.leases.token(of: step, signedAs: assertion) { return .token(token) }
    return .caller(try workers.caller(of: step, assertion: assertion))
  }

  private func read(_ fields: inout JSONFields) throws(JSONFieldsError) -> ResultRequest {
    let (result, reading) = try ResultRequest.read(&fields)
    log(reading)
    return result
  }

  /// The change that a result makes, when nothing has to be looked up for it.
  private func cachedChange(_ delivery: Delivery) throws -> RunChange? {
    let token = delivery.result.token
    guard let lease = engine.leases.verify(delivery.step, token: token),
      let workflow = engine.cachedWorkflow(of: lease.run)
    else { return nil }
    try workers.requireLease(token, of: delivery.sender)
    return try change(Proof(lease: lease, token: token), workflow, delivery.result)
  }

  /// What is wrong with one entry; what is wrong with all of them is thrown.
  private func problem(_ error: any Error) throws -> Problem {
    switch error {
    case let problem as Problem: return problem
    case let refused as any ProblemConvertible: return refused.problem
    case let faults as JSONFieldsError: return Problem(faults)
    case let error as PostgresError where error.isTransient: return .unavailable(outcomeUnknown: error.outcomeUnknown)
    default: throw error
    }
  }

  private func deliver(_ delivery: Delivery) async throws -> ChangeResult {
    let proof = try await proof(delivery.step, delivery.result.token, delivery.sender)
    guard let workflow = try await engine.workflow(of: proof.lease.run) else { throw ChangeRefusal.unknownRun }
    let result = try await engine.apply(try change(proof, workflow, delivery.result))
    engine.leases.ended(proof.lease.step)
    return result
  }

  /// The change that a result makes.
  private func change(_ proof: Proof, _ workflow: CompiledWorkflow, _ result: ResultRequest) throws -> RunChange {
    let key = proof.lease.key
    let (calls, recorded) = records(of: result.calls)
    var payloads = recorded
    var inputs: [RunInput] = calls.isEmpty ? [] : [.record(step: key, attempt: result.attempt, calls)]
    switch result.outcome {
    case .output(let document):
      let output = Payload(document)
      payloads.append(output)
      inputs.append(try success(proof.lease, workflow, result.attempt, output))
    case .failure(let failure):
      inputs.append(
        .fail(
          step: key, attempt: result.attempt,
          Failure(ofWorker: failure.code, message: failure.message, isRetryable: failure.isRetryable)))
    case .wait(let asks):
      let subjects = asks.map { Payload($0.subject) }
      payloads += subjects
      let asked = zip(asks, subjects).map { ask, subject in
        Ask(
          key: ask.key, kind: ask.kind, tool: ask.tool, subject: subject.ref,
          expiresMilliseconds: questionLimit.milliseconds(of: ask))
      }
      inputs.append(.suspend(step: key, attempt: result.attempt, asked))
    case .released: inputs.append(.release(step: key, attempt: result.attempt))
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
