import Routing
import Testing

@Suite("Attempt plan")
struct AttemptPlanTests {
  private static let second: UInt64 = 1_000_000_000

  private func target(_ name: String, at provider: String? = nil) -> ModelTarget {
    ModelTarget(provider: provider ?? "p-\(name)", name: name, providerModel: name)
  }

  private func plan(
    _ targets: [ModelTarget], context: [ModelTarget] = [], attemptsMax: Int = 4, deadlineSeconds: UInt64 = 600,
    mayDropTools: Bool = false
  ) -> AttemptPlan {
    AttemptPlan(
      RoutePlan(targets: targets, contextFallbacks: context, reason: "test"),
      policy: AttemptPolicy(attemptsMax: attemptsMax, pauseMilliseconds: 100),
      deadline: deadlineSeconds * Self.second, mayDropTools: mayDropTools)
  }

  private func next(_ plan: inout AttemptPlan, keys: Int = 1, at now: UInt64 = 0) -> AttemptPlan.Action {
    plan.next(at: now, random: 0) { _ in keys }
  }

  /// Asks the current target and fails. Returns whether the plan goes on.
  private func attempt(
    _ plan: inout AttemptPlan, failing failure: FailureClass, isBegun: Bool = false, retryAfter: Int64? = nil,
    keys: Int = 1, at now: UInt64 = 0
  ) -> Bool {
    plan.began()
    return plan.failed(
      AttemptPlan.Failure(failure, isBegun: isBegun, retryAfterMilliseconds: retryAfter), keys: keys, at: now,
      random: 0)
  }

  @Test func `a broken target is left for the next one, and the last failure ends the call`() {
    var plan = plan([target("a"), target("b")], attemptsMax: 2)
    #expect(next(&plan) == .admit(firstKey: 0, isForced: false))
    #expect(plan.current?.name == "a")
    #expect(attempt(&plan, failing: .timeout, isBegun: true))
    #expect(next(&plan) == .admit(firstKey: 1, isForced: false))
    #expect(plan.current?.name == "b")
    #expect(attempt(&plan, failing: .provider))
    #expect(next(&plan) == .giveUp(.lastFailure))
  }

  @Test func `the caller's fault is no reason to ask anybody else`() {
    var plan = plan([target("a"), target("b")])
    #expect(next(&plan) == .admit(firstKey: 0, isForced: false))
    #expect(!attempt(&plan, failing: .caller))
  }

  @Test func `a failure that passes is repeated once at the same target before the next one`() {
    var plan = plan([target("a"), target("b")])
    _ = next(&plan)
    #expect(attempt(&plan, failing: .overload))
    #expect(next(&plan) == .pause(milliseconds: 50))
    #expect(next(&plan) == .admit(firstKey: 1, isForced: false))
    #expect(plan.current?.name == "a")
    #expect(attempt(&plan, failing: .overload))
    #expect(next(&plan) == .admit(firstKey: 2, isForced: false))
    #expect(plan.current?.name == "b")
  }

  @Test func `no repetition where the same model is at another provider`() {
    var plan = plan([target("a", at: "one"), target("a", at: "two")])
    _ = next(&plan)
    #expect(attempt(&plan, failing: .overload))
    #expect(next(&plan) == .admit(firstKey: 1, isForced: false))
    #expect(plan.current?.provider == "two")
  }

  @Test func `a refused key is followed by the next key of the same target`() {
    var plan = plan([target("a"), target("b")])
    #expect(next(&plan, keys: 2) == .admit(firstKey: 0, isForced: false))
    #expect(attempt(&plan, failing: .key, keys: 2))
    #expect(next(&plan, keys: 2) == .admit(firstKey: 1, isForced: false))
    #expect(plan.current?.name == "a")
    #expect(attempt(&plan, failing: .key, keys: 2))
    _ = next(&plan, keys: 2)
    #expect(plan.current?.name == "b")
  }

  @Test func `one target is asked again after a pause that the provider's Retry-After lengthens`() {
    var plan = plan([target("a")], attemptsMax: 3)
    #expect(next(&plan) == .admit(firstKey: 0, isForced: true))
    #expect(attempt(&plan, failing: .rate, retryAfter: 700))
    #expect(next(&plan) == .pause(milliseconds: 700))
    #expect(next(&plan) == .admit(firstKey: 1, isForced: false))
    #expect(attempt(&plan, failing: .rate))
    #expect(next(&plan) == .pause(milliseconds: 100))
  }

  @Test func `a pause that does not fit before the deadline ends the call`() {
    var plan = plan([target("a")], deadlineSeconds: 1)
    _ = next(&plan)
    #expect(attempt(&plan, failing: .rate, retryAfter: 5000))
    #expect(next(&plan) == .giveUp(.lastFailure))
  }

  @Test func `after the deadline no failure leads on`() {
    var plan = plan([target("a"), target("b")], deadlineSeconds: 1)
    _ = next(&plan)
    #expect(!attempt(&plan, failing: .provider, at: 2 * Self.second))
  }

