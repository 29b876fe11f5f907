package import Contracts
package import StepDispatch
internal import Synchronization

/// The readers of this process that wait for a run to change. A hint only: readers read again by themselves now and
/// then, so that they also see what other replicas have written.
package final class RunWatchers: Sendable {
  private static let pollInterval = Duration.seconds(1)

  private struct Watcher: Sendable {
    let token: WaitToken
    /// Only the end of the run is of interest.
    let isForEnd: Bool
  }

  private let watchers = Mutex<[RunID: [Watcher]]>([:])
  private let draining = Atomic<Bool>(false)
  private let onWatch: @Sendable () -> Void

  /// Calls `onWatch` whenever somebody begins to watch a run.
  package init(onWatch: @escaping @Sendable () -> Void) { self.onWatch = onWatch }

  /// Whether readers shall go on at another replica.
  package var isDraining: Bool { draining.load(ordering: .relaxed) }

  /// Wakes all readers, to go on at another replica.
  package func drain() {
    draining.store(true, ordering: .relaxed)
    notifyAll()
  }

  /// Watches `run`, or its end alone.
  package func watch(_ run: RunID, isForEnd: Bool = false) -> WaitToken {
    let token = WaitToken(pollInterval: RunWatchers.pollInterval) { [self] in remove($0, run) }
    watchers.withLock { $0[run, default: []].append(Watcher(token: token, isForEnd: isForEnd)) }
    onWatch()
    return token
  }

  /// Wakes those who watch a run; those who watch its end only when it may have ended.
  package func notify(_ run: RunID, mayHaveEnded: Bool = true) {
    let woken = watchers.withLock { watchers -> [Watcher] in
      guard let all = watchers[run] else { return [] }
      let staying = mayHaveEnded ? [] : all.filter(\.isForEnd)
      watchers[run] = staying.isEmpty ? nil : staying
      return staying.isEmpty ? all : all.filter { !$0.isForEnd }
    }
    for watcher in woken { watcher.token.wake() }
  }

  /// Wakes those who watch any run.
  package func notifyAll() {
    let woken = watchers.withLock { watchers in
      defer { watchers.removeAll() }
      return watchers.values.flatMap { $0 }
    }
    for watcher in woken { watcher.token.wake() }
  }

  private func remove(_ token: WaitToken, _ run: RunID) {
    watchers.withLock { watchers in
      watchers[run]?.removeAll { $0.token === token }
      if watchers[run]?.isEmpty == true { watchers[run] = nil }
    }
  }
}
