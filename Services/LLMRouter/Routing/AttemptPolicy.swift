/// How attempts follow each other. One count and one deadline for the whole call: retries do not multiply fallbacks.
public struct AttemptPolicy: Sendable, Hashable {
  /// Attempts of one call over all targets.
  public var attemptsMax: Int
  /// The pause before the first repetition; doubled each time.
  public var pauseMilliseconds: Int64
  /// The longest pause.
  public var pauseMaxMilliseconds: Int64
  /// A `Retry-After` up to this is waited for at the same model although others could be asked.
  public var shortPauseMilliseconds: Int64

  /// A policy.
  public init(
    attemptsMax: Int = 4, pauseMilliseconds: Int64 = 250, pauseMaxMilliseconds: Int64 = 8000,
    shortPauseMilliseconds: Int64 = 3000
  ) {
    self.attemptsMax = attemptsMax
    self.pauseMilliseconds = pauseMilliseconds
    self.pauseMaxMilliseconds = pauseMaxMilliseconds
    self.shortPauseMilliseconds = shortPauseMilliseconds
  }

  /// The pause before round `round` (1 is the first repetition), with what the provider asked for as its floor; nil
  /// when it does not fit before the deadline. `random` spreads the upper half.
  public func pause(round: Int, retryAfter: Int64?, remaining milliseconds: Int64, random: UInt64) -> Int64? {
    let doubled = pauseMilliseconds << Int64(min(max(0, round - 1), 10))
    let base = min(doubled, pauseMaxMilliseconds)
    let jittered = base / 2 + Int64(random % UInt64(max(1, base / 2 + 1)))
    let pause = max(jittered, retryAfter ?? 0)
    return pause < milliseconds ? pause : nil
  }
}
