internal import Primitives
internal import Reactor
internal import SystemSources

/// The time of a worker, so that tests can make it pass.
public protocol WorkerClock: Sendable {
  /// Monotonic nanoseconds.
  func now() -> UInt64
  /// Waits. Throws `CancellationError` when the task is cancelled.
  func sleep(for delay: Duration) async throws
  /// Begins work that sleeps by this clock, beside the caller. Returns how it is cancelled.
  func start(_ body: @escaping @Sendable () async -> Void) -> @Sendable () -> Void
}

extension WorkerClock {
  /// Begins work on no loop in particular.
  public func start(_ body: @escaping @Sendable () async -> Void) -> @Sendable () -> Void {
    let task = Task { await body() }
    return { task.cancel() }
  }
}

/// The clock of the event loops; for tasks that run on one.
public struct LoopClock: WorkerClock {
  /// Makes the clock.
  public init() {}

  /// Monotonic nanoseconds.
  public func now() -> UInt64 { MonotonicClock.now() }

  /// Waits on the task's loop.
  public func sleep(for delay: Duration) async throws { try await EventLoop.sleep(for: delay) }

  /// Begins work on the caller's loop.
  public func start(_ body: @escaping @Sendable () async -> Void) -> @Sendable () -> Void {
    guard let loop = EventLoop.current else { return {} }
    let task = loop.task { await body() }
    return { task.cancel() }
  }
}
