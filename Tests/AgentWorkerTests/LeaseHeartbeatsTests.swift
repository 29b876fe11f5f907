import AgentLoop
import Contracts
import Primitives
import Synchronization
import Telemetry
import Testing

@testable import AgentWorker

/// All leases of a process in one request.
@Suite struct LeaseHeartbeatsTests {
  /// An orchestrator that says of each step what a test wants.
  private final class Orchestrator: OrchestratorLink {
    let asked = Mutex<[[UUID]]>([])
    let lost = Mutex<Set<UUID>>([])

    func record(_ calls: [CallReport], for step: LeasedStep, timeout: Duration) async throws -> LinkAnswer {
      Issue.record("a lease is extended by itself")
      return .accepted
    }

    func deliver(_ outcome: AttemptOutcome, for step: LeasedStep) async throws -> LinkAnswer { .accepted }

    func heartbeat(_ steps: [LeasedStep], timeout: Duration) async throws -> HeartbeatsAnswer {
      asked.withLock { $0.append(steps.map(\.token)) }
      return .answered(lost.withLock { lost in steps.map { lost.contains($0.token) ? .lost : .accepted } })
    }
  }

  private static func heartbeats(_ orchestrator: Orchestrator, _ clock: some WorkerClock) -> LeaseHeartbeats {
    let telemetry = Telemetry.disabled()
    return LeaseHeartbeats(
      link: orchestrator, clock: clock, metrics: WorkerMetrics(telemetry.registry), logger: telemetry.logger)
  }

  private static func steps(_ count: Int) throws -> [LeasedStep] {
    try (0..<count).map { try .sample(lease: 15_000, token: UUID(high: 9, low: UInt64($0))) }
  }

  @Test func `one request has all leases, each gets its own answer, and it ends with the last of them`() async throws {
    let clock = VirtualClock(tasks: 1)
    let orchestrator = Orchestrator()
    let heartbeats = Self.heartbeats(orchestrator, clock)
    let steps = try Self.steps(3)
    orchestrator.lost.withLock { $0 = [steps[1].token] }
    await clock.run {
      let streams = steps.map { heartbeats.follow($0) }
      for (place, stream) in streams.enumerated() {
        for await beat in stream {
          guard case .answered(let answer, _) = beat else {
            Issue.record("\(beat)")
            break
          }
          #expect(answer == (place == 1 ? .lost : .accepted))
          break
        }
      }
    }
    #expect(heartbeats.count == 0)
    #expect(orchestrator.asked.withLock { $0.first?.count } == 3)
    // Nobody asks any more, and whoever comes is looked after again.
    await clock.run {
      for await beat in heartbeats.follow(steps[0]) {
        if case .answered(.accepted, _) = beat { break }
      }
    }
    #expect(heartbeats.count == 0)
    #expect(orchestrator.asked.withLock { $0.last } == [steps[0].token])
  }

  @Test func `more leases than one request holds are asked about in several`() async throws {
    let clock = VirtualClock(tasks: 1)
    let orchestrator = Orchestrator()
    let heartbeats = Self.heartbeats(orchestrator, clock)
    let steps = try Self.steps(WorkerLimits.heartbeatsMax + 5)
    await clock.run {
      let streams = steps.map { heartbeats.follow($0) }
      for await _ in streams[WorkerLimits.heartbeatsMax] { break }
      withExtendedLifetime(streams) {}
    }
    let counts = orchestrator.asked.withLock { $0.prefix(2).map(\.count) }
    #expect(counts == [WorkerLimits.heartbeatsMax, 5])
    #expect(Set(orchestrator.asked.withLock { $0.prefix(2).flatMap { $0 } }) == Set(steps.map(\.token)))
  }

  @Test func `short leases are asked about more often`() {
    #expect(LeaseHeartbeats.pause([]) == .milliseconds(500))
    #expect(LeaseHeartbeats.pause([.seconds(15), .milliseconds(600)]) == .milliseconds(200))
  }
}
