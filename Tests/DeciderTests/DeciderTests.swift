import Contracts
import Decider
import Testing

private let payload = PayloadRef(sha256: String(repeating: "a", count: 64), bytes: 1)
private let worker = "worker-1"

/// A run of `workflow` after `inputs`, all of which must be accepted.
private func run(_ workflow: Workflow = .single, _ inputs: RunInput...) throws -> RunState {
  var state = RunState(workflow: workflow)
  for input in inputs { for event in try decide(state, input) { evolve(&state, event) } }
  return state
}

private func call(_ index: Int) -> CallRecord {
  CallRecord(
    kind: .model, index: index, name: "m", requestSHA256: "r\(index)", result: payload,
    usage: Usage(inputTokens: 2, outputTokens: 3, costMicroUSD: 4, modelCalls: 1), durationMilliseconds: 1)
}

@Suite struct DeciderTests {
  @Test func `a run goes from its creation to its result`() throws {
    let state = try run(
      .single, .create(input: payload), .lease(step: "answer", worker: worker),
      .record(step: "answer", attempt: 1, [call(0), call(1)]), .succeed(step: "answer", attempt: 1, output: payload))
    #expect(state.status == .succeeded)
    #expect(state.usage == Usage(inputTokens: 4, outputTokens: 6, costMicroUSD: 8, modelCalls: 2))
    #expect(state.sequence == 7)
  }

  @Test func `a retryable failure makes the step ready again, later each time, until attempts are used up`() throws {
    var state = try run(.single, .create(input: payload))
    let failure = Failure(code: "provider_unreachable", message: "m", isRetryable: true)
    for (attempt, delay) in [(1, Int64(1000)), (2, 2000)] {
      for event in try decide(state, .lease(step: "answer", worker: worker)) { evolve(&state, event) }
      let events = try decide(state, .fail(step: "answer", attempt: attempt, failure))
      #expect(events.last == .stepReady(step: "answer", attempt: attempt + 1, delayMilliseconds: delay))
      for event in events { evolve(&state, event) }
    }
    for event in try decide(state, .lease(step: "answer", worker: worker)) { evolve(&state, event) }
    let events = try decide(state, .fail(step: "answer", attempt: 3, failure))
    #expect(events.last == .runFailed(step: "answer", failure))
  }

  @Test func `a failure that cannot be mended ends the run at once`() throws {
    let state = try run(
      .single, .create(input: payload), .lease(step: "answer", worker: worker),
      .fail(step: "answer", attempt: 1, Failure(code: "bad_key", message: "m", isRetryable: false)))
    #expect(state.status == .failed)
  }

  @Test func `a lost worker's late words change nothing`() throws {
    let state = try run(
      .single, .create(input: payload), .lease(step: "answer", worker: worker), .lose(step: "answer", attempt: 1),
      .lease(step: "answer", worker: "worker-2"))
    #expect(throws: RunRefusal.staleAttempt) {
      try decide(state, .succeed(step: "answer", attempt: 1, output: payload))
    }
    #expect(throws: RunRefusal.staleAttempt) { try decide(state, .record(step: "answer", attempt: 1, [call(0)])) }
    #expect(throws: RunRefusal.staleAttempt) { try decide(state, .lose(step: "answer", attempt: 1)) }
  }

  @Test func `a recorded call keeps its place when the next attempt goes on`() throws {
    let state = try run(
      .single, .create(input: payload), .lease(step: "answer", worker: worker),
      .record(step: "answer", attempt: 1, [call(0)]), .lose(step: "answer", attempt: 1),
      .lease(step: "answer", worker: worker))
    #expect(throws: RunRefusal.journalGap) { try decide(state, .record(step: "answer", attempt: 2, [call(0)])) }
    #expect(try decide(state, .record(step: "answer", attempt: 2, [call(1)])).count == 1)
  }

  @Test func `nothing happens to a run that has ended`() throws {
    let state = try run(.single, .create(input: payload), .cancel(by: "user", reason: ""))
    #expect(state.status == .cancelled)
    #expect(state.steps["answer"]?.status == .abandoned)
    for input in [
      RunInput.lease(step: "answer", worker: worker), .cancel(by: "x", reason: ""), .create(input: payload),
    ] {
      #expect(throws: RunRefusal.self) { try decide(state, input) }
    }
  }

  @Test func `a join waits for all of its branches`() throws {
    let diamond = Workflow(
      name: "diamond", version: 1,
      steps: [
        .init(key: "plan", jobType: "agent"), .init(key: "left", jobType: "agent", dependsOn: ["plan"]),
        .init(key: "right", jobType: "agent", dependsOn: ["plan"]),
        .init(key: "join", jobType: "agent", dependsOn: ["left", "right"]),
      ])
    var state = try run(
      diamond, .create(input: payload), .lease(step: "plan", worker: worker),
      .succeed(step: "plan", attempt: 1, output: payload), .lease(step: "right", worker: worker),
      .succeed(step: "right", attempt: 1, output: payload))
    #expect(state.steps["join"]?.status == .blocked)
    for input in [RunInput.lease(step: "left", worker: worker), .succeed(step: "left", attempt: 1, output: payload)] {
      for event in try decide(state, input) { evolve(&state, event) }
    }
    #expect(state.steps["join"]?.status == .ready)
    #expect(state.status == .running)
  }

  @Test(arguments: 0..<200)
  func `any order of inputs keeps the invariants`(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let workflow = Workflow(
      name: "w", version: 1,
      steps: [
        .init(key: "a", jobType: "agent"), .init(key: "b", jobType: "agent", dependsOn: ["a"]),
        .init(key: "c", jobType: "agent", dependsOn: ["a"]), .init(key: "d", jobType: "agent", dependsOn: ["b", "c"]),
      ])
    var state = RunState(workflow: workflow)
    var history: [RunEvent] = []
    for _ in 0..<120 {
      let step = ["a", "b", "c", "d", "x"][Int(random.next() % 5)]
      let attempt = Int(random.next() % 4)
      let input: RunInput =
        switch random.next() % 24 {
        case 0..<2: .create(input: payload)
        case 2..<10: .lease(step: step, worker: "w\(random.next() % 3)")
        case 10..<13: .record(step: step, attempt: attempt, [call(Int(random.next() % 3))])
        case 13..<19: .succeed(step: step, attempt: attempt, output: payload)
        case 19..<21:
          .fail(step: step, attempt: attempt, Failure(code: "c", message: "m", isRetryable: random.next() % 4 != 0))
        case 21..<23: .lose(step: step, attempt: attempt)
        default: random.next() % 8 == 0 ? .cancel(by: "u", reason: "") : .lease(step: step, worker: "w")
        }
      guard let events = try? decide(state, input) else { continue }
      #expect(!state.status.isEnded, "an ended run accepted \(input)")
      #expect(try decide(state, input) == events, "the same input decided differently")
      for event in events { evolve(&state, event) }
      history += events
    }
    #expect(fold(workflow, history) == state)
    let ends = history.filter { ["run.succeeded", "run.failed", "run.cancelled"].contains($0.type) }
    #expect(ends.count == (state.status.isEnded ? 1 : 0))
    for step in workflow.steps {
      #expect(history.filter { $0.type == "step.succeeded" && $0.step == step.key }.count <= 1)
    }
  }
}

private struct SplitMix {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
