import Contracts
import Decider
import Testing

@Suite struct WaitingTests {
  private static func waiting(_ key: String, _ kind: WorkflowStep.Kind, _ dependsOn: [String] = []) -> WorkflowStep {
    WorkflowStep(key: key, kind: kind, dependsOn: dependsOn)
  }

  @Test func `a fan-out keeps to its width and ends with its last instance`() throws {
    let flow = workflow(
      step("map") { $0.fanOut = .init(items: "input.items", width: 2, itemsMax: 10) }, step("reduce", ["map"]))
    var run = try RunScript(flow, facts: [Fact("input.items", .count(4))])
    #expect(run.ready == ["map[0]", "map[1]"])
    try run.work("map[1]")
    #expect(run.ready == ["map[0]", "map[2]"])
    try run.work("map[2]")
    try run.work("map[3]")
    #expect(run.ready == ["map[0]"])
    #expect(run.status("reduce") == .blocked)
    try run.work("map[0]")
    #expect(run.status("map") == .succeeded)
    #expect(run.ready == ["reduce"])
  }

  @Test(arguments: [
    (FactValue.count(11), "fan_out_too_large"), (.int(3), "fan_out_not_a_list"),
    (.members(2), "fan_out_not_a_list"), (.null, "fan_out_not_a_list"),
  ])
  func `a fan-out over something else than a list within its limit fails`(value: FactValue, code: String) throws {
    let flow = workflow(step("map") { $0.fanOut = .init(items: "input.items", width: 2, itemsMax: 10) })
    let run = try RunScript(flow, facts: [Fact("input.items", value)])
    guard case .runFailed(step: "map", let failure) = run.history.last else { throw Broken("\(run.history)") }
    #expect(failure.code == code)
  }

  @Test func `a fan-out over nothing is done at once`() throws {
    let flow = workflow(step("map") { $0.fanOut = .init(items: "input.items", width: 2, itemsMax: 10) })
    let run = try RunScript(flow, facts: [Fact("input.items", .count(0))])
    #expect(run.state.status == .succeeded)
  }

  @Test func `instances that fail are left out when the workflow goes on without them`() throws {
    let flow = workflow(
      step("map") {
        $0.fanOut = .init(items: "input.items", width: 9, itemsMax: 10)
        $0.onFailure = .proceed
      })
    var run = try RunScript(flow, facts: [Fact("input.items", .count(2))])
    try run.fail("map[0]")
    try run.work("map[1]")
    #expect(run.state.status == .succeeded)
  }

  @Test func `ten thousand instances are decided in linear time`() throws {
    let flow = workflow(
      step("map") { $0.fanOut = .init(items: "input.items", width: 10_000, itemsMax: 10_000) })
    var state = RunState(workflow: flow)
    var events = try decide(&state, .create(input: payload, seed: 1, facts: [Fact("input.items", .count(9_999))]))
    #expect(events.count == 1 + 1 + 9_999)
    for item in 0..<9_999 {
      _ = try decide(&state, .lease(step: "map[\(item)]", worker: "w"))
      events = try decide(&state, .succeed(step: "map[\(item)]", attempt: 1, output: payload, facts: []))
    }
    #expect(events.last == .runSucceeded(output: nil))
  }

  @Test func `a plan becomes steps, and what follows waits for them`() throws {
    var run = try RunScript(workflow(step("plan") { $0.expansionStepsMax = 3 }, step("join", ["plan"])))
    try run.apply(.lease(step: "plan", worker: "w"))
    let added = [step("a"), step("b", ["a"])]
    try run.apply(.plan(step: "plan", attempt: 1, output: payload, facts: [], steps: added))
    #expect(run.ready == ["plan/a"])
    try run.work("plan/a")
    try run.work("plan/b")
    #expect(run.ready == ["join"])
  }

  @Test func `a plan beyond its limit is a failure of the planner`() throws {
    var run = try RunScript(workflow(step("plan") { $0.expansionStepsMax = 1 }))
    try run.apply(.lease(step: "plan", worker: "w"))
    let events = try run.apply(
      .plan(step: "plan", attempt: 1, output: payload, facts: [], steps: [step("a"), step("b")]))
    #expect(events.map(\.type) == ["step.failed", "step.ready"])
  }

