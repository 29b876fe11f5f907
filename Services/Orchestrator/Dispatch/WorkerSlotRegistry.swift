package import Contracts
internal import Primitives
internal import Reactor
internal import RunStorage
internal import Synchronization
internal import SystemSources

/// The slots of the workers that wait at this process. Claims and commits, which run on several loops, reserve slots
/// here before they lease steps; the dispatcher answers the workers.
package final class WorkerSlotRegistry: Sendable {
  private let queue = Mutex(WaitQueueStateMachine<Promise<[LeasedStep]>>())
  private let now: @Sendable () -> UInt64

  /// An empty registry. `now` gives monotonic nanoseconds.
  package init(now: @escaping @Sendable () -> UInt64 = { MonotonicClock.now() }) { self.now = now }

  /// Reserves a slot for a step that has just become ready; `nil` when it has to go through the ready queue.
  package func reserve(_ jobType: String, for tenant: TenantID) -> ReservedSlot? {
    queue.withLock { $0.reserve(jobType, for: tenant, now: now()) }
  }

  /// Reserves slots for a claim.
  package func reserve(_ jobType: String, count: Int, countMax: Int) -> [ReservedSlot] {
    queue.withLock { $0.reserve(jobType, count: count, countMax: countMax) }
  }

  /// A limit of the tenant was met by a step that was to go to a worker directly.
  package func limitMet(_ tenant: TenantID) { queue.withLock { $0.limitMet(tenant, now: now()) } }

  /// A claim has seen whether more steps of the type are ready than there are slots for.
  func setBacklogged(_ jobType: String, _ isBacklogged: Bool) {
    queue.withLock { $0.setBacklogged(jobType, isBacklogged) }
  }

  /// The job types that somebody with a free slot waits for.
  var wantedJobTypes: [String] { queue.withLock { $0.wantedJobTypes } }

  func enqueue(
    _ poll: WorkerPoll, _ reply: Promise<[LeasedStep]>
  ) -> WaitQueueStateMachine<Promise<[LeasedStep]>>.EnqueueAction {
    queue.withLock { $0.enqueue(poll, reply) }
  }

  func settle(_ grant: SlotGrant) -> WaitQueueStateMachine<Promise<[LeasedStep]>>.GrantAction {
    queue.withLock { $0.settle(grant, now: now()) }
  }

  func keepExpired(_ worker: String, batch: Int) -> [LeasedStep] {
    queue.withLock { $0.keepExpired(worker, batch: batch) }
  }

  func deadlinePassed(_ number: Int) -> Promise<[LeasedStep]>? { queue.withLock { $0.deadlinePassed(number) } }

  func disconnected(_ number: Int) { queue.withLock { $0.disconnected(number) } }

  func leave(_ worker: String) -> (idle: [Promise<[LeasedStep]>], kept: [LeasedStep]) {
    queue.withLock { $0.leave(worker) }
  }

  func close() -> [Promise<[LeasedStep]>] { queue.withLock { $0.close() } }
}
