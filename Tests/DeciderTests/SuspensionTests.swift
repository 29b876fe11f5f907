import Contracts
import Decider
import History
import Testing

/// Steps that give their leases back: to wait for people, or for another worker.
@Suite struct SuspensionTests {
  private static func suspended(
    _ asks: [Ask] = [ask("a"), ask("b")], _ change: (inout WorkflowStep) -> Void = { _ in }
  ) throws -> RunScript {
    var run = try RunScript(workflow(step("s", [], change)))
    try run.apply(.lease(step: "s", worker: "w"))
    try run.apply(.record(step: "s", attempt: 1, [call(0)]))
    try run.apply(.suspend(step: "s", attempt: 1, asks))
    return run
  }

  private static func answer(_ key: String, attempt: Int = 1, subject: String? = nil) -> RunInput {
    .answer(step: "s", attempt: attempt, ask: key, subjectSHA256: subject, answered())
  }

  private static func verify(_ run: RunScript) {
    let report = HistoryReplay.verify(run.history, with: run.state.workflow)
    #expect(report.verdict == .consistent && report.state == run.state)
  }

  @Test func `a step waits until all is answered, and goes on from its journal at no attempt's cost`() throws {
    var run = try Self.suspended { $0.retry = .init(attemptsMax: 2, backoffMilliseconds: 0, backoffMillisecondsMax: 0) }
    #expect(run.status("s") == .waiting && !run.state.isActive)
    try run.apply(Self.answer("b"))
    #expect(run.status("s") == .waiting)
    let events = try run.apply(.expireAsk(step: "s", attempt: 1, ask: "a", at: 9))
    #expect(
      events == [
        .askExpired(step: "s", attempt: 1, ask: "a", at: 9),
        .stepReady(step: "s", attempt: 2, delayMilliseconds: 0),
      ])
    let step = try #require(run.state.step("s"))
    #expect(step.recordedCalls == 1)
    #expect(run.state.questions(of: step).map(\.status) == [.expired(at: 9), .answered(answered())])
    // Both of its attempts are still to be failed.
    try run.fail("s", isRetryable: true)
    #expect(run.status("s") == .ready)
    try run.fail("s", isRetryable: true)
    guard case .runFailed(step: "s", let failure) = run.history.last else { throw Broken("\(run.history)") }
    #expect(failure.code == "broken")
    Self.verify(run)
  }

  @Test func `of several answers to a question the first one counts`() throws {
    var run = try Self.suspended()
    #expect(throws: RunRefusal.subjectDiffers) { try run.apply(Self.answer("a", subject: "another")) }
    try run.apply(Self.answer("a", subject: "subject of a"))
    #expect(throws: RunRefusal.alreadyAnswered) { try run.apply(Self.answer("a")) }
    #expect(throws: RunRefusal.alreadyAnswered) {
      try run.apply(.expireAsk(step: "s", attempt: 1, ask: "a", at: 1))
    }
    #expect(throws: RunRefusal.unknownQuestion) { try run.apply(Self.answer("c")) }
    #expect(throws: RunRefusal.unknownQuestion) { try run.apply(Self.answer("b", attempt: 2)) }
    try run.apply(Self.answer("b"))
    #expect(throws: RunRefusal.alreadyAnswered) { try run.apply(Self.answer("b")) }
    try run.work("s")
    #expect(throws: RunRefusal.runEnded) { try run.apply(Self.answer("b")) }
    Self.verify(run)
  }

  @Test func `who has given the lease back cannot speak for the step any more`() throws {
    var run = try Self.suspended()
    for input: RunInput in [
      .record(step: "s", attempt: 1, [call(1)]), .suspend(step: "s", attempt: 1, [ask("x")]),
      .succeed(step: "s", attempt: 1, output: payload, facts: []), .release(step: "s", attempt: 1),
      .lose(step: "s", attempt: 1), .elapse(step: "s", attempt: 1),
      .requestApproval(step: "s", attempt: 1, subject: payload), .startChild(step: "s", attempt: 1, run: "r"),
      .timeOut(step: "s", attempt: 1, .startToClose), .timeOut(step: "s", attempt: 1, .scheduleToStart),
    ] {
      #expect(throws: RunRefusal.self) { try run.apply(input) }
    }
    #expect(run.status("s") == .waiting)
  }

  @Test func `the same key for something else begins the step anew, and what is answered is not asked again`() throws {
    var run = try Self.suspended([ask("a")])
    try run.apply(Self.answer("a"))
    try run.apply(.lease(step: "s", worker: "w"))
    let events = try run.apply(.suspend(step: "s", attempt: 2, [ask("a", subject: "other")]))
    guard case .stepFailed(_, 2, let failure, _) = events.first else { throw Broken("\(events)") }
    #expect(failure.code == "invalid_wait" && failure.next == .anew)
    let step = try #require(run.state.step("s"))
    #expect(run.state.questions(of: step).isEmpty && step.recordedCalls == 0 && step.journalBytes == 0)

    var other = try Self.suspended([ask("a")])
    try other.apply(Self.answer("a"))
    try other.apply(.lease(step: "s", worker: "w"))
    let again = try other.apply(.suspend(step: "s", attempt: 2, [ask("a")]))
    guard case .stepFailed(_, 2, let repeated, _) = again.first else { throw Broken("\(again)") }
    #expect(repeated.code == "invalid_wait" && repeated.next == nil)
    // Only what is new is asked.
    var third = try Self.suspended([ask("a")])
    try third.apply(Self.answer("a"))
    try third.apply(.lease(step: "s", worker: "w"))
    #expect(
      try third.apply(.suspend(step: "s", attempt: 2, [ask("a"), ask("b")]))
        == [.stepSuspended(step: "s", attempt: 2, asks: [ask("b")])])
    for script in [run, other, third] { Self.verify(script) }
  }

  @Test func `a step does not ask for ever`() throws {
    var run = try RunScript(workflow(step("s")))
    var asked = 0
    while run.state.status == .pending || run.state.status == .running {
      try run.apply(.lease(step: "s", worker: "w"))
      let asks = (0..<32).map { ask("\(asked + $0)") }
      asked += 32
      try run.apply(.suspend(step: "s", attempt: run.attempt("s"), asks))
      for ask in asks where run.status("s") == .waiting {
        try run.apply(Self.answer(ask.key, attempt: run.attempt("s")))
      }
      guard asked < 2000 else { throw Broken("it asks for ever") }
    }
    guard case .runFailed(step: "s", let failure) = run.history.last else { throw Broken("\(run.history.suffix(2))") }
    #expect(failure.code == "too_many_questions")
  }

  @Test func `a run that is paused takes answers and goes on when it is resumed`() throws {
    var run = try Self.suspended([ask("a")])
    try run.apply(.pause(by: "u"))
    let events = try run.apply(Self.answer("a"))
    #expect(Effects(of: events, in: run.state).work.isEmpty)
    let resumed = try run.apply(.resume(by: "u"))
    #expect(Effects(of: resumed, in: run.state).work.map(\.place) == [0])
    Self.verify(run)
  }

  @Test func `a run that ends takes its questions with it`() throws {
    for input: RunInput in [.cancel(by: "u", reason: ""), .expire()] {
      var run = try Self.suspended()
      let events = try run.apply(input)
      #expect(run.state.status.isEnded && run.status("s") == .abandoned)
      #expect(Effects(of: events, in: run.state).clearing == .everything)
      #expect(throws: RunRefusal.runEnded) { try run.apply(Self.answer("a")) }
      Self.verify(run)
    }
  }

  @Test func `what is undone does not go on when it is answered`() throws {
    var undo = step("undo")
    undo.isCompensation = true
    var run = try RunScript(
      workflow(step("s"), step("t") { $0.onFailure = .compensate(["undo"]) }, undo))
    try run.apply(.lease(step: "s", worker: "w"))
    try run.apply(.suspend(step: "s", attempt: 1, [ask("a")]))
    try run.fail("t")
    #expect(run.state.status == .compensating && run.status("s") == .abandoned)
    #expect(throws: RunRefusal.staleAttempt) { try run.apply(Self.answer("a")) }
    // What undoes may ask, too.
    try run.apply(.lease(step: "undo", worker: "w"))
    try run.apply(.suspend(step: "undo", attempt: 1, [ask("u")]))
    try run.apply(.answer(step: "undo", attempt: 1, ask: "u", subjectSHA256: nil, answered()))
    try run.work("undo")
    #expect(run.state.status == .failed)
    Self.verify(run)
  }

  @Test func `a fork keeps what was answered and asks the rest again`() throws {
    for isChanged in [false, true] {
      var run = try Self.suspended()
      try run.apply(Self.answer("a"))
      let change = StepChange(step: "s", agent: "other", model: nil, input: nil)
      try run.apply(.fork(from: "r", at: run.history.count, by: "u", changes: isChanged ? [change] : []))
      #expect(run.status("s") == .ready)
      let step = try #require(run.state.step("s"))
      #expect(run.state.questions(of: step).map(\.ask.key) == (isChanged ? [] : ["a"]))
      try run.apply(.lease(step: "s", worker: "w"))
      try run.apply(.suspend(step: "s", attempt: 2, [ask("b")]))
      try run.apply(Self.answer("b", attempt: 2))
      try run.work("s")
      #expect(run.state.status == .succeeded)
      Self.verify(run)
    }
  }

  @Test(arguments: [NextAttempt.continues, .anew, nil])
  func `an attempt after a failed one asks anew what nobody has answered, one after a lost one does not`(
    next: NextAttempt?
  ) throws {
    var run = try Self.suspended { $0.retry.attemptsMax = 5 }
    try run.apply(Self.answer("a"))
    try run.apply(.expireAsk(step: "s", attempt: 1, ask: "b", at: 9))
    func keys(_ run: RunScript) throws -> [String] {
      run.state.questions(of: try #require(run.state.step("s"))).map(\.ask.key)
    }
    try run.apply(.lease(step: "s", worker: "w"))
    // Then its journal is kept, whatever the failure.
    let intent = CallRecord(
      kind: .intent, index: 1, name: "send", requestSHA256: "", result: payload, usage: .zero, durationMilliseconds: 0)
    try run.apply(.record(step: "s", attempt: 2, [intent]))
    try run.apply(.lose(step: "s", attempt: 2))
    #expect(try keys(run) == ["a", "b"])
    try run.apply(.lease(step: "s", worker: "w"))
    let failure = Failure(code: "question_expired", message: "m", isRetryable: true, next: next)
    try run.apply(.fail(step: "s", attempt: 3, failure))
    #expect(try keys(run) == ["a"])
    try run.apply(.lease(step: "s", worker: "w"))
    try run.apply(.suspend(step: "s", attempt: 4, [ask("b")]))
    #expect(run.status("s") == .waiting)
    try run.apply(Self.answer("b", attempt: 4))
    try run.work("s")
    #expect(run.state.status == .succeeded)
    Self.verify(run)
  }

  @Test func `an attempt after one that took too long asks anew what nobody has answered in time`() throws {
    var run = try Self.suspended { $0.retry.attemptsMax = 5 }
    try run.apply(Self.answer("a"))
    try run.apply(.expireAsk(step: "s", attempt: 1, ask: "b", at: 9))
    try run.apply(.lease(step: "s", worker: "w"))
    try run.apply(.timeOut(step: "s", attempt: 2, .startToClose))
    #expect(run.status("s") == .ready)
    #expect(run.state.questions(of: try #require(run.state.step("s"))).map(\.ask.key) == ["a"])
    Self.verify(run)
  }

  @Test func `a retry of a run asks anew what nobody has answered in time`() throws {
    var run = try Self.suspended { $0.retry.attemptsMax = 1 }
    try run.apply(.expireAsk(step: "s", attempt: 1, ask: "a", at: 9))
    try run.apply(Self.answer("b"))
    try run.apply(.fork(from: "r", at: run.history.count, by: "u", changes: []))
    try run.apply(.lease(step: "s", worker: "w"))
    try run.apply(.suspend(step: "s", attempt: run.attempt("s"), [ask("a")]))
    #expect(run.state.questions(of: try #require(run.state.step("s"))).map(\.ask.key) == ["b", "a"])
    Self.verify(run)
  }

  @Test func `a worker that goes costs no attempt; one step that nobody keeps does not go round for ever`() throws {
    var run = try RunScript(workflow(step("s") { $0.retry.attemptsMax = 1 }))
    for _ in 0..<15 {
      try run.apply(.lease(step: "s", worker: "w"))
      try run.apply(.release(step: "s", attempt: run.attempt("s")))
    }
    // Something was done in between.
    try run.apply(.lease(step: "s", worker: "w"))
    try run.apply(.record(step: "s", attempt: run.attempt("s"), [call(0)]))
    var released = 0
    while run.state.status == .running {
      if run.status("s") == .ready { try run.apply(.lease(step: "s", worker: "w")) }
      try run.apply(.release(step: "s", attempt: run.attempt("s")))
      released += 1
      guard released < 100 else { throw Broken("it goes round for ever") }
    }
    #expect(released == 21)
    guard case .runFailed(step: "s", let failure) = run.history.last else { throw Broken("\(run.history.suffix(2))") }
    #expect(failure.code == "worker_lost")
    Self.verify(run)
  }

  @Test func `timers of questions are owed while they wait`() throws {
    var run = try Self.suspended([ask("a", expires: 5), ask("b")])
    func decision(_ key: String, attempt: Int = 1, version: Int = 0) -> TimerDecision {
      TimerDecision(
        ClaimedTimer(kind: .ask, step: "s", attempt: attempt, child: nil, ask: key, runVersion: version), in: run.state)
    }
    #expect(decision("a") == .owed && decision("c") == .notOwed && decision("a", attempt: 2) == .notOwed)
    #expect(decision("a", version: 100) == .outdated)
    #expect(run.state.hasQuestionLimits)
    let close = ClaimedTimer(kind: .close, step: "s", attempt: 1, child: nil, runVersion: 0)
    #expect(TimerDecision(close, in: run.state) == .notOwed)
    try run.apply(Self.answer("a"))
    #expect(decision("a") == .notOwed && decision("b") == .owed)
    try run.apply(.cancel(by: "u", reason: ""))
    #expect(decision("b") == .notOwed)
  }

  @Test func `the last belief and the size of the journal are known`() throws {
    var run = try RunScript(workflow(step("s")))
    try run.apply(.lease(step: "s", worker: "w"))
    func note(_ index: Int, _ name: String, _ sha256: String) -> CallRecord {
      CallRecord(
        kind: .note, index: index, name: name, requestSHA256: "", result: PayloadRef(sha256: sha256, bytes: 10),
        usage: .zero, durationMilliseconds: 0)
    }
    try run.apply(
      .record(step: "s", attempt: 1, [note(0, "belief", "x"), note(1, "belief", "y"), note(2, "policy", "z")]))
    let step = try #require(run.state.step("s"))
    #expect(run.state.belief(of: step)?.sha256 == "y" && step.journalBytes == 30 && run.state.usage == .zero)
    #expect(run.history.suffix(3).map(\.type) == ["agent.noted", "agent.noted", "agent.noted"])
  }
}
