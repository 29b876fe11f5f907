/// What a stream is in an answer.
enum StreamRole: Sendable {
  /// All of it; it stays as it is where caller and provider speak the same dialect.
  case only
  /// Another provider may go on with it.
  case continuable
  /// It goes on with another one.
  case continuation
}

/// How long a provider's stream is waited for.
struct StreamLimits: Sendable {
  /// The name of the provider, for messages.
  let provider: String
  /// When the first token (text, thoughts or arguments) has to be there, in monotonic nanoseconds.
  let firstTokenBy: UInt64
  /// The longest time without a token after it, in nanoseconds. Comments and pings are no tokens.
  let stallNanoseconds: UInt64
  /// The end of the whole call, in monotonic nanoseconds.
  let deadline: UInt64
}

/// For how long a provider has sent no token. Time in which its stream was not read, because the caller is slow, is none
/// of its own. A value: times are given from outside.
struct StreamSilence: Sendable {
  /// The begin of the silence, moved on by the time in which nobody read.
  private(set) var since: UInt64
  /// When the finish reason came.
  private(set) var finishedAt: UInt64?
  /// The latest time that was given.
  private(set) var now: UInt64
  private var pausedAt: UInt64?
  private var isFinished = false
  private var isUnreliable = false

  init(at now: UInt64) {
    since = now
    self.now = now
  }

  /// A read begins.
  mutating func resumed(at now: UInt64) {
    self.now = now
    if let pausedAt, now > pausedAt { since = since &+ (now - pausedAt) }
    pausedAt = nil
  }

  /// A read has ended.
  mutating func paused(at now: UInt64) {
    self.now = now
    pausedAt = now
  }

  /// A token came.
  mutating func ended(at now: UInt64) { since = now }

  /// The finish reason has come, with this event or before. Providers that go on after it do not mean it.
  mutating func finished(hasContent: Bool) {
    if isFinished, hasContent { isUnreliable = true }
    isFinished = true
    finishedAt = isUnreliable ? nil : finishedAt ?? now
  }
}
