internal import Synchronization

/// Wakes the one who waits longest for something to happen. A hint only: who waits reads again by itself now and then.
package final class WakeSignal: Sendable {
  private static let pollInterval = Duration.seconds(1)

  private let waiting = Mutex<[WaitToken]>([])

  /// A signal that nobody waits for.
  package init() {}

  /// Registers a wait.
  package func register() -> WaitToken {
    let token = WaitToken(pollInterval: WakeSignal.pollInterval) { [self] token in
      waiting.withLock { $0.removeAll { $0 === token } }
    }
    waiting.withLock { $0.append(token) }
    return token
  }

  /// Wakes the first in the queue.
  package func wake() {
    waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }?.wake()
  }
}