  @Test func `only a planner may add steps`() throws {
    var run = try RunScript(workflow(step("a")))
    try run.apply(.lease(step: "a", worker: "w"))
    #expect(throws: RunRefusal.notAPlanner) {
      try run.apply(.plan(step: "a", attempt: 1, output: payload, facts: [], steps: [step("b")]))
    }
  }

  @Test func `a signal is used by the step that waits for it, before or after it begins, once`() throws {
    let flow = workflow(
      Self.waiting("first", .signal(name: "go")), Self.waiting("second", .signal(name: "go"), ["first"]))
    var run = try RunScript(flow)
    func signal(_ id: String) -> RunInput { .signal(name: "go", id: id, payload: payload, by: "u", facts: []) }
    try run.apply(signal("1"))
    #expect(run.status("first") == .succeeded)
    #expect(run.status("second") == .waiting)
    #expect(throws: RunRefusal.repeatedSignal) { try run.apply(signal("1")) }
    let other = PayloadRef(sha256: "other", bytes: 1)
    #expect(throws: RunRefusal.signalDiffers) {
      try run.apply(.signal(name: "go", id: "1", payload: other, by: "u", facts: []))
    }
    #expect(throws: RunRefusal.signalDiffers) {
      try run.apply(.signal(name: "stop", id: "1", payload: payload, by: "u", facts: []))
    }
    #expect(throws: RunRefusal.unknownSignal) {
      try run.apply(.signal(name: "stop", id: "2", payload: payload, by: "u", facts: []))
    }
    try run.apply(signal("3"))
    #expect(run.state.status == .succeeded)
  }

  @Test func `a signal that comes early is kept, within a limit`() throws {
    var run = try RunScript(workflow(step("a"), Self.waiting("b", .signal(name: "go"), ["a"])))
    for id in 0..<100 {
      try run.apply(.signal(name: "go", id: "\(id)", payload: payload, by: "u", facts: []))
    }
    #expect(throws: RunRefusal.tooManySignals) {
      try run.apply(.signal(name: "go", id: "x", payload: payload, by: "u", facts: []))
    }
    try run.work("a")
    #expect(run.state.status == .succeeded)
  }

  @Test func `an approval is bound to what was shown`() throws {
    var run = try RunScript(workflow(Self.waiting("ok", .approval), step("deploy", ["ok"])))
    let shown = PayloadRef(sha256: "shown", bytes: 1)
    func decision(_ approved: Bool) -> ApprovalDecision {
      ApprovalDecision(isApproved: approved, by: "u", comment: "", output: payload, facts: [])
    }
    #expect(throws: RunRefusal.staleAttempt) {
      try run.apply(.decideApproval(step: "ok", subjectSHA256: "shown", decision(true)))
    }
    try run.apply(.requestApproval(step: "ok", attempt: 1, subject: shown))
    #expect(throws: RunRefusal.subjectDiffers) {
      try run.apply(.decideApproval(step: "ok", subjectSHA256: "other", decision(true)))
    }
    var rejected = run
    try rejected.apply(.decideApproval(step: "ok", subjectSHA256: "shown", decision(false)))
    #expect(rejected.state.status == .failed)
    try run.apply(.decideApproval(step: "ok", subjectSHA256: "shown", decision(true)))
    #expect(run.ready == ["deploy"])
  }

  @Test func `a wait that was in vain fails its step, and the run unless told otherwise`() throws {
    for kind in [WorkflowStep.Kind.approval, .signal(name: "go"), .run(workflow: "w", version: nil)] {
      var run = try RunScript(workflow(Self.waiting("wait", kind)))
      try run.apply(.timeOut(step: "wait", attempt: 1, .startToClose))
      guard case .runFailed(_, let failure) = run.history.last else { throw Broken("\(run.history)") }
      #expect(failure.code == "start_to_close_timeout")
    }
  }

  @Test func `a delay ends when its time is over, and only then`() throws {
    var run = try RunScript(workflow(Self.waiting("wait", .delay(milliseconds: 5))))
    #expect(throws: RunRefusal.staleAttempt) { try run.apply(.elapse(step: "wait", attempt: 2)) }
    try run.apply(.elapse(step: "wait", attempt: 1))
    #expect(run.state.status == .succeeded)
  }

  @Test func `a paused run takes results but hands nothing out until it goes on`() throws {
    var run = try RunScript(workflow(step("a"), step("b", ["a"]), step("c")))
    try run.apply(.lease(step: "a", worker: "w"))
    var events = try run.apply(.pause(by: "u"))
    #expect(Effects(of: events, in: run.state).clearing == .ready)
    #expect(run.state.effectiveStatus == "paused")
    events = try run.apply(.succeed(step: "a", attempt: 1, output: payload, facts: []))
    #expect(Effects(of: events, in: run.state).work.isEmpty)
    events = try run.apply(.resume(by: "u"))
    let handedOut = Effects(of: events, in: run.state).work.map { run.state.steps[$0.place].key }
    #expect(handedOut == ["b", "c"])
    #expect(throws: RunRefusal.notPaused) { try run.apply(.resume(by: "u")) }
  }

  @Test func `ending a run orphans the sub-runs that it waits for`() throws {
    var run = try RunScript(workflow(Self.waiting("child", .run(workflow: "w", version: nil))))
    try run.apply(.startChild(step: "child", attempt: 1, run: "run_1"))
    let events = try run.apply(.cancel(by: "u", reason: ""))
    #expect(Effects(of: events, in: run.state).orphans.map(\.step) == ["child"])
  }

  @Test func `a fork begins what was under way again, with another model and without its old calls`() throws {
    var run = try RunScript(workflow(step("a"), step("b", ["a"]), step("c", ["a"])))
    try run.work("a")
    for key in ["b", "c"] {
      try run.apply(.lease(step: key, worker: "w"))
      try run.apply(.record(step: key, attempt: 1, [call(0)]))
    }
    let change = StepChange(step: "b", agent: nil, model: "large", input: nil)
    try run.apply(.fork(from: "run_1", at: run.state.sequence, by: "u", changes: [change]))
    #expect(run.ready == ["b", "c"])
    let changed = try #require(run.state.step("b"))
    #expect(run.state.assignment(of: changed).model == "large")
    #expect(changed.recordedCalls == 0 && changed.journalAfter > 0)
    #expect(run.state.step("c")?.recordedCalls == 1)
    try run.work("b")
    try run.work("c")
    #expect(run.state.status == .succeeded)
  }
}
