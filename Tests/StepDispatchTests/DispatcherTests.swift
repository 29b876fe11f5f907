import Contracts
import Primitives
import Reactor
import RunStorage
import StepDispatch
import Synchronization
import Telemetry
import Testing

@Suite struct DispatcherTests {
  private struct Fixture: Sendable {
    let group = EventLoopGroup(count: 1)
    let queue = FakeQueue()
    let leases = Leases()
    let dispatcher: Dispatcher

    init() {
      dispatcher = Dispatcher(
        loop: group.loops[0], queue: queue, logger: Telemetry.disabled().logger, now: { 1 },
        onLease: { [leases] step, worker in leases.all.withLock { $0.append("\(worker):\(step.step.uuid.high)") } })
    }

    func lease(_ request: WorkerPoll) -> Task<[UInt64], any Error> {
      Task { [dispatcher] in try await dispatcher.lease(request).numbers }
    }
  }

  private final class Leases: Sendable {
    let all = Mutex<[String]>([])
  }

  @Test func `a worker gets what is in the queue`() async throws {
    let fixture = Fixture()
    fixture.queue.put(leased(1), leased(2), leased(3, jobType: "tool"))
    #expect(try await fixture.lease(request(slots: 2, deadline: .max)).value == [1, 2])
    #expect(fixture.leases.all.withLock { $0 } == ["w:1", "w:2"])
    fixture.group.stop()
  }

  @Test func `a waiting worker is answered when steps are notified`() async throws {
    let fixture = Fixture()
    let waiting = fixture.lease(request(slots: 2, deadline: .max))
    await fixture.queue.claims(atLeast: 1)
    fixture.queue.put(leased(1), leased(2))
    fixture.dispatcher.wake(2)
    #expect(try await waiting.value == [1, 2])
    fixture.group.stop()
  }

  @Test func `all waiting workers share one claim`() async throws {
    let fixture = Fixture()
    let first = fixture.lease(request("a", deadline: .max))
    await fixture.queue.claims(atLeast: 1)
    let second = fixture.lease(request("b", deadline: .max))
    // The queue is known to be empty: the second worker makes no claim.
    try await fixture.group.onEach { _ in }
    fixture.queue.put(leased(1), leased(2))
    fixture.dispatcher.wake(2)
    #expect(try await Set([first.value, second.value]) == [[1], [2]])
    #expect(fixture.queue.claims.contains { Set($0) == ["a", "b"] })
    fixture.group.stop()
  }

  @Test func `a claim that failed is made again at the next notification`() async throws {
    let fixture = Fixture()
    fixture.queue.fail(1)
    fixture.queue.put(leased(1))
    let waiting = fixture.lease(request(deadline: .max))
    await fixture.queue.claims(atLeast: 1)
    fixture.dispatcher.wake(0)
    #expect(try await waiting.value == [1])
    fixture.group.stop()
  }

  @Test func `a drained dispatcher sends workers away and lets none wait`() async throws {
    let fixture = Fixture()
    let waiting = fixture.lease(request(deadline: .max))
    await fixture.queue.claims(atLeast: 1)
    fixture.dispatcher.drain()
    #expect(try await waiting.value.isEmpty)
    #expect(try await fixture.lease(request(deadline: .max)).value.isEmpty)
    fixture.group.stop()
  }

  @Test func `a worker that has gone gets nothing, and the step goes to another one`() async throws {
    let fixture = Fixture()
    let gone = fixture.lease(request("gone", deadline: .max))
    await fixture.queue.claims(atLeast: 1)
    gone.cancel()
    await #expect(throws: CancellationError.self) { try await gone.value }
    fixture.queue.put(leased(1))
    fixture.dispatcher.wake(1)
    #expect(try await fixture.lease(request("other", deadline: .max)).value == [1])
    fixture.group.stop()
  }
}
