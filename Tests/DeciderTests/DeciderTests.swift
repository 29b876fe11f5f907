import Contracts
import Decider
import Testing

@Suite struct DeciderTests {
  private let single = workflow(step("answer"))

  @Test func `a run goes from its creation to its result`() throws {
    var run = try RunScript(single)
    try run.apply(.lease(step: "answer", worker: "w"))
    try run.apply(.record(step: "answer", attempt: 1, [call(0), call(1)]))
    try run.apply(.succeed(step: "answer", attempt: 1, output: payload, facts: []))
    #expect(run.state.status == .succeeded)
    #expect(run.state.usage == Usage(inputTokens: 4, outputTokens: 6, costMicroUSD: 8, modelCalls: 2))
    #expect(run.history.last == .runSucceeded(output: payload))
    #expect(run.state.sequence == 7)
  }

  @Test func `a retryable failure makes the step ready again, later each time, until attempts are used up`() throws {
    var run = try RunScript(
      workflow(
        step("a") { $0.retry = RetryPolicy(attemptsMax: 3, backoffMilliseconds: 10, backoffMillisecondsMax: 15) }))
    for (attempt, delay) in [(2, Int64(10)), (3, 15)] {
      try run.fail("a", isRetryable: true)
      #expect(run.history.last == .stepReady(step: "a", attempt: attempt, delayMilliseconds: delay))
    }
    try run.fail("a", isRetryable: true)
    #expect(run.state.status == .failed)
  }

  @Test func `a code that the workflow calls final is not repeated`() throws {
    var run = try RunScript(workflow(step("a") { $0.retry.nonRetryableCodes = ["bad_key"] }))
    try run.fail("a", code: "bad_key", isRetryable: true)
    #expect(run.state.status == .failed)
  }

  @Test func `jitter shortens the wait, differs between runs and never between replays`() {
    let policy = RetryPolicy(
      attemptsMax: 9, backoffMilliseconds: 1000, backoffMillisecondsMax: 60_000, jitterPercent: 50)
    let delays = (0..<100).map { policy.delayMilliseconds(afterAttempt: 2, seed: UInt64($0)) }
    #expect(delays.allSatisfy { (1000...2000).contains($0) })
    #expect(Set(delays).count > 50)
    #expect(delays == (0..<100).map { policy.delayMilliseconds(afterAttempt: 2, seed: UInt64($0)) })
  }

  @Test func `a lost worker's late words change nothing`() throws {
    var run = try RunScript(single)
    try run.apply(.lease(step: "answer", worker: "w"))
    try run.apply(.lose(step: "answer", attempt: 1))
    try run.apply(.lease(step: "answer", worker: "w2"))
    for late in [
      RunInput.succeed(step: "answer", attempt: 1, output: payload, facts: []),
      .record(step: "answer", attempt: 1, [call(0)]), .lose(step: "answer", attempt: 1),
      .timeOut(step: "answer", attempt: 1, .startToClose),
    ] {
      #expect(throws: RunRefusal.staleAttempt) { try run.apply(late) }
    }
  }

  @Test func `a recorded call keeps its place when the next attempt goes on`() throws {
    var run = try RunScript(single)
    try run.apply(.lease(step: "answer", worker: "w"))
    try run.apply(.record(step: "answer", attempt: 1, [call(0)]))
    try run.apply(.lose(step: "answer", attempt: 1))
    try run.apply(.lease(step: "answer", worker: "w"))
    #expect(throws: RunRefusal.journalGap) { try run.apply(.record(step: "answer", attempt: 2, [call(0)])) }
    try run.apply(.record(step: "answer", attempt: 2, [call(1)]))
  }

  @Test func `nothing happens to a run that has ended`() throws {
    var run = try RunScript(single)
    try run.apply(.cancel(by: "user", reason: ""))
    #expect(run.state.status == .cancelled)
    #expect(run.status("answer") == .abandoned)
    for input in [
      RunInput.lease(step: "answer", worker: "w"), .cancel(by: "x", reason: ""), .pause(by: "x"), .expire(),
    ] {
      #expect(throws: RunRefusal.runEnded) { try run.apply(input) }
    }
  }

  @Test func `branches run side by side and meet again`() throws {
    var run = try RunScript(
      workflow(step("plan"), step("left", ["plan"]), step("right", ["plan"]), step("join", ["left", "right"])))
    #expect(run.ready == ["plan"])
    try run.work("plan")
    #expect(run.ready == ["left", "right"])
    try run.work("right")
    #expect(run.ready == ["left"])
    try run.work("left")
    try run.work("join")
    #expect(run.history.last == .runSucceeded(output: run.output("join")))
  }

