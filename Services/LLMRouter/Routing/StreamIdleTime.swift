/// How long a provider has sent no token. Time in which its stream was not read, because the caller is slow, is
/// none of its own. A value: times are given from outside.
public struct StreamIdleTime: Sendable {
  /// When the provider went idle, moved on by the time in which nobody read.
  public private(set) var since: UInt64
  /// When the finish reason came.
  public private(set) var finishedAt: UInt64?
  /// The latest time that was given.
  public private(set) var now: UInt64
  private var pausedAt: UInt64?
  private var isFinished = false
  private var isUnreliable = false

  /// Idle from now on.
  public init(at now: UInt64) {
    since = now
    self.now = now
  }

  /// A read begins.
  public mutating func resumed(at now: UInt64) {
    self.now = now
    if let pausedAt, now > pausedAt { since = since &+ (now - pausedAt) }
    pausedAt = nil
  }

  /// A read has ended.
  public mutating func paused(at now: UInt64) {
    self.now = now
    pausedAt = now
  }

  /// A token came.
  public mutating func ended(at now: UInt64) { since = now }

  /// The finish reason has come, with this event or before. Providers that go on after it do not mean it.
  public mutating func finished(hasContent: Bool) {
    if isFinished, hasContent { isUnreliable = true }
    isFinished = true
    finishedAt = isUnreliable ? nil : finishedAt ?? now
  }
}
