public import Primitives
internal import SystemSources

/// The time of tool calls, so that tests can make it pass.
public protocol ToolClock: Sendable {
  /// Monotonic nanoseconds.
  func now() -> UInt64
  /// The present time.
  func wallTime() -> Timestamp
}

/// The clocks of the system.
public struct SystemToolClock: ToolClock {
  /// Makes the clock.
  public init() {}

  /// Monotonic nanoseconds.
  public func now() -> UInt64 { MonotonicClock.now() }

  /// The present time.
  public func wallTime() -> Timestamp { WallClock.now() }
}
