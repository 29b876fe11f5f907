import Contracts
import Decider
import Testing

@Suite struct SubRunTests {
  private static let used = Usage(inputTokens: 10, outputTokens: 5, costMicroUSD: 7, modelCalls: 2)

  private func subRun(_ key: String, attempts: Int? = nil) -> WorkflowStep {
    var step = WorkflowStep(key: key, kind: .run(workflow: "w", version: nil))
    if let attempts { step.retry.attemptsMax = attempts }
    return step
  }

  private func failure(_ isRetryable: Bool = true) -> Failure {
    Failure(code: "provider_failed", message: "m", isRetryable: isRetryable)
  }

  @Test func `a sub-run that failed is tried again as often as its step says, and all of them are paid`() throws {
    var run = try RunScript(workflow(subRun("sub", attempts: 3)))
    for attempt in 1...3 {
      #expect(run.attempt("sub") == attempt && run.status("sub") == .waiting)
      try run.apply(.startChild(step: "sub", attempt: attempt, run: "run_\(attempt)"))
      try run.apply(.fail(step: "sub", attempt: attempt, failure(), usage: Self.used))
    }
    #expect(run.state.status == .failed)
    #expect(run.state.usage == Self.used + Self.used + Self.used)
  }

  @Test func `without a policy, or when it cannot help, a sub-run is not tried again`() throws {
    var plain = try RunScript(workflow(subRun("sub")))
    try plain.apply(.fail(step: "sub", attempt: 1, failure()))
    #expect(plain.state.status == .failed)
    var final = try RunScript(workflow(subRun("sub", attempts: 3)))
    try final.apply(.fail(step: "sub", attempt: 1, failure(false)))
    #expect(final.state.status == .failed)
  }

  @Test func `a sub-run that takes too long is cancelled, and the next attempt has one of its own`() throws {
    var run = try RunScript(workflow(subRun("sub", attempts: 2)))
    try run.apply(.startChild(step: "sub", attempt: 1, run: "run_1"))
    let events = try run.apply(.timeOut(step: "sub", attempt: 1, .startToClose, usage: Self.used))
    #expect(Effects(of: events, in: run.state).orphans == [.init(step: "sub", attempt: 1)])
    #expect(run.status("sub") == .waiting && run.attempt("sub") == 2 && run.state.step("sub")?.child == nil)
    #expect(run.state.usage == Self.used)
    try run.apply(.timeOut(step: "sub", attempt: 2, .startToClose))
    #expect(run.state.status == .failed)
  }

  @Test func `a history of before, in which such a time-out was final, is decided as it was`() throws {
    var run = try RunScript(workflow(subRun("sub", attempts: 3)))
    try run.apply(.timeOut(step: "sub", attempt: 1, .startToClose, repeats: false))
    #expect(run.state.status == .failed)
  }

  @Test func `the sub-run of an attempt is begun once`() throws {
    var run = try RunScript(workflow(subRun("sub")))
    try run.apply(.startChild(step: "sub", attempt: 1, run: "run_1"))
    #expect(throws: RunRefusal.staleAttempt) { try run.apply(.startChild(step: "sub", attempt: 1, run: "run_1")) }
    #expect(!TimerDecision.isOrphan(child: "run_1", step: "sub", attempt: 1, in: run.state))
    try run.apply(.succeed(step: "sub", attempt: 1, output: payload, facts: []))
    #expect(!TimerDecision.isOrphan(child: "run_1", step: "sub", attempt: 1, in: run.state))
  }

  @Test func `a fork remembers the sub-run of before for one attempt, unless the step was changed`() throws {
    var run = try RunScript(workflow(subRun("sub", attempts: 2)))
    try run.apply(.startChild(step: "sub", attempt: 1, run: "run_1"))
    var changed = run
    try run.apply(.fork(from: "run_0", at: run.state.sequence, by: "u", changes: []))
    #expect(run.resumed == "run_1" && run.state.step("sub")?.child == nil)
    // Forked again before the new one had begun.
    try run.apply(.fork(from: "run_0", at: run.state.sequence, by: "u", changes: []))
    #expect(run.resumed == "run_1")
    try run.apply(.fail(step: "sub", attempt: run.attempt("sub"), failure()))
    #expect(run.resumed == nil && run.status("sub") == .waiting)
    let change = StepChange(step: "sub", agent: nil, model: nil, input: "{}")
    try changed.apply(.fork(from: "run_0", at: changed.state.sequence, by: "u", changes: [change]))
    #expect(changed.resumed == nil)
  }

  @Test func `a run that ends takes back sub-runs that are just being begun`() throws {
    var run = try RunScript(workflow(subRun("a"), subRun("b")))
    try run.apply(.startChild(step: "a", attempt: 1, run: "run_1"))
    let events = try run.apply(.cancel(by: "u", reason: ""))
    #expect(
      Effects(of: events, in: run.state).orphans == [
        .init(step: "a", attempt: 1), .init(step: "b", attempt: 1),
      ])
  }
}

extension RunScript {
  /// The sub-run that the next attempt of `sub` goes on inside.
  fileprivate var resumed: String? { state.step("sub").flatMap { state.resumedRun(of: $0) } }
}
