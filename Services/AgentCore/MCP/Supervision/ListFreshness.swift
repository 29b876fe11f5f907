/// When the tools of a connected server are read again: after a time of its own, and before a call once the server's
/// own time for its list is over. Pure.
///
/// A server can so change a definition without a word for a bounded time only.
package struct ListFreshness: Sendable {
  private let interval: UInt64
  private let lifetimeMin: UInt64
  /// When the list is read again, whether there are calls or not.
  package private(set) var checkAt: UInt64 = .max
  private var expiresAt: UInt64 = .max
  private var noticedAt: UInt64?
  private var noticePause = ListFreshness.noticePauseMin

  /// Pauses between a notification of a change and the reading of the list, in which further ones are met by the same.
  private static let noticePauseMin: UInt64 = 200_000_000
  private static let noticePauseMax: UInt64 = 30_000_000_000
  /// Who was silent for so long is heard at once again.
  private static let quietTime: UInt64 = 60_000_000_000

  /// Nothing was listed yet. `lifetimeMin` stands for shorter lifetimes, so that a server cannot have its list read
  /// with every call.
  package init(interval: UInt64, lifetimeMin: UInt64) {
    self.interval = max(1, interval)
    self.lifetimeMin = lifetimeMin
  }

  /// Whether the list has to be read before the next call.
  package func isExpired(now: UInt64) -> Bool { now >= expiresAt }

  /// The server says that its list is another one: how long to wait before it is read. Longer each time that it says so
  /// soon again, so that a server that changes without end has its list read, reported and stored now and then only.
  package mutating func noticed(now: UInt64) -> UInt64 {
    let isQuiet = noticedAt.map { now &- min(now, $0) >= ListFreshness.quietTime } ?? true
    noticePause =
      isQuiet ? ListFreshness.noticePauseMin : min(ListFreshness.noticePauseMax, noticePause * 2)
    noticedAt = now
    return noticePause
  }

  /// The list was read. `lifetime` is what the server says of it; `jitter`, between 0 and 1, brings the next look
  /// forward by up to a quarter, so that servers are not asked all at once.
  package mutating func listed(now: UInt64, lifetime: UInt64?, jitter: Double) {
    let earlier = Double(interval / 4) * min(max(jitter, 0), 1)
    let pause = interval - min(interval / 4, UInt64(exactly: earlier.rounded()) ?? 0)
    checkAt = sum(now, pause)
    expiresAt = lifetime.map { sum(now, max(lifetimeMin, $0)) } ?? .max
  }

  /// The list could not be read: who calls next has to wait for it.
  package mutating func failed(now: UInt64) {
    checkAt = sum(now, interval)
    expiresAt = now
  }

  /// The connection is gone.
  package mutating func forget() {
    checkAt = .max
    expiresAt = .max
  }

  private func sum(_ time: UInt64, _ pause: UInt64) -> UInt64 {
    let (sum, overflow) = time.addingReportingOverflow(pause)
    return overflow ? .max : sum
  }
}
