internal import Primitives

/// A token bucket of this process, for the time in which the shared ones cannot be reached.
struct TokenBucket: Sendable {
  private(set) var level: Double
  private var at: UInt64

  /// A full one. Times are nanoseconds of the monotonic clock.
  init(_ limit: RateLimit, now: UInt64) {
    level = Double(limit.burst)
    at = now
  }

  /// Fills up to now. A limit that has changed holds from here on.
  mutating func fill(_ limit: RateLimit, now: UInt64) {
    let gone = now > at ? Double(now - at) / 1e9 : 0
    level = min(Double(limit.burst), level + gone * limit.perSecond)
    at = now
  }

  /// Takes a token that is there.
  mutating func take() { level -= 1 }

  /// Nanoseconds until there is a token.
  func wait(_ limit: RateLimit) -> UInt64 {
    level >= 1 ? 0 : UInt64(clamping: Int64(saturating: ((1 - level) / limit.perSecond * 1e9).rounded(.up)))
  }
}
