import Contracts
import Decider
import Foundation
import History
import Testing

/// Two replicas with caches of their own, timers and sub-runs. `CADRE_SIMULATION_SEED=7` repeats one seed,
/// `CADRE_SIMULATION_SEEDS=100000` looks at more.
@Suite struct ReplicaSimulationTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let seeds: ClosedRange<UInt64> = {
    if let seed = environment["CADRE_SIMULATION_SEED"].flatMap({ UInt64($0) }) { return seed...seed }
    return 1...(environment["CADRE_SIMULATION_SEEDS"].flatMap { UInt64($0) } ?? 1500)
  }()
  private static let servicesMax = 5000

  @Test func `two replicas with old caches lose no timer and cancel no sub-run that is waited for`() throws {
    var runs = 0
    var ends: [RunState.Status: Int] = [:]
    for seed in Self.seeds {
      do {
        let world = try Self.simulate(seed, trustsCaches: false)
        runs += world.rows.count
        for run in world.rows.keys { ends[world.stored(run)?.status ?? .pending, default: 0] += 1 }
      } catch {
        Issue.record("seed \(seed): \(error)")
        return
      }
    }
    guard Self.seeds.count > 100 else { return }
    #expect(runs > 2 * Self.seeds.count, "there are hardly any sub-runs")
    for end in [RunState.Status.succeeded, .failed, .cancelled] { #expect(ends[end, default: 0] > 10, "\(ends)") }
  }

  /// The simulation is worth something only if it finds what it is there for.
  @Test func `judging timers by caches is found out`() {
    var reasons: Set<String> = []
    for seed in 1...UInt64(400) {
      do { _ = try Self.simulate(seed, trustsCaches: true) } catch {
        reasons.insert(
          "\(error)".contains("was cancelled while")
            ? "cancelled" : "\(error)".contains("is stuck") ? "stuck" : "\(error)")
      }
      if reasons.isSuperset(of: ["cancelled", "stuck"]) { return }
    }
    Issue.record("found only \(reasons)")
  }

  private static func simulate(_ seed: UInt64, trustsCaches: Bool) throws -> ReplicaWorld {
    var world = try ReplicaWorld(seed: seed, trustsCaches: trustsCaches)
    for _ in 0..<Int.random(in: 0...250, using: &world.random) { try world.happen() }
    try checkSubRuns(world)
    try serve(&world)
    for (run, row) in world.rows {
      let report = HistoryReplay.verify(row.history, with: row.workflow)
      guard report.verdict == .consistent else { throw Broken("\(run): \(report.verdict)") }
      try checkUsage(run, row, world)
    }
    return world
  }

  /// Somebody waits for every sub-run that is open, or it is being cancelled.
  private static func checkSubRuns(_ world: ReplicaWorld) throws {
    for (run, row) in world.rows {
      guard let parent = row.parent, let state = world.stored(run), !state.status.isEnded,
        state.status != .compensating
      else { continue }
      if let step = world.stored(parent.run)?.step(parent.step), step.attempt == parent.attempt,
        step.status == .waiting
      {
        continue
      }
      guard world.timers.values.contains(where: { $0.kind == .cancel && $0.run == run }) else {
        throw Broken("nobody waits for \(run), and nobody cancels it")
      }
    }
  }

  /// What a run has consumed is what its calls have, and what the ends of its sub-runs brought.
  private static func checkUsage(_ run: String, _ row: ReplicaWorld.Row, _ world: ReplicaWorld) throws {
    var usage = Usage.zero
    for event in row.history {
      switch event {
      case .callRecorded(_, _, let call): usage = usage + call.usage
      case .stepSucceeded(let step, let attempt, _, _, let used?), .stepFailed(let step, let attempt, _, let used?):
        guard used == world.stored(world.child(run, step, attempt))?.usage else {
          throw Broken("\(step) of \(run) has not the usage of its sub-run")
        }
        usage = usage + used
      default: break
      }
    }
    guard usage == world.stored(run)?.usage else { throw Broken("the usage of \(run) is not the sum") }
  }

  /// Everybody does what is asked of them: all runs must end, and nothing may be left over.
  private static func serve(_ world: inout ReplicaWorld) throws {
    world.isServed = true
    for run in world.rows.keys.sorted() { _ = try world.change(0, run, [.resume(by: "u")]) }
    var operations = 0
    while world.rows.values.contains(where: { !$0.isEnded }) || !world.timers.isEmpty {
      operations += 1
      guard operations < servicesMax else { throw Broken("it is stuck: it does not end") }
      let replica = operations % 2
      if !world.claims.isEmpty {
        try world.serveClaim()
      } else if !world.ready.isEmpty {
        try world.lease(replica)
      } else if !world.leases.isEmpty {
        try world.speak(replica)
      } else if let due = world.timers.values.map(\.due).min(), due < world.now + 15_000 {
        world.now = max(world.now, due)
        world.claim(replica)
      } else {
        let before = world.rows.values.map(\.history.count).reduce(0, +)
        try world.approve(replica)
        try world.signal(replica)
        guard before == world.rows.values.map(\.history.count).reduce(0, +) else { continue }
        guard let due = world.timers.values.map(\.due).min() else {
          let open = world.rows.filter { !$0.value.isEnded }.keys.sorted()
          let steps = open.map { run in
            "\(run): \(world.stored(run)?.steps.filter { !$0.status.isEnded }.map { "\($0.key) \($0.status)" } ?? [])"
          }
          throw Broken("it is stuck with \(steps)")
        }
        world.now = max(world.now, due)
        world.claim(replica)
      }
    }
  }
}
