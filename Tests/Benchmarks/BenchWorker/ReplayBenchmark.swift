import Decider
import History
import Primitives
import SystemSources

/// How fast histories are replayed: the usual small one, and a fan-out over thousands.
enum ReplayBenchmark {
  static func run() {
    for (name, count) in [("three steps", 0), ("fan-out of 3,000", 3000)] {
      let (workflow, history) = history(items: count)
      let rounds = max(1, 200_000 / history.count)
      let start = MonotonicClock.now()
      for _ in 0..<rounds {
        guard HistoryReplay.verify(history, with: workflow).verdict == .consistent else { return print("diverged") }
      }
      let seconds = Double(MonotonicClock.now() - start) / 1e9
      print("replay, \(name): \(Int(Double(rounds * history.count) / seconds)) events/s")
    }
  }

  private static func history(items: Int) -> (Workflow, [RunEvent]) {
    let payload = PayloadRef(sha256: String(repeating: "a", count: 64), bytes: 2)
    var steps = [
      WorkflowStep(key: "one", jobType: "bench"), WorkflowStep(key: "two", jobType: "bench", dependsOn: ["one"]),
      WorkflowStep(key: "three", jobType: "bench", dependsOn: ["two"]),
    ]
    if items > 0 { steps[0].fanOut = .init(items: "input.items", width: 100, itemsMax: 9000) }
    let workflow = Workflow(name: "bench", version: 1, steps: steps)
    var state = RunState(workflow: workflow)
    var history = try? decide(&state, .create(input: payload, seed: 1, facts: [Fact("input.items", .count(items))]))
    while !state.status.isEnded {
      for step in state.steps where step.status == .ready {
        history? += (try? decide(&state, .lease(step: step.key, worker: "w"))) ?? []
        history? +=
          (try? decide(&state, .succeed(step: step.key, attempt: step.attempt, output: payload, facts: []))) ?? []
      }
    }
    return (workflow, history ?? [])
  }
}
