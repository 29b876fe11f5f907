/// What failed attempts of one call mean for asking their targets again.
public struct AttemptHistory: Sendable, Hashable {
  /// Attempts at one target that were begun and came to nothing: each of them may have to be paid.
  public static let begunMax = 2

  private var repeated: Set<TargetID> = []
  private var begun: [TargetID: Int] = [:]
  private var excluded: Set<TargetID> = []

  /// Nothing has failed.
  public init() {}

  /// Whether a target may be asked (again).
  public func mayAsk(_ target: TargetID) -> Bool { !excluded.contains(target) }

  /// An attempt failed. `isBegun`: the provider may have generated something.
  public mutating func failed(_ target: TargetID, _ failure: FailureClass, isBegun: Bool) {
    if isBegun { begun[target, default: 0] += 1 }
    if failure == .timeout || failure == .garbage || begun[target, default: 0] >= AttemptHistory.begunMax {
      excluded.insert(target)
    }
  }

  /// The pause after which the same target is asked once more before any other, in milliseconds; nil when the next one
  /// is to be asked. A failure that passes by itself gets one such repetition, a rate limit only when it asks for a
  /// short pause. `hasTwin`: the same model is there at another provider, which is the better second try.
  public mutating func repeats(
    _ target: TargetID, _ failure: FailureClass, retryAfter: Int64?, hasTwin: Bool, _ policy: AttemptPolicy,
    random: UInt64
  ) -> Int64? {
    guard failure.allowsRetry, mayAsk(target), !hasTwin, !repeated.contains(target) else { return nil }
    if let retryAfter {
      guard retryAfter <= policy.shortPauseMilliseconds else { return nil }
      repeated.insert(target)
      // Not before the breaker's own end of the same pause.
      return retryAfter + 20 + Int64(random % 40)
    }
    guard failure != .rate else { return nil }
    repeated.insert(target)
    return policy.pauseMilliseconds / 2 + Int64(random % UInt64(max(1, policy.pauseMilliseconds / 2 + 1)))
  }
}
