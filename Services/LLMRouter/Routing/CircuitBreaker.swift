/// The circuit breaker of a provider, model and key: closed while calls succeed, open after failures for a cooling
/// time, then half-open: one call probes. Times are milliseconds of one clock, given from outside.
public struct CircuitBreaker: Sendable, Hashable {
  /// When it opens and for how long.
  public struct Policy: Sendable, Hashable {
    /// Failures in a row that open it.
    public var failuresInRow: Int
    /// Failures in a hundred of the last twenty calls or more that open it.
    public var failurePercent: Int
    /// The first cooling time; doubled each time the probe fails.
    public var coolMilliseconds: Int64
    /// The longest cooling time.
    public var coolMaxMilliseconds: Int64
    /// The cooling time of a key that is not accepted or has no money.
    public var keyCoolMilliseconds: Int64
    /// The time after which a probe that nobody has heard of is given up.
    public var probeMilliseconds: Int64

    /// A policy.
    public init(
      failuresInRow: Int = 5, failurePercent: Int = 50, coolMilliseconds: Int64 = 1000,
      coolMaxMilliseconds: Int64 = 60_000, keyCoolMilliseconds: Int64 = 60_000, probeMilliseconds: Int64 = 60_000
    ) {
      self.failuresInRow = failuresInRow
      self.failurePercent = failurePercent
      self.coolMilliseconds = coolMilliseconds
      self.coolMaxMilliseconds = coolMaxMilliseconds
      self.keyCoolMilliseconds = keyCoolMilliseconds
      self.probeMilliseconds = probeMilliseconds
    }
  }

  /// What it lets through.
  public enum State: Sendable, Hashable {
    /// Everything.
    case closed
    /// Nothing.
    case open
    /// One probe.
    case halfOpen
  }

  private static let windowBits = 20
  /// No pause is longer, whoever asks for it.
  private static let coolMax: Int64 = 3_600_000

  private var row = 0
  /// The last outcomes, a set bit for a failure.
  private var window: UInt32 = 0
  private var seen = 0
  private var openUntil: Int64 = 0
  private var isTripped = false
  private var trips = 0
  private var probeAt: Int64?
  /// It was opened by a failure of the provider or of the way to it, which ends when the provider is back.
  private var isOutage = false

  /// Closed.
  public init() {}

  /// The state at a time.
  public func state(at now: Int64) -> State { !isTripped ? .closed : now < openUntil ? .open : .halfOpen }

  /// Whether a call would be let through now.
  public func isPassable(at now: Int64, _ policy: Policy) -> Bool {
    switch state(at: now) {
    case .closed: true
    case .open: false
    case .halfOpen: probeAt.map { now - $0 >= policy.probeMilliseconds } ?? true
    }
  }

  /// Asks to pass; in the half-open state only one caller may until its outcome is known.
  public mutating func admit(at now: Int64, _ policy: Policy) -> Bool {
    guard isPassable(at: now, policy) else { return false }
    if isTripped { probeAt = now }
    return true
  }

  /// A call succeeded.
  public mutating func succeeded() {
    row = 0
    remember(false)
    if isTripped {
      self = CircuitBreaker()
    }
  }

  /// The provider was seen to be there: after an outage a call may try it at once. Limits, keys and credit are no
  /// outage.
  public mutating func reachable(at now: Int64) {
    if isTripped, isOutage { openUntil = min(openUntil, now) }
  }

  /// A call was broken off by its caller, or failed by the caller's fault: nothing is learnt, a probe is free again.
  public mutating func released() { probeAt = nil }

  /// A call failed. What the provider asked for (`retryAfter`) is the least time; the later end wins always.
  public mutating func failed(_ failure: FailureClass, retryAfter: Int64?, at now: Int64, _ policy: Policy) {
    guard failure.isFault else {
      // A provider that refuses a request for what stands in it is there.
      if isTripped, isOutage, probeAt != nil { return succeeded() }
      return released()
    }
    row += 1
    remember(true)
    var cool: Int64 = 0
    switch failure {
    case .key, .money: cool = policy.keyCoolMilliseconds
    case .rate: cool = retryAfter ?? policy.coolMilliseconds
    default:
      let share = seen >= CircuitBreaker.windowBits ? window.nonzeroBitCount * 100 / CircuitBreaker.windowBits : 0
      if isTripped || row >= policy.failuresInRow || share >= policy.failurePercent {
        cool = min(policy.coolMilliseconds << Int64(min(trips, 10)), policy.coolMaxMilliseconds)
        trips = min(trips + 1, 64)
      }
      if let retryAfter, cool > 0 { cool = max(cool, retryAfter) }
    }
    probeAt = nil
    guard cool > 0 else { return }
    let isOutage = ![.key, .money, .rate].contains(failure)
    self.isOutage = isOutage && (self.isOutage || !isTripped || openUntil <= now)
    isTripped = true
    openUntil = max(openUntil, now &+ min(cool, CircuitBreaker.coolMax))
  }

  private mutating func remember(_ failure: Bool) {
    window = ((window << 1) | (failure ? 1 : 0)) & ((1 << UInt32(CircuitBreaker.windowBits)) - 1)
    seen = min(seen + 1, CircuitBreaker.windowBits)
  }
}
