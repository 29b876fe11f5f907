internal import Glibc
internal import Primitives
internal import Process
internal import Reactor
internal import SandboxProtocol
internal import Synchronization
internal import SystemSources
package import Telemetry

/// Runs code of tenants in worker processes: the shell around `SandboxPool` and `JobStateMachine`.
///
/// It has an event loop of its own, so that nothing else delays a kill. What blocks (starting processes, files) runs on
/// a few threads.
///
/// `@unchecked Sendable`: everything mutable is touched on its loop only, but `publicState`, which has a lock.
package final class SandboxSupervisor: @unchecked Sendable {
  /// A job with what belongs to it.
  ///
  /// `@unchecked Sendable`: touched on the supervisor's loop only.
  final class Record: @unchecked Sendable {
    let job: SandboxJob
    let id: JobID
    var machine: JobStateMachine
    let submittedAt: UInt64
    var assignedAt: UInt64?
    var isContinued = false
    var layers: SandboxLayers?
    var worker: WorkerID?
    var deadline: Timer?
    var look: Timer?
    var quota: Timer?
    var scratchEntries: Int64 = 0
    var harvest = ScratchFolder.Harvest()
    var compiled: CompileReport?
    let trace: TraceContext?
    var answer: ((SandboxResult, CompileReport?) -> Void)?

    init(_ job: SandboxJob, id: JobID, machine: JobStateMachine, now: UInt64, trace: TraceContext?) {
      self.job = job
      self.id = id
      self.machine = machine
      submittedAt = now
      self.trace = trace
    }
  }

  /// A worker with what belongs to it.
  ///
  /// `@unchecked Sendable`: touched on the supervisor's loop only.
  final class Worker: @unchecked Sendable {
    let id: WorkerID
    let slot: Int
    let kind: WorkerKind
    let startedAt: UInt64
    var connection: WorkerConnection?
    var scratch: ScratchFolder?
    var layers: SandboxLayers?
    var known: [String: [UInt8]] = [:]
    /// Whether something is in its scratch folder.
    var hasFiles = false
    var job: JobID?
    var isDiscarded = false
    var isReady = false
    /// It has sent what it must not, and is killed for that.
    var isBroken = false
    /// Its process is gone.
    var hasEnded = false
    /// Those that are at work in its scratch folder, which stays for as long.
    var folderUses = 0
    var deadline: Timer?

    init(_ id: WorkerID, slot: Int, kind: WorkerKind, now: UInt64) {
      self.id = id
      self.slot = slot
      self.kind = kind
      startedAt = now
    }
  }

  package let configuration: SandboxConfiguration
  let launcher: any WorkerLauncher
  let telemetry: Telemetry
  let metrics: SandboxMetrics
  let loop: EventLoop
  let files: BlockingPool
  var pool: SandboxPool
  var jobs: [JobID: Record] = [:]
  var workers: [WorkerID: Worker] = [:]
  var nextJob: UInt64 = 1
  var tickTimer: Timer?
  var endWaiters: [Promise<Void>] = []
  var lastRefusal: String?
  private let publicState: Mutex<SandboxState>

  /// A supervisor that starts nothing before `start`.
  package init(_ configuration: SandboxConfiguration, launcher: any WorkerLauncher, telemetry: Telemetry) {
    self.configuration = configuration
    self.launcher = launcher
    self.telemetry = telemetry
    metrics = SandboxMetrics(telemetry.registry)
    loop = EventLoop(name: "sandbox")
    files = BlockingPool(threadsMax: 4, queuedMax: 4 * max(16, configuration.pool.workersMax))
    pool = SandboxPool(configuration.pool)
    publicState = Mutex(.starting)
  }

  // MARK: State

  /// Whether jobs are taken.
  package var state: SandboxState { publicState.withLock { $0 } }

  func set(_ state: SandboxState) {
    publicState.withLock { $0 = state }
    metrics.serving.set(state == .serving ? 1 : 0)
  }

  /// Makes the folder of the scratch folders empty and starts the warm workers. Does not wait for them.
  package func start() async throws {
    let root = configuration.scratchRoot
    try await files.run { try SandboxSupervisor.prepare(root) }
    await onLoop { self.perform(self.pool.tick(now: self.now)) }
  }

  /// Removes what an earlier process has left.
  private static func prepare(_ root: String) throws {
    _ = FolderRemoval.remove(root)
    // The workers reach their own folder through it, and cannot list it.
    guard mkdir(root, 0o711) == 0 else { throw SandboxFault("the scratch root cannot be made", errno: errno) }
    _ = chmod(root, 0o711)
  }

  /// Serves from now on, or says why not.
  package func open(as state: SandboxState) { set(state) }

  // MARK: Jobs

  /// Runs a job. Never throws: what can go wrong is an ending. When the task is cancelled the worker is killed.
  package func run(_ job: SandboxJob, trace: TraceContext? = nil) async -> SandboxResult {
    guard state == .serving else { return SandboxResult(ending: .unavailable(state), report: .empty) }
    return await runUnchecked(job, trace: trace).result
  }

  /// The same with what a compiler has reported.
  func runAny(_ job: SandboxJob, trace: TraceContext?) async -> (SandboxResult, CompileReport?) {
    guard state == .serving else { return (SandboxResult(ending: .unavailable(state), report: .empty), nil) }
    return await runUnchecked(job, trace: trace)
  }

  /// The same without a look at the state: for the self-test.
  func runUnchecked(
    _ job: SandboxJob, trace: TraceContext? = nil
  ) async -> (result: SandboxResult, compiled: CompileReport?) {
    // The job once it is there, and whether it was cancelled before.
    let request = Mutex<(id: JobID?, isCancelled: Bool)>((nil, false))
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        loop.execute { [self] in
          let record = submit(job, trace: trace)
          record.answer = { continuation.resume(returning: ($0, $1)) }
          let isCancelled = request.withLock { request in
            request.id = record.id
            return request.isCancelled
          }
          perform(pool.submit(record.id, job.session, job.kind, now: now))
          if isCancelled { cancel(record.id) }
        }
      }
    } onCancel: {
      request.withLock { $0.isCancelled = true }
      loop.execute { [self] in if let id = request.withLock({ $0.id }) { cancel(id) } }
    }
  }

  private func submit(_ job: SandboxJob, trace: TraceContext?) -> Record {
    let id = JobID(number: nextJob)
    nextJob &+= 1
    let machine = JobStateMachine(
      wallMilliseconds: job.request.limits.wallMilliseconds, graceMilliseconds: configuration.graceMilliseconds)
    let record = Record(job, id: id, machine: machine, now: now, trace: trace)
    jobs[id] = record
    return record
  }

  private func cancel(_ id: JobID) {
    guard let record = jobs[id] else { return }
    perform(record.machine.cancel(), of: record)
  }

  /// Gives up the workers of a session: its run has ended.
  package func endSession(_ session: SessionKey) {
    loop.execute { [self] in perform(pool.endSession(session, now: now)) }
  }

  /// What there is at the moment.
  package func counts() async -> (running: Int, queued: Int, workers: Int) {
    await withCheckedContinuation { continuation in
      loop.execute { [self] in
        continuation.resume(returning: (pool.runningCount, pool.queuedCount, pool.workerCount))
      }
    }
  }

  /// Workers of a kind that wait for a session.
  package func warmCount(_ kind: WorkerKind) async -> Int {
    await withCheckedContinuation { continuation in
      loop.execute { [self] in continuation.resume(returning: pool.warmCount(kind)) }
    }
  }

  /// The processes of the workers.
  package func processIDs() async -> [Int32] {
    await withCheckedContinuation { continuation in
      loop.execute { [self] in
        continuation.resume(returning: workers.values.compactMap { $0.connection?.child.processID })
      }
    }
  }

  // MARK: The end

  /// Takes no more jobs, waits for those that run (their deadlines bound it), and for the end of all processes.
  package func stop() async {
    set(.ended)
    try? await loop.task { [self] in
      perform(pool.drain(now: now))
      guard !pool.isEmpty else { return }
      let promise = Promise<Void>(on: loop)
      endWaiters.append(promise)
      try await promise.value()
    }.value
    let root = configuration.scratchRoot
    // The loop goes on until the process ends: a job that comes late is answered, by a refusal.
    _ = try? await files.run { FolderRemoval.remove(root) }
  }

  // MARK: Pool

  var now: UInt64 { MonotonicClock.now() }

  private func onLoop(_ body: @escaping @Sendable () -> Void) async {
    try? await loop.task { body() }.value
  }

  /// Does what the pool wants, and sets the timer for its next look.
  func perform(_ actions: [PoolAction]) {
    for action in actions {
      switch action {
      case .start(let id, let slot, let kind): startWorker(id, slot: slot, kind)
      case .discard(let id): discard(id)
      case .refuse(let id, let refusal): refuse(id, refusal)
      case .assign(let id, let worker, let isContinued): assign(id, worker, isContinued: isContinued)
      }
    }
    metrics.update(pool)
    if let tickTimer { loop.cancel(tickTimer) }
    tickTimer = pool.nextDeadline.map { deadline in
      loop.schedule(at: deadline) { [weak self] in
        guard let self else { return }
        perform(pool.tick(now: now))
      }
    }
    if pool.isEmpty, !endWaiters.isEmpty {
      for waiter in endWaiters { waiter.succeed(()) }
      endWaiters = []
    }
  }
}

extension RunReport {
  /// Of a run that has reported nothing.
  static var empty: RunReport { RunReport(id: "", outcome: .sandboxError) }
}
