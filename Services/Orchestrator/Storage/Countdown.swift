internal import Synchronization

/// A number that several tasks count down together.
final class Countdown: Sendable {
  private let left = Mutex(0)

  /// Takes one off; `false` when none is left.
  func takeOne() -> Bool {
    left.withLock { left in
      guard left > 0 else { return false }
      left -= 1
      return true
    }
  }

  func set(_ count: Int) { left.withLock { $0 = count } }
}
