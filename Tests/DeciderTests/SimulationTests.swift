import Decider
import Foundation
import History
import Testing

/// Thousands of random workflows in random worlds. `CADRE_SIMULATION_SEED=7` repeats one of them,
/// `CADRE_SIMULATION_SEEDS=100000` looks at more.
@Suite struct SimulationTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let seeds: ClosedRange<UInt64> = {
    if let seed = environment["CADRE_SIMULATION_SEED"].flatMap({ UInt64($0) }) { return seed...seed }
    return 1...(environment["CADRE_SIMULATION_SEEDS"].flatMap { UInt64($0) } ?? 2500)
  }()

  /// After the faults have stopped, a run ends within so many operations.
  private static let servicesMax = 4000

  @Test func `whatever happens, the promises of a run hold, and it comes to its end`() throws {
    var ends: [RunState.Status: Int] = [:]
    var events = 0
    for seed in Self.seeds {
      do {
        var world = try SimulatedWorld(seed: seed)
        for _ in 0..<Int.random(in: 0...120, using: &world.random) where !world.state.status.isEnded {
          try world.happen()
        }
        try serve(&world)
        try replay(world)
        ends[world.state.status, default: 0] += 1
        events += world.history.count
      } catch {
        Issue.record("seed \(seed): \(error)")
        return
      }
    }
    if Self.seeds.count > 1000 {
      for end in [RunState.Status.succeeded, .failed, .cancelled] { #expect(ends[end, default: 0] > 20, "\(ends)") }
      #expect(events > 20_000)
    }
  }

  /// Everybody does what is asked of them: the run must end.
  private func serve(_ world: inout SimulatedWorld) throws {
    if world.state.isPaused, !world.state.status.isEnded { try world.apply(.resume(by: "u")) }
    var operations = 0
    while !world.state.status.isEnded {
      operations += 1
      guard operations < Self.servicesMax else {
        let open = world.state.steps.filter { !$0.status.isEnded }.map { "\($0.key): \($0.status)" }
        throw Broken("the run is stuck with \(open)\n\(world.workflow)\n\(world.history)")
      }
      if !world.ready.isEmpty {
        try world.lease()
      } else if !world.leases.isEmpty {
        try world.speak()
      } else if !world.timers.isEmpty {
        try world.fireTimer(isServed: true)
      } else if world.state.steps.contains(where: { world.state.isSuspended($0) }) {
        try world.answer(isServed: true)
      } else if world.state.steps.contains(where: { $0.status == .waiting && $0.subject != nil }) {
        try world.approve(rightly: true)
      } else {
        world.signals += 1
        do {
          try world.apply(.signal(name: "go", id: "serve \(world.signals)", payload: payload, by: "u", facts: []))
        } catch let refusal as RunRefusal {
          throw Broken("nothing is left to do, and the run is open: \(refusal)\n\(world.workflow)\n\(world.history)")
        }
      }
    }
  }

  /// The facts alone, fed to the decider again, give the same history.
  private func replay(_ world: SimulatedWorld) throws {
    let report = HistoryReplay.verify(world.history, with: world.workflow)
    guard report.verdict == .consistent, report.state == world.state else { throw Broken("\(report.verdict)") }
  }
}
