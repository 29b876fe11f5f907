import Contracts
import Decider
import Testing

/// How an attempt begins behind one that was lost, and behind one that has failed.
@Suite struct NextAttemptTests {
  fileprivate func begun() throws -> RunScript {
    var run = try RunScript(workflow(step("a") { $0.retry.attemptsMax = 5 }))
    try run.apply(.lease(step: "a", worker: "w"))
    try run.apply(.record(step: "a", attempt: 1, [call(0), call(1)]))
    return run
  }

  private func fail(_ run: inout RunScript, _ next: NextAttempt?) throws {
    let failure = Failure(code: "code", message: "m", isRetryable: true, next: next)
    try run.apply(.fail(step: "a", attempt: run.attempt("a"), failure))
  }

  @Test func `a lost attempt goes on from its journal`() throws {
    var run = try begun()
    try run.apply(.lose(step: "a", attempt: 1))
    let a = try #require(run.state.step("a"))
    #expect(a.recordedCalls == 2 && a.journalAfter == 0 && run.unanswered == nil)
  }

  @Test func `behind a failure that the answers led to the journal is empty`() throws {
    var run = try begun()
    try fail(&run, .anew)
    var a = try #require(run.state.step("a"))
    #expect(a.recordedCalls == 0 && a.journalAfter == run.state.sequence - 1)
    #expect(run.unanswered?.code == "code")
    // Its calls count from 0 again.
    try run.apply(.lease(step: "a", worker: "w"))
    try run.apply(.record(step: "a", attempt: 2, [call(0)]))
    a = try #require(run.state.step("a"))
    #expect(a.recordedCalls == 1 && run.unanswered == nil)
  }

  @Test func `a failure that can be answered comes behind the recorded calls, until something is recorded behind it`()
    throws
  {
    var run = try begun()
    try fail(&run, .continues)
    #expect(run.state.step("a")?.recordedCalls == 2)
    #expect(run.unanswered?.next == .continues)
    // Lost before it could say anything: it is still to be answered.
    try run.apply(.lease(step: "a", worker: "w"))
    try run.apply(.lose(step: "a", attempt: 2))
    #expect(run.unanswered?.next == .continues)
    try run.apply(.lease(step: "a", worker: "w"))
    try run.apply(.record(step: "a", attempt: 3, [call(2)]))
    try run.apply(.lose(step: "a", attempt: 3))
    #expect(run.unanswered == nil && run.state.step("a")?.recordedCalls == 3)
  }

  @Test func `another model does not go on with answers that were not its own`() throws {
    let flow = workflow(
      step("a") {
        $0.retry.attemptsMax = 1
        $0.fallbacks = [.init(agent: nil, model: "other")]
      })
    var run = try RunScript(flow)
    try run.apply(.lease(step: "a", worker: "w"))
    try run.apply(.record(step: "a", attempt: 1, [call(0)]))
    try fail(&run, .continues)
    #expect(run.ready == ["a"] && run.state.step("a")?.recordedCalls == 0)
    #expect(run.unanswered == nil)
  }

  @Test func `what ends a run says nothing of a next attempt`() throws {
    var run = try RunScript(workflow(step("a") { $0.retry.attemptsMax = 1 }))
    try run.apply(.lease(step: "a", worker: "w"))
    try fail(&run, .anew)
    guard case .runFailed(_, let failure) = run.history.last else { throw Broken("\(run.history)") }
    #expect(failure.next == nil)
  }
}

extension NextAttemptTests {
  /// A retry of the run begins before the failure, and must not find it again in the journal.
  @Test(arguments: [NextAttempt.anew, .continues])
  func `a fork that begins before a failure treats the journal as the next attempt would`(next: NextAttempt) throws {
    var run = try begun()
    let failure = Failure(code: "code", message: "m", isRetryable: false, next: next)
    let change = StepChange(step: "a", agent: nil, model: nil, input: nil, failure: failure)
    try run.apply(.fork(from: "run_0", at: run.state.sequence, by: "u", changes: [change]))
    let a = try #require(run.state.step("a"))
    #expect(a.recordedCalls == (next == .anew ? 0 : 2))
    #expect(run.unanswered == failure)
  }
}

extension RunScript {
  /// The failure that the next attempt of `a` is to answer.
  fileprivate var unanswered: Failure? { state.step("a").flatMap { state.unansweredFailure(of: $0) } }
}

/// Leases that never reach a worker.
@Suite struct UndeliveredTests {
  @Test func `a step that never reached a worker has not been tried`() throws {
    var run = try RunScript(workflow(step("a") { $0.retry.attemptsMax = 1 }))
    try run.apply(.lease(step: "a", worker: "w"))
    try run.apply(.lose(step: "a", attempt: 1, wasUndelivered: true))
    #expect(run.ready == ["a"] && run.attempt("a") == 2)
    try run.work("a")
    #expect(run.state.status == .succeeded)
  }

  @Test func `a step that can never be delivered does not go round for ever`() throws {
    var run = try RunScript(workflow(step("a") { $0.retry.attemptsMax = 1 }))
    for _ in 0..<100 where !run.state.status.isEnded {
      try run.apply(.lease(step: "a", worker: "w"))
      try run.apply(.lose(step: "a", attempt: run.attempt("a"), wasUndelivered: true))
    }
    #expect(run.state.status == .failed)
  }

  @Test func `a list of a negative number of elements is none`() throws {
    let flow = workflow(step("map") { $0.fanOut = .init(items: "input.items", width: 2, itemsMax: 10) })
    let run = try RunScript(flow, facts: [Fact("input.items", .count(-1))])
    #expect(run.state.status == .failed)
    var state = run.state
    evolve(&state, .stepFannedOut(step: "map", count: -5))
    evolve(&state, .stepDegraded(step: "map", fallback: -5))
    #expect(state.step("map")?.fallback == 0)
  }
}
