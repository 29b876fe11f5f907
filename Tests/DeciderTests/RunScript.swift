import Contracts
import Decider

let payload = PayloadRef(sha256: String(repeating: "a", count: 64), bytes: 1)

/// A run that is moved by hand; checks at every move that the state is the fold of the history.
struct RunScript {
  var state: RunState
  var history: [RunEvent] = []

  init(_ workflow: Workflow, facts: [Fact] = []) throws {
    state = RunState(workflow: workflow)
    try apply(.create(input: payload, seed: 1, facts: facts))
  }

  @discardableResult
  mutating func apply(_ input: RunInput) throws -> [RunEvent] {
    let before = state
    do {
      let events = try decide(&state, input)
      history += events
      var folded = before
      for event in events { evolve(&folded, event) }
      guard folded == state else { throw Broken("the state after \(input) is not the fold of \(events)") }
      return events
    } catch let refusal as RunRefusal {
      guard state == before else { throw Broken("\(input) was refused and changed the state") }
      throw refusal
    }
  }

  /// Leases the step and delivers its result.
  mutating func work(_ step: String, facts: [Fact] = []) throws {
    try apply(.lease(step: step, worker: "w"))
    try apply(.succeed(step: step, attempt: attempt(step), output: output(step), facts: facts))
  }

  mutating func fail(_ step: String, code: String = "broken", isRetryable: Bool = false) throws {
    try apply(.lease(step: step, worker: "w"))
    try apply(
      .fail(step: step, attempt: attempt(step), Failure(code: code, message: "m", isRetryable: isRetryable)))
  }

  func attempt(_ step: String) -> Int { state.step(step)?.attempt ?? 0 }
  func status(_ step: String) -> RunState.StepStatus? { state.step(step)?.status }
  var ready: [String] { state.steps.filter { $0.status == .ready }.map(\.key) }

  /// Every step has an output of its own.
  func output(_ step: String) -> PayloadRef { PayloadRef(sha256: "output of \(step)", bytes: 1) }
}

struct Broken: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

func call(_ index: Int) -> CallRecord {
  CallRecord(
    kind: .model, index: index, name: "m", requestSHA256: "r\(index)", result: payload,
    usage: Usage(inputTokens: 2, outputTokens: 3, costMicroUSD: 4, modelCalls: 1), durationMilliseconds: 1)
}

/// A question of a step, with a subject of its own.
func ask(
  _ key: String, _ kind: StepAsk.Kind = .question, subject: String? = nil, expires: Int64? = nil
) -> Ask {
  Ask(
    key: key, kind: kind, tool: "t", subject: PayloadRef(sha256: subject ?? "subject of \(key)", bytes: 1),
    expiresMilliseconds: expires)
}

func answered(_ outcome: AskAnswer.Outcome = .answered, bytes: Int = 1) -> AskAnswer {
  AskAnswer(
    outcome: outcome, answer: PayloadRef(sha256: String(repeating: "b", count: 64), bytes: bytes), by: "u", comment: "",
    at: 5)
}

/// A step of a worker, changed by `change`.
func step(_ key: String, _ dependsOn: [String] = [], _ change: (inout WorkflowStep) -> Void = { _ in }) -> WorkflowStep
{
  var step = WorkflowStep(key: key, jobType: "agent", dependsOn: dependsOn)
  change(&step)
  return step
}

func workflow(_ steps: WorkflowStep...) -> Workflow { Workflow(name: "test", version: 1, steps: steps) }
