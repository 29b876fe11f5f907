internal import Primitives
internal import Reactor
internal import SystemSources

/// Time as the guards see it; tests have one of their own.
struct SpendingClock: Sendable {
  /// Monotonic nanoseconds.
  let now: @Sendable () -> UInt64
  /// Seconds since 1970.
  let seconds: @Sendable () -> Int64
  /// Waits for so many nanoseconds. Throws `CancellationError`.
  let sleep: @Sendable (UInt64) async throws -> Void

  /// The clock of the process.
  static let system = SpendingClock(
    now: { MonotonicClock.now() }, seconds: { WallClock.now().unixMicroseconds / 1_000_000 },
    sleep: { try await EventLoop.sleep(for: .nanoseconds(Int64(clamping: $0))) })
}
