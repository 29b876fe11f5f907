internal import Contracts
internal import Decider
internal import Synchronization

/// The states of runs that are at work in this process, for all loops.
final class RunCache: Sendable {
  private let runs = Mutex(RunCacheStateMachine())

  func checkOut(_ run: RunID) -> (snapshot: RunSnapshot, isUnverified: Bool)? { runs.withLock { $0.checkOut(run) } }

  func reserve(_ run: RunID) { runs.withLock { $0.reserve(run) } }

  func checkIn(_ run: RunID, _ snapshot: RunSnapshot, isUnverified: Bool = false) {
    runs.withLock { $0.checkIn(run, snapshot, isUnverified: isUnverified) }
  }

  func forget(_ run: RunID) { runs.withLock { $0.forget(run) } }

  func renew(_ run: RunID, _ newer: RunSnapshot) { runs.withLock { $0.renew(run, newer) } }

  func started(_ run: RunID, version: Int, _ event: RunEvent) {
    runs.withLock { $0.started(run, version: version, event) }
  }

  func forgetContested(_ run: RunID) { runs.withLock { $0.forgetContested(run) } }

  func takeContested(_ run: RunID) -> Bool { runs.withLock { $0.takeContested(run) } }

  func lookup(_ run: RunID) -> RunCacheStateMachine.Lookup { runs.withLock { $0.lookup(run) } }

  func workflow(_ run: RunID) -> CompiledWorkflow? { runs.withLock { $0.workflow(run) } }
}
