/// When a tool is not called any more because it keeps failing, and when it is tried again. Pure: times go in.
public struct CircuitBreaker: Sendable {
  /// What the breaker waits for.
  public enum State: Hashable, Sendable {
    /// For failures: calls are made.
    case closed(failures: Int)
    /// For its time to be over: no calls are made.
    case open(until: UInt64, times: Int)
    /// For the one call that was let through; another is let through when it has not come back by then.
    case halfOpen(probeUntil: UInt64, times: Int)
  }

  /// Failures in a row that open it.
  public static let failuresMax = 5
  /// The first time that it stays open; doubled each time the probe fails.
  public static let openNanoseconds: UInt64 = 30_000_000_000
  /// The longest time that it stays open.
  public static let openNanosecondsMax: UInt64 = 480_000_000_000
  /// After this a probe counts as lost.
  public static let probeNanoseconds: UInt64 = 120_000_000_000

  /// What it waits for.
  public private(set) var state = State.closed(failures: 0)

  /// Makes a closed breaker.
  public init() {}

  /// Whether nothing has to be remembered.
  public var isIdle: Bool { state == .closed(failures: 0) }

  /// Whether a call would be let through; nothing changes.
  public func wouldAdmit(at now: UInt64) -> Bool {
    switch state {
    case .closed: true
    case .open(let until, _): now >= until
    case .halfOpen(let until, _): now >= until
    }
  }

  /// Lets a call through, or not. Behind an open time only one call is let through until its end is known.
  public mutating func admit(at now: UInt64) -> Bool {
    guard wouldAdmit(at: now) else { return false }
    switch state {
    case .closed: break
    case .open(_, let times), .halfOpen(_, let times):
      state = .halfOpen(probeUntil: now &+ CircuitBreaker.probeNanoseconds, times: times)
    }
    return true
  }

  /// A call has ended in a way that says that the tool works.
  public mutating func succeeded() { state = .closed(failures: 0) }

  /// A call has ended without saying anything about the tool: it was cancelled.
  public mutating func abandoned(at now: UInt64) {
    if case .halfOpen(_, let times) = state { state = .open(until: now, times: times) }
  }

  /// A call has failed by the fault of the tool. Returns whether the breaker has opened by it.
  public mutating func failed(at now: UInt64) -> Bool {
    switch state {
    case .closed(let failures) where failures + 1 < CircuitBreaker.failuresMax:
      state = .closed(failures: failures + 1)
      return false
    case .closed: open(at: now, times: 1)
    case .halfOpen(_, let times): open(at: now, times: times + 1)
    // The end of a call that began before it opened.
    case .open: return false
    }
    return true
  }

  private mutating func open(at now: UInt64, times: Int) {
    let doubled = CircuitBreaker.openNanoseconds << UInt64(min(max(times - 1, 0), 4))
    state = .open(until: now &+ min(doubled, CircuitBreaker.openNanosecondsMax), times: times)
  }
}
