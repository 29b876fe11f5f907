import Contracts
import Decider
import RunEngine
import Testing

/// The history of a run of two steps, the second of which has failed.
private func failedHistory() throws -> [RunEvent] {
  let workflow = Workflow(name: "test", version: 1, steps: [work("a"), work("b", ["a"])])
  var state = RunState(workflow: workflow)
  let payload = PayloadRef(sha256: String(repeating: "a", count: 64), bytes: 1)
  var history = try decide(&state, .create(input: payload, seed: 1, facts: []))
  history += try decide(&state, .lease(step: "a", worker: "w"))
  history += try decide(&state, .succeed(step: "a", attempt: 1, output: payload, facts: []))
  history += try decide(&state, .lease(step: "b", worker: "w"))
  history += try decide(
    &state, .fail(step: "b", attempt: 1, Failure(code: "broken", message: "m", isRetryable: false)))
  return history
}

@Suite struct RunForksTests {
  private func cut(_ history: [RunEvent], _ place: RunForks.Place) -> Int? { try? RunForks.cut(history, place) }

  private func isDecision(_ history: [RunEvent], _ cut: Int) -> Bool {
    cut == history.count || !history[cut].isConsequence
  }

  @Test func `a fork takes whole decisions over, wherever it leaves the history`() throws {
    let history = try failedHistory()
    for sequence in 1...history.count {
      let cut = try #require(self.cut(history, .event(sequence)))
      #expect(cut >= sequence)
      #expect(isDecision(history, cut))
    }
    #expect(cut(history, .event(0)) == nil)
    #expect(cut(history, .event(history.count + 1)) == nil)
  }

  @Test func `a fork at a step takes the decision over that made it ready`() throws {
    let history = try failedHistory()
    let cut = try #require(self.cut(history, .step("b")))
    #expect(history.prefix(cut).contains { if case .stepReady("b", _, _) = $0 { true } else { false } })
    #expect(!history.prefix(cut).contains { if case .stepStarted("b", _, _) = $0 { true } else { false } })
    #expect(self.cut(history, .step("c")) == nil)
  }

  @Test func `a retry leaves the history before what ended the run`() throws {
    let history = try failedHistory()
    let cut = try #require(self.cut(history, .beforeTheEnd))
    guard case .stepFailed("b", _, _, _) = history[cut] else {
      Issue.record("the history is cut at \(history[cut])")
      return
    }
    #expect(self.cut(Array(history.prefix(cut)), .beforeTheEnd) == nil)
  }
}
