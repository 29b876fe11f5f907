internal import Primitives
internal import Reactor
internal import SystemSources

/// The time of a worker, so that tests can make it pass.
public protocol WorkerClock: Sendable {
  /// Monotonic nanoseconds.
  func now() -> UInt64
  /// Waits. Throws `CancellationError` when the task is cancelled.
  func sleep(for delay: Duration) async throws
}

/// The clock of the event loops; for tasks that run on one.
public struct LoopClock: WorkerClock {
  /// Makes the clock.
  public init() {}

  /// Monotonic nanoseconds.
  public func now() -> UInt64 { MonotonicClock.now() }

  /// Waits on the task's loop.
  public func sleep(for delay: Duration) async throws { try await EventLoop.sleep(for: delay) }
}
