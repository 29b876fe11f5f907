/// When a connection is made, and when it is tried again: pure, so that it can be tested without sockets or clocks.
struct ConnectionLifecycle {
  /// What has to be done now.
  enum Action: Equatable {
    /// Nothing.
    case none
    /// Connect, then report `connected` or `connectFailed`.
    case connect
    /// Report `pauseOver` after this time.
    case pause(Duration)
    /// Close the connection at hand.
    case discard
  }

  enum State: Equatable {
    /// Waiting for `start`.
    case idle
    /// Waiting for the attempt to end.
    case connecting
    /// Waiting for the connection to end, which began at this moment (nanoseconds).
    case ready(since: UInt64)
    /// Waiting for the pause to end.
    case pausing
    /// Waiting for nothing.
    case closed
  }

  static let pauseMillisecondsFirst: Int64 = 25
  /// A connection that lasted this long was a good one: the next pause is the first again.
  static let stableNanoseconds: UInt64 = 5_000_000_000

  private(set) var state = State.idle
  private let pauseMillisecondsMax: Int64
  private var pauseMilliseconds = ConnectionLifecycle.pauseMillisecondsFirst

  init(pauseMillisecondsMax: Int64 = 3000) {
    self.pauseMillisecondsMax = max(ConnectionLifecycle.pauseMillisecondsFirst, pauseMillisecondsMax)
  }

  mutating func start() -> Action {
    guard state == .idle else { return .none }
    state = .connecting
    return .connect
  }

  mutating func connected(at now: UInt64) -> Action {
    guard state == .connecting else { return .discard }
    state = .ready(since: now)
    return .none
  }

  mutating func connectFailed(random: UInt64) -> Action {
    guard state == .connecting else { return .none }
    return pause(random)
  }

  mutating func lost(at now: UInt64, random: UInt64) -> Action {
    guard case .ready(let since) = state else { return .none }
    if now >= since, now - since >= ConnectionLifecycle.stableNanoseconds {
      pauseMilliseconds = ConnectionLifecycle.pauseMillisecondsFirst
    }
    return pause(random)
  }

  mutating func pauseOver() -> Action {
    guard state == .pausing else { return .none }
    state = .connecting
    return .connect
  }

  mutating func close() -> Action {
    defer { state = .closed }
    if case .ready = state { return .discard }
    return .none
  }

  /// Doubling pauses, each shortened at random by up to a half, so that the processes of an installation do not return
  /// at once.
  private mutating func pause(_ random: UInt64) -> Action {
    state = .pausing
    let longest = pauseMilliseconds
    pauseMilliseconds = min(longest * 2, pauseMillisecondsMax)
    return .pause(.milliseconds(longest - Int64(random % UInt64(longest / 2 + 1))))
  }
}