  @Test func `a prompt that is too long goes to the targets for long prompts, not to the same model elsewhere`() {
    var plan = plan([target("a", at: "one"), target("a", at: "two"), target("c")], context: [target("long")])
    _ = next(&plan)
    #expect(plan.hasFallback(for: .context))
    #expect(attempt(&plan, failing: .context))
    _ = next(&plan)
    #expect(plan.current?.name == "long")
    #expect(attempt(&plan, failing: .provider))
    while next(&plan) != .admit(firstKey: 2, isForced: false), plan.current?.name != "c" {}
    #expect(plan.current?.name != "a")
  }

  @Test func `without a longer target a prompt that is too long ends the call`() {
    var plan = plan([target("a", at: "one"), target("a", at: "two")])
    _ = next(&plan)
    #expect(!attempt(&plan, failing: .context))
  }

  @Test func `tools are dropped once where the request can go without them`() {
    var plan = plan([target("a"), target("b")], mayDropTools: true)
    _ = next(&plan)
    #expect(attempt(&plan, failing: .tools))
    #expect(plan.dropsTools)
    _ = next(&plan)
    #expect(plan.current?.name == "a")
    #expect(attempt(&plan, failing: .tools))
    _ = next(&plan)
    #expect(plan.current?.name == "b")
  }

  @Test func `two answers that came to nothing are the most that one target is paid for`() {
    var plan = plan([target("a")], attemptsMax: 6)
    _ = next(&plan)
    #expect(attempt(&plan, failing: .transport, isBegun: true))
    #expect(next(&plan) == .pause(milliseconds: 50))
    _ = next(&plan)
    #expect(attempt(&plan, failing: .transport, isBegun: true))
    #expect(next(&plan) == .giveUp(.lastFailure))
  }

  @Test func `targets that are rate limited are waited for, the shortest wait first`() {
    var plan = plan([target("a"), target("b")])
    _ = next(&plan)
    plan.limited(milliseconds: 300)
    _ = next(&plan)
    plan.limited(milliseconds: 200)
    #expect(next(&plan) == .waitForPermit(milliseconds: 200))
    #expect(next(&plan) == .admit(firstKey: 0, isForced: false))
  }

  @Test func `open breakers are waited for, a missing key is not`() {
    var open = plan([target("a")])
    #expect(next(&open) == .admit(firstKey: 0, isForced: true))
    open.skip()
    #expect(next(&open) == .pause(milliseconds: 50))
    for _ in 0..<2 {
      _ = next(&open)
      open.skip()
      _ = next(&open)
    }
    _ = next(&open)
    open.skip()
    #expect(next(&open) == .giveUp(.allOpen))
    var keyless = plan([target("a")])
    #expect(next(&keyless, keys: 0) == .giveUp(.missingKey(provider: "p-a")))
  }

  @Test func `other targets count only while attempts are left and they may be asked`() {
    var plan = plan([target("a"), target("b")], attemptsMax: 2)
    #expect(plan.hasOtherTargets)
    _ = next(&plan)
    #expect(attempt(&plan, failing: .timeout))
    #expect(!plan.hasOtherTargets)
    plan.began()
    #expect(!plan.hasFallback(for: .provider))
  }
}

@Suite("Hedged attempts")
struct HedgeStateTests {
  @Test func `the first answer wins, the other attempt is cancelled and its late answer discarded`() {
    var state = HedgeState()
    let (first, second) = (state.started(), state.started())
    #expect(state.succeeded(second) == .win(cancel: [first]))
    #expect(state.hasLost(first) && !state.hasLost(second))
    #expect(state.succeeded(first) == .discard)
  }

  @Test func `only the last failure fails the call`() {
    var state = HedgeState()
    let (first, second) = (state.started(), state.started())
    #expect(state.failed(first) == .none)
    #expect(state.failed(second) == .fail)
  }

  @Test func `a failure after the win changes nothing`() {
    var state = HedgeState()
    let (first, second) = (state.started(), state.started())
    #expect(state.succeeded(first) == .win(cancel: [second]))
    #expect(state.failed(second) == .none)
  }

  @Test func `when the caller is gone all attempts are cancelled and no answer is taken`() {
    var state = HedgeState()
    let (first, second) = (state.started(), state.started())
    #expect(state.cancelled() == [first, second])
    #expect(state.succeeded(first) == .discard)
    #expect(state.failed(second) == .none)
  }
}

@Suite("Continuation plan")
struct ContinuationPlanTests {
  private func target(_ name: String) -> ModelTarget { ModelTarget(provider: "p", name: name, providerModel: name) }

  @Test func `the other targets that take a prefill continue, each once`() {
    var plan = ContinuationPlan(
      RoutePlan(targets: [target("a"), target("b"), target("c"), target("d")], reason: "test"), first: target("a").id)
    func names(_ failure: FailureClass) -> [String] {
      plan.targets(after: failure) { $0.name != "c" }.map(\.name)
    }
    #expect(names(.transport) == ["b", "d"])
    #expect(names(.caller).isEmpty)
    plan.continued(by: target("b").id)
    #expect(names(.transport) == ["d"])
  }
}
