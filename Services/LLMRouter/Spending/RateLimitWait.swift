internal import Budgets

/// One call's wait for its rate limits. Pure: time comes from outside, in nanoseconds of one clock.
struct RateLimitWait: Sendable {
  /// The longest time until a limit is looked at again.
  static let pauseMillisecondsMax: Int64 = 1000
  /// Pauses are spread by a part of their length, at most this, so that not all calls come back at the same moment.
  static let spreadMillisecondsMax: Int64 = 50
  private static let spreadDivisor: Int64 = 4

  /// What the call does now.
  enum Action: Sendable, Equatable {
    /// Wait so long in the queue, then try again.
    case pause(milliseconds: Int64)
    /// Give up.
    case refuse(RateLimitRefusal.Reason)
  }

  /// When the call has to begin.
  let deadline: UInt64
  /// The limit at which the call has entered the queue; nil before.
  private(set) var limit: AppliedRateLimit?

  init(deadline: UInt64) { self.deadline = deadline }

  /// A limit lets wait for `milliseconds`. `random` is any number; `hasRoom` says whether the queue takes one more.
  mutating func limited(
    by limit: AppliedRateLimit, milliseconds: Int64, at now: UInt64, hasRoom: Bool, random: UInt64
  ) -> Action {
    let isFirst = self.limit == nil
    guard !isFirst || hasRoom else { return .refuse(.queueFull) }
    let remaining = deadline > now ? Int64((deadline - now) / 1_000_000) : 0
    guard milliseconds <= remaining else { return .refuse(.notInTime) }
    self.limit = self.limit ?? limit
    let width = max(1, min(milliseconds / RateLimitWait.spreadDivisor, RateLimitWait.spreadMillisecondsMax))
    let spread = Int64(random % UInt64(width + 1))
    return .pause(milliseconds: min(milliseconds + spread, RateLimitWait.pauseMillisecondsMax))
  }

  /// The call is not in the queue any more. Returns whether it was.
  mutating func leave() -> Bool {
    defer { limit = nil }
    return limit != nil
  }
}
