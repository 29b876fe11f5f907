import Contracts
import Decider

/// A database, replicas of the orchestrator with caches of their own, and runs with sub-runs: what is claimed may be
/// done late, twice, by another replica, or never, and a cache may be as old as it likes.
///
/// Timers are judged by `TimerDecision` and `TimerFate`, as the service does it. `trustsCaches` judges them by whatever
/// the replica remembers and deletes what is refused: the simulation must find out.
struct ReplicaWorld {
  struct Row {
    let workflow: Workflow
    let parent: Parent?
    var history: [RunEvent] = []
    var isEnded = false
  }

  struct Parent: Hashable {
    let run: String
    let step: String
    let attempt: Int
    let depth: Int
  }

  struct Lease: Hashable {
    let run: String
    let step: String
    let attempt: Int
  }

  struct Timer {
    let run: String
    let kind: TimerKind
    var step: String?
    var attempt: Int?
    var child: String?
    var ask: String?
    var due: Int64
  }

  struct Claim {
    let replica: Int
    let id: Int
    let timer: Timer
    let version: Int

    var claimed: ClaimedTimer { claimed(version) }
    var unversioned: ClaimedTimer { claimed(0) }

    private func claimed(_ version: Int) -> ClaimedTimer {
      ClaimedTimer(
        kind: timer.kind, step: timer.step, attempt: timer.attempt, child: timer.child, ask: timer.ask,
        runVersion: version)
    }
  }

  enum Outcome: Equatable {
    case made
    case refused
    case contended
    case unknownRun
  }

  static let claimTime: Int64 = 10_000
  static let root = "root"

  let seed: UInt64
  let trustsCaches: Bool
  var random: Seeded
  var now: Int64 = 0
  /// No more faults: everybody does what is asked of them.
  var isServed = false
  // The database.
  var rows: [String: Row] = [:]
  var ready: [Lease: Int] = [:]
  var leases: Set<Lease> = []
  var timers: [Int: Timer] = [:]
  var nextTimer = 0
  // The replicas.
  var caches: [[String: RunState]] = [[:], [:]]
  var claims: [Claim] = []
  var tries: [Int: Int] = [:]
  var signals = 0
  var asks = 0

  init(seed: UInt64, trustsCaches: Bool) throws {
    self.seed = seed
    self.trustsCaches = trustsCaches
    random = Seeded(seed)
    try insert(ReplicaWorld.root, nil, replica: 0)
  }

  // MARK: The database

  func stored(_ run: String) -> RunState? { rows[run].map { fold($0.workflow, $0.history) } }

  /// Accepts a run; nothing happens when it is there already.
  mutating func insert(_ run: String, _ parent: Parent?, replica: Int) throws {
    guard rows[run] == nil else { return }
    let depth = parent?.depth ?? 0
    // Its workflow follows from its name, and so does that of every replica.
    var chance = Seeded(run.utf8.reduce(seed) { $0 &* 31 &+ UInt64($1) })
    var workflow = Workflow.random(&chance)
    if depth >= 2 { workflow.steps = workflow.steps.map(\.withoutSubRun) }
    if depth == 0, chance.chance(70) { workflow.steps.append(.manySubRuns) }
    var state = RunState(workflow: workflow)
    let items = Int.random(in: 0...4, using: &chance)
    let events = try decide(
      &state, .create(input: payload, seed: 1, facts: [Fact("input.items", .count(items))]))
    rows[run] = Row(workflow: workflow, parent: parent)
    if chance.chance(15) { timers[newTimer()] = Timer(run: run, kind: .expire, due: now + 40_000) }
    try write(run, events, state, finished: nil)
    caches[replica][run] = state
  }

  mutating func newTimer() -> Int {
    nextTimer += 1
    return nextTimer
  }

