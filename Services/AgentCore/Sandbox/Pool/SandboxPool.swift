/// Which job runs where and when: admission, queue, sessions and warm workers. A pure state machine; times are
/// nanoseconds of a monotonic clock.
///
/// A worker is warm (no session yet), then belongs to one session until it is discarded. So no process ever sees two
/// tenants. Jobs of one session run one after the other.
package struct SandboxPool: Sendable {
  struct Worker: Sendable {
    enum State: Sendable, Hashable {
      /// Its process starts.
      case starting
      /// It waits for its session.
      case warm
      /// It runs a job of its session.
      case busy(JobID)
      /// It waits for the next job of its session.
      case idle(since: UInt64)
      /// It is killed and cleaned up.
      case ending
    }

    let slot: Int
    let kind: WorkerKind
    var state = State.starting
    var session: SessionKey?
    var jobs = 0
    var boundAt: UInt64 = 0
  }

  struct Waiting: Sendable {
    let id: JobID
    let session: SessionKey
    let kind: WorkerKind
    let expiresAt: UInt64
  }

  struct Starts: Sendable {
    var failures = 0
    var notBefore: UInt64 = 0
  }

  let limits: PoolLimits
  var workers: [WorkerID: Worker] = [:]
  var queue: [Waiting] = []
  var running: [JobID: (worker: WorkerID, tenant: String)] = [:]
  var runningByTenant: [String: Int] = [:]
  var freeSlots: [Int]
  var starts: [WorkerKind: Starts] = [:]
  var nextWorker: UInt64 = 1
  var isDraining = false
  var lastInput: UInt64 = 0

  /// An empty pool; `tick` starts its warm workers.
  package init(_ limits: PoolLimits) {
    self.limits = limits
    freeSlots = Array((0..<max(1, limits.workersMax)).reversed())
  }

  // MARK: Inputs

  /// A job wants to run. The last action about it is its refusal or its assignment, now or later.
  package mutating func submit(_ id: JobID, _ session: SessionKey, _ kind: WorkerKind, now: UInt64) -> [PoolAction] {
    guard !isDraining else { return [.refuse(id, .draining)] }
    guard queue.count < limits.queuedMax,
      queue.count(where: { $0.session.tenant == session.tenant }) < limits.queuedPerTenantMax
    else { return [.refuse(id, .queueFull)] }
    queue.append(Waiting(id: id, session: session, kind: kind, expiresAt: now &+ limits.queueWait))
    return advance(now)
  }

  /// A worker is ready for its first job.
  package mutating func workerReady(_ id: WorkerID, now: UInt64) -> [PoolAction] {
    guard let worker = workers[id], worker.state == .starting else { return [] }
    starts[worker.kind] = nil
    workers[id]?.state = .warm
    return advance(now)
  }

  /// A job has ended. Its worker stays for the session when `keepsWorker`, and is discarded otherwise.
  package mutating func jobEnded(_ id: JobID, keepsWorker: Bool, now: UInt64) -> [PoolAction] {
    guard let place = running.removeValue(forKey: id) else { return [] }
    let count = (runningByTenant[place.tenant] ?? 1) - 1
    runningByTenant[place.tenant] = count > 0 ? count : nil
    var actions: [PoolAction] = []
    if var worker = workers[place.worker], worker.state == .busy(id) {
      let isWornOut =
        worker.kind.isSingleUse || worker.jobs >= limits.jobsPerWorkerMax || now &- worker.boundAt >= limits.workerAge
      if keepsWorker, !isWornOut, !isDraining {
        worker.state = .idle(since: now)
        workers[place.worker] = worker
      } else {
        actions.append(discard(place.worker))
      }
    }
    return actions + advance(now)
  }

  /// A worker's process has ended by itself: nothing is given to it any more, until `workerEnded` frees its slot.
  package mutating func workerDied(_ id: WorkerID) {
    guard let worker = workers[id], worker.state != .starting else { return }
    workers[id]?.state = .ending
  }

  /// A worker's process is reaped and its slot is clean, whether that was asked for or not.
  package mutating func workerEnded(_ id: WorkerID, now: UInt64) -> [PoolAction] {
    guard let worker = workers.removeValue(forKey: id) else { return [] }
    freeSlots.append(worker.slot)
    if worker.state == .starting {
      var record = starts[worker.kind] ?? Starts()
      record.failures = min(record.failures + 1, 32)
      let pause = limits.startPause &<< UInt64(min(record.failures - 1, 10))
      record.notBefore = now &+ min(pause, limits.startPauseMax)
      starts[worker.kind] = record
    }
    return advance(now)
  }

  /// A slot could not be cleaned: it is not used again.
  package mutating func slotLost(_ id: WorkerID, now: UInt64) -> [PoolAction] {
    workers[id] = nil
    return advance(now)
  }

  /// The caller wants no answer any more. `true` when the job still waited: it will not run.
  package mutating func cancel(_ id: JobID) -> Bool {
    guard let index = queue.firstIndex(where: { $0.id == id }) else { return false }
    queue.remove(at: index)
    return true
  }

  /// A session has ended: its workers go, unless a job still runs there.
  package mutating func endSession(_ session: SessionKey, now: UInt64) -> [PoolAction] {
    let idle = workers.filter { $0.value.session == session && $0.value.isIdle }.keys
    let actions = idle.map { discard($0) }
    return actions + advance(now)
  }

  /// Time has passed; also the first input.
  package mutating func tick(now: UInt64) -> [PoolAction] { advance(now) }

  /// Takes no more jobs: those that wait are refused, those that run go on.
  package mutating func drain(now: UInt64) -> [PoolAction] {
    isDraining = true
    let refused = queue.map { PoolAction.refuse($0.id, .draining) }
    queue = []
    return refused + advance(now)
  }

  // MARK: Outputs

  /// When `tick` is due without another input.
  package var nextDeadline: UInt64? {
    var times = queue.map(\.expiresAt)
    for worker in workers.values { if let time = expiry(of: worker) { times.append(time) } }
    if wantsStart { times += starts.values.map(\.notBefore).filter { $0 > lastInput } }
    return times.min()
  }

  /// Jobs that wait.
  package var queuedCount: Int { queue.count }
  /// Jobs that run.
  package var runningCount: Int { running.count }
  /// Worker processes of any state.
  package var workerCount: Int { workers.count }
  /// Workers that wait for a session.
  package func warmCount(_ kind: WorkerKind) -> Int { workers.values.count { $0.kind == kind && $0.state == .warm } }
  /// Whether nothing runs and no process is left.
  package var isEmpty: Bool { workers.isEmpty && queue.isEmpty && running.isEmpty }
}
