import Dispatch
import Reactor
import Synchronization
import Testing

private final class Counter: Sendable {
  let value = Atomic<Int>(0)
}

@Suite struct EventLoopTests {
  @Test func `tasks stay on their loop across suspensions`() async throws {
    let group = EventLoopGroup(count: 2)
    try await group.onEach { loop in
      #expect(loop.isCurrent)
      try await EventLoop.sleep(for: .milliseconds(2))
      #expect(loop.isCurrent)
      _ = try? await BlockingPool.shared.run { 1 }
      #expect(loop.isCurrent)
    }
    group.stop()
  }

  @Test func `timers fire in order of their deadlines and cancelled ones never`() async throws {
    let group = EventLoopGroup(count: 1)
    let fired = Mutex<[Int]>([])
    try await group.onEach { loop in
      let start = loop.now
      loop.schedule(at: start + 3_000_000) { fired.withLock { $0.append(3) } }
      loop.schedule(at: start + 1_000_000) { fired.withLock { $0.append(1) } }
      let never = loop.schedule(at: start + 2_000_000) { fired.withLock { $0.append(2) } }
      loop.cancel(never)
      try await EventLoop.sleep(for: .milliseconds(10))
    }
    #expect(fired.withLock { $0 } == [1, 3])
    group.stop()
  }

  @Test func `work from many threads arrives exactly once`() async throws {
    let group = EventLoopGroup(count: 2)
    let counter = Counter()
    await withTaskGroup(of: Void.self) { tasks in
      for _ in 0..<8 {
        tasks.addTask {
          for _ in 0..<1000 { group.next().execute { counter.value.add(1, ordering: .relaxed) } }
        }
      }
    }
    try await group.onEach { _ in }
    #expect(counter.value.load(ordering: .relaxed) == 8000)
    group.stop()
  }

  @Test func `a promise ends by delivery, deadline or cancellation`() async throws {
    let group = EventLoopGroup(count: 1)
    try await group.onEach { loop in
      let delivered = Promise<Int>(on: loop)
      loop.schedule(after: .milliseconds(1)) { delivered.succeed(7) }
      #expect(try await delivered.value() == 7)

      await #expect(throws: ReactorError(.timedOut, operation: "wait")) {
        try await Promise<Int>(on: loop).value(deadline: loop.now + 1_000_000)
      }

      let waiting = loop.task { try await Promise<Int>(on: loop).value() }
      try await EventLoop.sleep(for: .milliseconds(1))
      waiting.cancel()
      await #expect(throws: CancellationError.self) { try await waiting.value }
    }
    group.stop()
  }

  @Test func `the blocking pool refuses beyond its queue`() async throws {
    let pool = BlockingPool(threadsMax: 1, queuedMax: 2)
    let gate = DispatchSemaphore(value: 0)
    let running = Counter()
    let refusals = Counter()
    let first = Task {
      try await pool.run {
        running.value.add(1, ordering: .sequentiallyConsistent)
        gate.wait()
      }
    }
    while running.value.load(ordering: .sequentiallyConsistent) == 0 { await Task.yield() }
    let answers = await withTaskGroup(of: Bool.self) { tasks in
      for _ in 0..<5 {
        tasks.addTask {
          do { return try await pool.run { true } } catch {
            refusals.value.add(1, ordering: .sequentiallyConsistent)
            return false
          }
        }
      }
      // The thread is taken and two wait, so three are refused; the two run once the first has ended.
      while refusals.value.load(ordering: .sequentiallyConsistent) < 3 { await Task.yield() }
      gate.signal()
      return await tasks.reduce(into: [Bool]()) { $0.append($1) }
    }
    try await first.value
    #expect(answers.filter { $0 }.count == 2)
    #expect(try await pool.run { 7 } == 7)
  }
}
