import Contracts
import Decider
import Testing

@Suite struct TimerDecisionTests {
  private func timer(_ kind: TimerKind, attempt: Int = 1, child: String? = nil, version: Int = 0) -> ClaimedTimer {
    ClaimedTimer(kind: kind, step: "b", attempt: attempt, child: child, runVersion: version)
  }

  @Test func `a state that is older than the timer says nothing`() throws {
    var run = try RunScript(workflow(step("a"), WorkflowStep(key: "b", kind: .transform, dependsOn: ["a"])))
    let old = run.state
    try run.work("a")
    #expect(TimerDecision(timer(.own, version: run.state.sequence), in: old) == .outdated)
    #expect(TimerDecision(timer(.own, version: run.state.sequence), in: run.state) == .owed)
    try run.apply(.succeed(step: "b", attempt: 1, output: payload, facts: []))
    #expect(TimerDecision(timer(.own, version: 1), in: run.state) == .notOwed)
  }

  @Test func `the end of a sub-run is owed to the attempt that waits for it`() throws {
    var run = try RunScript(workflow(WorkflowStep(key: "b", kind: .run(workflow: "w", version: nil))))
    #expect(TimerDecision(timer(.childEnded, child: "c"), in: run.state) == .owed)
    try run.apply(.startChild(step: "b", attempt: 1, run: "c"))
    #expect(TimerDecision(timer(.own), in: run.state) == .notOwed)
    #expect(TimerDecision(timer(.childEnded, child: "c"), in: run.state) == .owed)
    #expect(TimerDecision(timer(.childEnded, child: "d"), in: run.state) == .notOwed)
    #expect(TimerDecision(timer(.childEnded, attempt: 2, child: "c"), in: run.state) == .notOwed)
  }

  @Test func `only what the run itself says deletes a timer`() {
    for outcome in [TimerOutcome.contended, .unreadable, .unavailable, .failed] {
      var longest: Int64 = 0
      for tries in [0, 1, 5, 20, 1000] {
        guard case .again(let pause) = TimerFate(after: outcome, tries: tries, spread: UInt64(tries) &* 7919) else {
          Issue.record("\(outcome) deletes a timer")
          continue
        }
        #expect((1...TimerFate.pauseMillisecondsMax).contains(pause))
        longest = max(longest, pause)
      }
      #expect(longest >= TimerFate.pauseMillisecondsMax / 2)
    }
    #expect(TimerFate(after: .notOwed, tries: 0, spread: 0) == .forget)
    #expect(TimerFate(after: .runGone, tries: 0, spread: 0) == .forget)
    #expect(TimerFate(after: .done, tries: 0, spread: 0) == .settled)
  }
}
