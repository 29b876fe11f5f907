internal import Reactor
internal import Synchronization

/// The storing of one answer, beside its way to the caller.
package final class PendingWrite: Sendable {
  private let task = Mutex<Task<Void, any Error>?>(nil)

  /// Nothing is being stored.
  package init() {}

  /// Whether something is kept, or was.
  package var hasBegun: Bool { task.withLock { $0 != nil } }

  package func begin(_ body: @escaping @Sendable () async -> Void) {
    let started = EventLoop.current?.task { await body() }
    task.withLock { $0 = started }
  }

  /// Returns when the answer is kept, at once when nothing is to be kept.
  package func wait() async { _ = await task.withLock { $0 }?.result }
}