  /// One transaction.
  mutating func write(_ run: String, _ events: [RunEvent], _ state: RunState, finished: Int?) throws {
    rows[run]?.history += events
    if let finished { timers[finished] = nil }
    let effects = Effects(of: events, in: state)
    if effects.clearing >= .ready { ready = ready.filter { $0.key.run != run || $0.value > state.clearedAt } }
    if effects.clearing == .everything {
      leases = leases.filter { $0.run != run }
      timers = timers.filter { $0.value.run != run }
    }
    for event in events {
      switch event {
      case .stepFailed(let step, let attempt, _, _), .stepSucceeded(let step, let attempt, _, _, _),
        .stepLost(let step, let attempt, _, _, _), .planExpanded(let step, let attempt, _, _, _),
        .stepTimedOut(let step, let attempt, _, _, _), .stepSuspended(let step, let attempt, _),
        .stepReleased(let step, let attempt, _):
        leases.remove(Lease(run: run, step: step, attempt: attempt))
        ready[Lease(run: run, step: step, attempt: attempt)] = nil
      default: break
      }
      guard case .stepSuspended(let step, let attempt, let asks) = event else { continue }
      for ask in asks {
        guard let limit = ask.expiresMilliseconds else { continue }
        timers[newTimer()] = Timer(
          run: run, kind: .ask, step: step, attempt: attempt, ask: ask.key, due: now + limit)
      }
    }
    for dispatch in effects.work {
      let step = state.steps[dispatch.place]
      ready[Lease(run: run, step: step.key, attempt: step.attempt)] = state.sequence
    }
    for dispatch in effects.own { set(run, state.steps[dispatch.place], state, dispatch.delayMilliseconds) }
    for orphan in effects.orphans {
      timers[newTimer()] = Timer(
        run: child(run, orphan.step, orphan.attempt), kind: .cancel, due: now)
      timers = timers.filter { timer in
        timer.value.kind != .own || timer.value.run != run || timer.value.step != orphan.step
          || timer.value.attempt != orphan.attempt
      }
    }
    if let limit = effects.undoingLimit {
      timers[newTimer()] = Timer(run: run, kind: .expire, attempt: 1, due: now + limit)
    }
    guard state.status.isEnded else { return }
    rows[run]?.isEnded = true
    if let parent = rows[run]?.parent {
      timers[newTimer()] = Timer(
        run: parent.run, kind: .childEnded, step: parent.step, attempt: parent.attempt, child: run, due: now)
    }
  }

  private mutating func set(_ run: String, _ step: RunState.Step, _ state: RunState, _ delay: Int64) {
    let definition = state.definition(of: step)
    let kind: TimerKind? =
      switch definition.kind {
      case .delay: .delay
      case .signal: nil
      default: .own
      }
    if let kind {
      timers[newTimer()] = Timer(run: run, kind: kind, step: step.key, attempt: step.attempt, due: now + delay)
    }
    if definition.timeouts.startToClose != nil, !definition.isWork {
      timers[newTimer()] = Timer(
        run: run, kind: .close, step: step.key, attempt: step.attempt, due: now + delay + 20_000)
    }
  }

  func child(_ run: String, _ step: String, _ attempt: Int) -> String { "\(run)/\(step)#\(attempt)" }

  // MARK: A replica

  /// The state that a replica works with, which is the database's when `version` is newer than what it remembers.
  func look(_ replica: Int, _ run: String, atLeast version: Int) -> RunState? {
    if let known = caches[replica][run], known.sequence >= version { return known }
    return stored(run)
  }

  /// Makes a change as a committer does: decided on what is remembered, again on what is stored when that refuses it,
  /// written only when nobody was faster.
  mutating func change(_ replica: Int, _ run: String, _ inputs: [RunInput], timer: Int? = nil) throws -> Outcome {
    for _ in 0..<2 {
      guard let newest = stored(run) else { return .unknownRun }
      let isFresh = caches[replica][run] == nil
      var state = caches[replica][run] ?? newest
      caches[replica][run] = nil
      let expected = state.sequence
      var events: [RunEvent] = []
      do throws(RunRefusal) { for input in inputs { events += try decide(&state, input) } } catch {
        if isFresh { return .refused }
        continue
      }
      guard expected == newest.sequence, isServed || !random.chance(4) else { continue }
      try check(run, newest, inputs)
      try write(run, events, state, finished: timer)
      caches[replica][run] = state
      return .made
    }
    return .contended
  }

  /// A sub-run that its parent waits for must not be cancelled by the orchestrator.
  private func check(_ run: String, _ state: RunState, _ inputs: [RunInput]) throws {
    guard case .cancel("orchestrator", _, _, _) = inputs.first, let parent = rows[run]?.parent else { return }
    guard let step = stored(parent.run)?.step(parent.step), step.attempt == parent.attempt else { return }
    if step.status == .waiting, step.child == nil || step.child == run {
      throw Broken("\(run) was cancelled while \(parent.run) waits for it")
    }
  }
}

extension WorkflowStep {
  fileprivate var withoutSubRun: WorkflowStep {
    guard case .run = kind else { return self }
    var other = WorkflowStep(key: key, kind: .transform, dependsOn: dependsOn)
    other.join = join
    other.condition = condition
    other.onFailure = onFailure
    return other
  }

  /// Sub-runs side by side: their ends come at the same time.
  fileprivate static var manySubRuns: WorkflowStep {
    var step = WorkflowStep(key: "fan", kind: .run(workflow: "w", version: nil))
    step.fanOut = FanOut(items: "input.items", width: 3, itemsMax: 6)
    step.onFailure = .proceed
    return step
  }
}
