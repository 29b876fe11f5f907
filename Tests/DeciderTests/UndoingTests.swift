import Contracts
import Decider
import Testing

/// What was done is undone before a run ends that was cancelled or whose time is over.
@Suite struct UndoingTests {
  private static func undo(_ key: String) -> WorkflowStep {
    step(key) {
      $0.isCompensation = true
      $0.retry.attemptsMax = 1
    }
  }

  /// `pay` and `book` are done, `wait` waits; each has somebody who undoes it.
  private func begun() throws -> RunScript {
    let flow = workflow(
      step("pay") { $0.onFailure = .compensate(["unpay"]) },
      step("book", ["pay"]) { $0.onFailure = .compensate(["unbook"]) },
      step("wait", ["book"]), step("ship", ["wait"]) { $0.onFailure = .compensate(["unship"]) },
      Self.undo("unpay"), Self.undo("unbook"), Self.undo("unship"))
    var run = try RunScript(flow)
    try run.work("pay")
    try run.work("book")
    return run
  }

  @Test func `a cancelled run undoes what was done, the last first, and then is cancelled`() throws {
    var run = try begun()
    let events = try run.apply(.cancel(by: "u", reason: "no more"))
    #expect(Effects(of: events, in: run.state).clearing == .everything)
    #expect(Effects(of: events, in: run.state).undoingLimit == Workflow.undoingMillisecondsStandard)
    #expect(run.state.status == .compensating && run.ready == ["unbook"])
    try run.work("unbook")
    #expect(run.ready == ["unpay"])
    try run.work("unpay")
    #expect(run.state.status == .cancelled && run.status("unship") == .abandoned)
  }

  @Test func `a run whose time is over undoes what was done, and then has failed for that`() throws {
    var run = try begun()
    try run.apply(.expire())
    try run.work("unbook")
    try run.work("unpay")
    guard case .runFailed(nil, let failure) = run.history.last else { throw Broken("\(run.history)") }
    #expect(failure.code == "run_timeout")
  }

  @Test func `whoever cancels again does not wait for the undoing`() throws {
    var run = try begun()
    try run.apply(.cancel(by: "u", reason: ""))
    try run.apply(.cancel(by: "u", reason: "now"))
    #expect(run.state.status == .cancelled)
  }

  @Test func `a cancellation that comes twice, or a limit of the run that comes late, does not cut the undoing short`()
    throws
  {
    var run = try begun()
    try run.apply(.cancel(by: "u", reason: "", forces: false))
    #expect(throws: RunRefusal.alreadyCompensating) { try run.apply(.cancel(by: "u", reason: "", forces: false)) }
    #expect(throws: RunRefusal.staleAttempt) { try run.apply(.expire(ofUndoing: false)) }
    func timer(_ kind: TimerKind, _ attempt: Int?) -> ClaimedTimer {
      ClaimedTimer(kind: kind, step: nil, attempt: attempt, child: nil, runVersion: 0)
    }
    #expect(TimerDecision(timer(.expire, nil), in: run.state) == .notOwed)
    #expect(TimerDecision(timer(.expire, 1), in: run.state) == .owed)
    #expect(TimerDecision(timer(.cancel, nil), in: run.state) == .notOwed)
    try run.apply(.expire(ofUndoing: true))
    #expect(run.state.status == .cancelled)
  }

  @Test func `undoing has a limit of time`() throws {
    var cancelled = try begun()
    try cancelled.apply(.cancel(by: "u", reason: ""))
    try cancelled.apply(.expire())
    #expect(cancelled.state.status == .cancelled)
    var expired = try begun()
    try expired.apply(.expire())
    try expired.apply(.expire())
    guard case .runFailed(nil, let failure) = expired.history.last else { throw Broken("\(expired.history)") }
    #expect(failure.code == "run_timeout" && failure.message.contains("undoing"))
  }

  @Test func `an undoing that fails is said to have failed`() throws {
    var run = try begun()
    try run.apply(.cancel(by: "u", reason: ""))
    try run.fail("unbook")
    guard case .runFailed("unbook", let failure) = run.history.last else { throw Broken("\(run.history)") }
    #expect(failure.code == "undoing_failed")
  }

  @Test func `a run that has nothing to undo ends at once`() throws {
    var run = try RunScript(workflow(step("a"), step("b", ["a"]) { $0.onFailure = .compensate(["u"]) }, Self.undo("u")))
    try run.apply(.cancel(by: "u", reason: ""))
    #expect(run.state.status == .cancelled)
  }

  @Test func `what waits is undone like what has failed`() throws {
    var wait = WorkflowStep(key: "wait", kind: .signal(name: "go"), dependsOn: ["reserve"])
    wait.onFailure = .compensate(["undo"])
    var run = try RunScript(workflow(step("reserve"), wait, Self.undo("undo")))
    try run.work("reserve")
    try run.apply(.cancel(by: "u", reason: ""))
    #expect(run.ready == ["undo"])
  }

  @Test func `histories of before are decided as they were`() throws {
    var run = try begun()
    try run.apply(.cancel(by: "u", reason: "", undoes: false))
    #expect(run.state.status == .cancelled)
    var expired = try begun()
    try expired.apply(.expire(undoes: false))
    #expect(expired.state.status == .failed)
  }
}
