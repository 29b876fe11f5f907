/// How often and when a failed attempt is repeated.
public struct RetryPolicy: Hashable, Sendable {
  /// Attempts in total, the first included.
  public var attemptsMax: Int
  /// Wait before the second attempt.
  public var backoffMilliseconds: Int64
  /// Longest wait.
  public var backoffMillisecondsMax: Int64
  /// What each further wait is multiplied with, in percent: 200 doubles it.
  public var growthPercent: Int64
  /// The wait is shortened by up to this part of it, in percent, so that many do not come back at once.
  public var jitterPercent: Int64
  /// Codes of failures that are not repeated, whatever the worker says of them.
  public var nonRetryableCodes: [String]

  /// Makes a policy.
  public init(
    attemptsMax: Int, backoffMilliseconds: Int64, backoffMillisecondsMax: Int64, growthPercent: Int64 = 200,
    jitterPercent: Int64 = 0, nonRetryableCodes: [String] = []
  ) {
    self.attemptsMax = attemptsMax
    self.backoffMilliseconds = backoffMilliseconds
    self.backoffMillisecondsMax = backoffMillisecondsMax
    self.growthPercent = growthPercent
    self.jitterPercent = jitterPercent
    self.nonRetryableCodes = nonRetryableCodes
  }

  /// Three attempts, about one and two seconds apart.
  public static let standard = RetryPolicy(
    attemptsMax: 3, backoffMilliseconds: 1000, backoffMillisecondsMax: 60_000, jitterPercent: 20)

  /// Whether a failure of attempt number `attempt` (of the present agent and model, from 1) is followed by another one.
  public func repeats(_ failure: Failure, attempt: Int) -> Bool {
    failure.isRetryable && attempt < attemptsMax && !nonRetryableCodes.contains(failure.code)
  }

  /// Milliseconds to wait after the given number of failed attempts; always the same for the same number and `seed`.
  public func delayMilliseconds(afterAttempt attempt: Int, seed: UInt64 = 0) -> Int64 {
    var delay = min(backoffMilliseconds, backoffMillisecondsMax)
    for _ in 1..<max(1, min(attempt, 200)) where delay < backoffMillisecondsMax {
      let (grown, overflow) = delay.multipliedReportingOverflow(by: growthPercent)
      delay = overflow ? backoffMillisecondsMax : min(grown / 100, backoffMillisecondsMax)
    }
    guard jitterPercent > 0, delay > 0 else { return delay }
    let span = delay / 100 * jitterPercent + delay % 100 * jitterPercent / 100
    guard span > 0 else { return delay }
    return delay - Int64(mix(seed &+ UInt64(truncatingIfNeeded: attempt)) % UInt64(span + 1))
  }
}

/// Spreads the bits of a number (the finaliser of SplitMix64): the only source of "chance" here, and always the same.
func mix(_ value: UInt64) -> UInt64 {
  var bits = value &+ 0x9E37_79B9_7F4A_7C15
  bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
  bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
  return bits ^ (bits >> 31)
}
