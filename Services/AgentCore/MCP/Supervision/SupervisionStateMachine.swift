package import MCP

/// When a server is started, left alone, and stopped. Pure: one per server, tenant and version of its registration.
///
/// A start or connection that fails makes the next start wait, twice as long each time; after `failuresMax` failures in
/// a row calls are refused until the pause is over, and then one start is tried. Only a call that succeeded forgets the
/// failures: a server that starts well and dies with each call is not started without end.
package struct SupervisionStateMachine: Sendable {
  /// Pauses and limits.
  package struct Policy: Sendable {
    /// The first pause.
    package var pauseMin: UInt64 = 500_000_000
    /// The longest pause.
    package var pauseMax: UInt64 = 60_000_000_000
    /// Failures in a row after which calls are refused during the pause.
    package var failuresMax = 5
    /// Calls without an answer in time, in a row, after which the connection is made anew.
    package var timeoutsMax = 3
    /// Time without a call after which the connection is closed.
    package var idle: UInt64 = 300_000_000_000

    /// The defaults.
    package init() {}
  }

  /// What a call does.
  package enum Decision: Equatable, Sendable {
    /// Opens a connection and waits for it.
    case start
    /// Waits until the connection is open.
    case wait
    /// Waits until this time and asks again.
    case pause(UInt64)
    /// Uses the connection.
    case use
    /// Fails.
    case refuse(MCPError)
  }

  /// What is going on.
  package enum State: Equatable, Sendable {
    /// No connection, and nothing wrong.
    case idle
    /// A connection is being opened.
    case starting
    /// The connection is open.
    case ready
    /// The last attempt failed; the next may be made at this time.
    case pausing(until: UInt64)
  }

  private let policy: Policy
  /// What is going on.
  package private(set) var state = State.idle
  /// Failures in a row.
  package private(set) var failures = 0
  private var timeouts = 0
  private var lastUse: UInt64 = 0
  private var lastError: MCPError?

  /// Before the first call.
  package init(_ policy: Policy = Policy()) { self.policy = policy }

  /// Whether calls are refused at the moment.
  package var isOpen: Bool { failures >= policy.failuresMax }

  /// A call wants the connection.
  package mutating func callArrives(now: UInt64, deadline: UInt64) -> Decision {
    lastUse = now
    switch state {
    case .ready: return .use
    case .starting: return .wait
    case .idle:
      state = .starting
      return .start
    case .pausing(let until) where until <= now:
      state = .starting
      return .start
    case .pausing(let until):
      guard failures < policy.failuresMax, until < deadline else {
        let cause = lastError.map { ": \($0.message)" } ?? ""
        return .refuse(
          MCPError(.unavailable, "the server failed \(failures) times and is left alone for a while\(cause)"))
      }
      return .pause(until)
    }
  }

  /// The connection is open.
  package mutating func started() {
    state = .ready
    timeouts = 0
  }

  /// The connection could not be opened, or broke. `jitter` is between 0 and 1.
  package mutating func failed(_ error: MCPError, now: UInt64, jitter: Double) {
    failures += 1
    lastError = error
    let doublings = UInt64(min(failures - 1, 20))
    let pause = min(policy.pauseMax, policy.pauseMin &* (1 << doublings))
    let extra = UInt64(clamping: Int64(exactly: (Double(pause / 4) * min(max(jitter, 0), 1)).rounded()) ?? 0)
    state = .pausing(until: now &+ pause &+ extra)
  }

  /// A call has ended. Returns whether the connection should be made anew.
  package mutating func callEnded(_ error: MCPError?, now: UInt64) -> Bool {
    lastUse = now
    guard let error, error.reason == .timedOut else {
      timeouts = 0
      // An answer is an answer, also one that says no.
      if error == nil || error?.kind == .tool { failures = 0 }
      return false
    }
    timeouts += 1
    return timeouts >= policy.timeoutsMax && state == .ready
  }

  /// Whether nobody has used the connection for long; it is to be closed then.
  package mutating func becomesIdle(now: UInt64, pendingCalls: Int) -> Bool {
    guard state == .ready, pendingCalls == 0, now &- lastUse >= policy.idle else { return false }
    state = .idle
    return true
  }

  /// The connection was closed on purpose.
  package mutating func stopped() { state = .idle }
}
