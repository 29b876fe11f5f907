import Contracts
import Decider
import History
import Testing

/// Workers that are lost over a step: they use up none of its attempts, and one that ends them all ends itself.
@Suite struct LossTests {
  private func lose(_ run: inout RunScript, _ limits: LossLimits? = .standard) throws {
    try run.apply(.lease(step: "s", worker: "w"))
    try run.apply(.lose(step: "s", attempt: run.attempt("s"), limits: limits))
  }

  private func verify(_ run: RunScript) {
    #expect(HistoryReplay.verify(run.history, with: run.state.workflow).verdict == .consistent)
  }

  @Test func `rolling restarts use up no attempts of a step that gets on between them`() throws {
    var run = try RunScript(workflow(step("s")))
    for index in 0..<12 {
      try run.apply(.lease(step: "s", worker: "w"))
      try run.apply(.record(step: "s", attempt: run.attempt("s"), [call(index)]))
      try run.apply(.lose(step: "s", attempt: run.attempt("s")))
    }
    #expect(run.ready == ["s"])
    // The attempts for failures are all there: three in total.
    for _ in 0..<2 {
      try run.fail("s", isRetryable: true)
      #expect(run.ready == ["s"])
      try lose(&run)
    }
    try run.fail("s", isRetryable: true)
    #expect(run.state.status == .failed)
    verify(run)
  }

  @Test func `a step that ends every worker ends after five, later each time, with a code of its own`() throws {
    var run = try RunScript(workflow(step("s")))
    var delays: [Int64] = []
    for _ in 0..<5 {
      #expect(run.ready == ["s"])
      try lose(&run)
      if case .stepReady(_, _, let delay) = run.history.last { delays.append(delay) }
    }
    guard case .runFailed(step: "s", let failure) = run.history.last else { throw Broken("\(run.history.suffix(3))") }
    #expect(failure.code == "workers_lost" && !failure.isRetryable)
    #expect(run.state.step("s")?.failure?.code == "workers_lost")
    #expect(delays.count == 4 && delays == delays.sorted() && delays[0] > 0, "\(delays)")
    verify(run)
  }

  @Test func `a step that gets on each time ends after fifty`() throws {
    var run = try RunScript(workflow(step("s")))
    var count = 0
    while !run.state.status.isEnded, count < 1000 {
      try run.apply(.lease(step: "s", worker: "w"))
      try run.apply(.record(step: "s", attempt: run.attempt("s"), [call(count)]))
      try run.apply(.lose(step: "s", attempt: run.attempt("s")))
      count += 1
    }
    #expect(count == 50)
    verify(run)
  }

  @Test func `an attempt that its worker has ended shows that the step does not end workers`() throws {
    var run = try RunScript(workflow(step("s") { $0.retry.attemptsMax = 3 }))
    for _ in 0..<4 { try lose(&run) }
    try run.fail("s", isRetryable: true)
    for _ in 0..<4 { try lose(&run) }
    #expect(run.ready == ["s"])
    try run.apply(.lease(step: "s", worker: "w"))
    try run.apply(.suspend(step: "s", attempt: run.attempt("s"), [ask("a")]))
    try run.apply(
      .answer(step: "s", attempt: run.attempt("s"), ask: "a", subjectSHA256: nil, answered()))
    for _ in 0..<4 { try lose(&run) }
    try run.work("s")
    #expect(run.state.status == .succeeded)
    verify(run)
  }

  @Test func `another agent or model begins with none lost, and so does a fork`() throws {
    let flow = workflow(step("s") { $0.fallbacks = [.init(agent: nil, model: "other")] })
    var run = try RunScript(flow)
    for _ in 0..<5 { try lose(&run) }
    #expect(run.ready == ["s"] && run.state.step("s")?.fallback == 1)
    for _ in 0..<4 { try lose(&run) }
    try run.apply(.fork(from: "r", at: run.history.count, by: "u", changes: []))
    for _ in 0..<4 { try lose(&run) }
    #expect(run.ready == ["s"])
    try lose(&run)
    #expect(run.state.status == .failed)
  }

  @Test func `a step of one attempt is not begun again, nor one that says so of lost workers`() throws {
    for change: (inout WorkflowStep) -> Void in [
      { $0.retry.attemptsMax = 1 }, { $0.retry.nonRetryableCodes = ["worker_lost"] },
    ] {
      var run = try RunScript(workflow(step("s", [], change)))
      try lose(&run)
      guard case .runFailed(_, let failure) = run.history.last else { throw Broken("\(run.history.suffix(2))") }
      #expect(failure.code == "worker_lost")
      verify(run)
    }
  }

  /// A fact without limits was decided by the rule of before: each loss is an attempt.
  @Test func `a history of before replays to what was decided then`() throws {
    var run = try RunScript(workflow(step("s")))
    for _ in 0..<3 { try lose(&run, nil) }
    guard case .runFailed(_, let failure) = run.history.last else { throw Broken("\(run.history.suffix(2))") }
    #expect(failure.code == "worker_lost")
    verify(run)
    // Both kinds in one history, as an upgrade makes them.
    var mixed = try RunScript(workflow(step("s")))
    try lose(&mixed, nil)
    for _ in 0..<3 { try lose(&mixed) }
    try lose(&mixed, nil)
    #expect(mixed.ready == ["s"])
    try lose(&mixed, nil)
    #expect(mixed.state.status == .failed)
    verify(mixed)
  }

  @Test func `the limits stand in the stored fact`() throws {
    let fact = RunEvent.stepLost(
      step: "s", attempt: 2, worker: "w", limits: LossLimits(inARow: 7, inAll: 70))
    let stored = EventCodec.encode(fact)
    #expect(
      String(decoding: stored, as: UTF8.self)
        == #"{"attempt":2,"worker":"w","losses_max":{"in_a_row":7,"in_all":70}}"#)
  }
}
