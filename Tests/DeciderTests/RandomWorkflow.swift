import Decider

/// A source of chance that can be repeated.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
  mutating func pick<Element>(_ from: [Element]) -> Element { from[Int.random(in: 0..<from.count, using: &self)] }
}

extension Workflow {
  /// A valid workflow by chance: every kind of step, join, condition and failure policy occurs.
  static func random(_ random: inout Seeded) -> Workflow {
    let count = Int.random(in: 1...10, using: &random)
    var steps: [WorkflowStep] = []
    let undoers = random.chance(30) ? ["undo1", "undo2"] : []
    for number in 0..<count {
      let dependsOn = steps.map(\.key).filter { _ in random.chance(30) }
      steps.append(.random("s\(number)", dependsOn, undoers, steps, &random))
    }
    for key in undoers {
      var step = WorkflowStep(key: key, jobType: "agent")
      step.isCompensation = true
      step.retry.attemptsMax = 2
      step.onFailure = random.chance(50) ? .proceed : .fail
      steps.append(step)
    }
    return Workflow(name: "random", version: 1, steps: steps, resultStep: "s\(count - 1)")
  }
}

extension WorkflowStep {
  fileprivate static func random(
    _ key: String, _ dependsOn: [String], _ undoers: [String], _ before: [WorkflowStep], _ random: inout Seeded
  ) -> WorkflowStep {
    let kinds: [Kind] = [
      .work(jobType: "agent"), .work(jobType: "agent"), .work(jobType: "agent"), .transform,
      .delay(milliseconds: 5), .signal(name: "go"), .approval, .run(workflow: "w", version: nil),
    ]
    var step = WorkflowStep(key: key, kind: random.pick(kinds), dependsOn: dependsOn)
    if dependsOn.count > 1, random.chance(40) {
      step.join = .atLeast(Int.random(in: 1...dependsOn.count, using: &random))
    }
    if let other = dependsOn.first, random.chance(30) {
      let outcome = Condition.outcome(step: other, random.pick([.succeeded, .failed, .skipped]))
      let score = Condition.compare(reference: "steps.\(other).output.score", .atLeast, .int(5))
      step.condition = random.pick([outcome, .not(outcome), score, .any([outcome, .not(score)])])
    }
    if random.chance(15) {
      step.fanOut = FanOut(items: "input.items", width: Int.random(in: 1...3, using: &random), itemsMax: 6)
    }
    if step.isWork, step.fanOut == nil, random.chance(20) { step.expansionStepsMax = 4 }
    step.retry = RetryPolicy(
      attemptsMax: Int.random(in: 1...3, using: &random), backoffMilliseconds: 10, backoffMillisecondsMax: 20,
      jitterPercent: 50, nonRetryableCodes: random.chance(20) ? ["code1"] : [])
    if random.chance(20) { step.fallbacks = [Fallback(agent: "b", model: nil)] }
    if random.chance(50) { step.timeouts = StepTimeouts(scheduleToStart: 10, startToClose: 10) }
    step.onFailure = random.pick([.fail, .proceed, .proceed, undoers.isEmpty ? .fail : .compensate(undoers)])
    return step
  }
}