  @Test func `a condition sends the run one way, and what no way leads to is skipped`() throws {
    let review = Condition.compare(reference: "steps.judge.output.score", .atLeast, .int(7))
    let flow = workflow(
      step("judge"), step("publish", ["judge"]) { $0.condition = review },
      step("announce", ["publish"]), step("rework", ["judge"]) { $0.condition = .not(review) },
      step("close", ["announce", "rework"]))
    var run = try RunScript(flow)
    try run.work("judge", facts: [Fact("steps.judge.output.score", .double(6.5))])
    #expect(run.status("publish") == .skipped)
    #expect(run.status("announce") == .skipped)
    #expect(run.ready == ["rework"])
    try run.work("rework")
    #expect(run.ready == ["close"])
  }

  @Test func `a run whose every branch is skipped ends without a result`() throws {
    var run = try RunScript(workflow(step("a"), step("b", ["a"]) { $0.condition = .exists(reference: "input.x") }))
    try run.work("a")
    #expect(run.history.last == .runSucceeded(output: nil))
  }

  @Test func `values of different types never compare, but differ`() throws {
    func holds(_ operation: Condition.Operator, _ literal: FactValue, _ value: FactValue?) throws -> Bool {
      let flow = workflow(step("a") { $0.condition = .compare(reference: "input.x", operation, literal) })
      let run = try RunScript(flow, facts: value.map { [Fact("input.x", $0)] } ?? [])
      return run.status("a") == .ready
    }
    #expect(try holds(.equals, .int(2), .double(2)))
    #expect(try !holds(.below, .int(2), .string("1")))
    #expect(try holds(.differs, .string("1"), .int(1)))
    #expect(try holds(.equals, .null, nil))
    #expect(try !holds(.equals, .string("x"), .longString(sha256: "x")))
    #expect(try holds(.above, .int(2), .count(3)))
  }

  @Test func `the first of several is enough, and the others still run to their end`() throws {
    var run = try RunScript(
      workflow(step("a"), step("b"), step("c"), step("next", ["a", "b", "c"]) { $0.join = .atLeast(2) }))
    try run.work("a")
    #expect(run.status("next") == .blocked)
    try run.work("c")
    #expect(run.status("next") == .ready)
    try run.work("next")
    #expect(run.state.status == .running)
    try run.work("b")
    #expect(run.state.status == .succeeded)
  }

  @Test func `a join that can no longer be reached is skipped`() throws {
    var run = try RunScript(
      workflow(
        step("a") { $0.onFailure = .proceed }, step("b") { $0.onFailure = .proceed },
        step("next", ["a", "b"]) { $0.join = .atLeast(1) }))
    try run.fail("a")
    #expect(run.status("next") == .blocked)
    try run.fail("b")
    #expect(run.status("next") == .skipped)
    #expect(run.state.status == .succeeded)
  }

  @Test func `another agent takes over when the attempts are used up`() throws {
    var run = try RunScript(
      workflow(
        step("a") {
          $0.agent = "junior"
          $0.model = "small"
          $0.retry.attemptsMax = 1
          $0.fallbacks = [.init(agent: "senior", model: nil), .init(agent: nil, model: "large")]
        }))
    try run.fail("a", isRetryable: true)
    var assignment = run.state.assignment(of: try #require(run.state.step("a")))
    #expect(assignment.agent == "senior" && assignment.model == "small")
    try run.fail("a")
    assignment = run.state.assignment(of: try #require(run.state.step("a")))
    #expect(assignment.agent == "senior" && assignment.model == "large")
    try run.fail("a")
    #expect(run.state.status == .failed)
  }

  @Test func `what was done is undone in order before the run fails`() throws {
    var run = try RunScript(
      workflow(
        step("book"), step("other"), step("pay", ["book"]) { $0.onFailure = .compensate(["refund", "unbook"]) },
        step("refund") { $0.isCompensation = true }, step("unbook") { $0.isCompensation = true }))
    try run.work("book")
    try run.apply(.lease(step: "other", worker: "w"))
    try run.fail("pay")
    #expect(run.state.status == .compensating)
    #expect(run.status("other") == .abandoned)
    #expect(Effects(of: Array(run.history.suffix(2)), in: run.state).clearing == .everything)
    #expect(throws: RunRefusal.staleAttempt) {
      try run.apply(.succeed(step: "other", attempt: 1, output: payload, facts: []))
    }
    #expect(run.ready == ["refund"])
    try run.work("refund")
    try run.work("unbook")
    #expect(run.history.last == .runFailed(step: "pay", Failure(code: "broken", message: "m", isRetryable: false)))
  }

  @Test func `steps that undo others do not run when nothing failed`() throws {
    var run = try RunScript(
      workflow(
        step("a") { $0.onFailure = .compensate(["undo"]) }, step("b", ["a"]),
        step("undo") { $0.isCompensation = true }))
    try run.work("a")
    try run.work("b")
    #expect(run.state.status == .succeeded)
    #expect(run.attempt("undo") == 0)
  }
}
