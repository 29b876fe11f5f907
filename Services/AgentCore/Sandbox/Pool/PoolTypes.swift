/// What a worker process is made for. A worker never changes its kind.
package enum WorkerKind: String, Sendable, Hashable, CaseIterable {
  /// CPython inside the Wasm engine.
  case python
  /// QuickJS inside the Wasm engine.
  case javascript
  /// A module of a user inside the Wasm engine.
  case wasm
  /// Compiles a module of a user and ends.
  case compiler
  /// The system's python3 in the jail; one process per job.
  case nativePython = "native_python"

  /// Whether a worker of this kind serves one job only.
  var isSingleUse: Bool { self == .compiler || self == .nativePython }
}

/// The owner of a session: a worker serves one of them in its life, never two.
package struct SessionKey: Sendable, Hashable {
  /// The tenant whose code it is.
  package let tenant: String
  /// The run, or what else keeps state together.
  package let scope: String

  /// Makes a key.
  package init(tenant: String, scope: String) {
    self.tenant = tenant
    self.scope = scope
  }
}

/// One submitted job.
package struct JobID: Sendable, Hashable { package let number: UInt64 }

/// One worker process; never reused.
package struct WorkerID: Sendable, Hashable { package let number: UInt64 }

/// Why a job was not run.
package enum JobRefusal: String, Sendable, Hashable, CaseIterable {
  /// The queue, or the tenant's part of it, is full.
  case queueFull = "queue_full"
  /// It has waited as long as it may.
  case waitedTooLong = "waited_too_long"
  /// Workers of this kind do not start.
  case cannotStart = "cannot_start"
  /// The service is about to end.
  case draining
}

/// The bounds of a pool. Times are nanoseconds.
package struct PoolLimits: Sendable, Hashable {
  /// Jobs that run at the same time: one per core.
  package var runningMax = 2
  /// Jobs of one tenant that run at the same time.
  package var runningPerTenantMax = 2
  /// Worker processes, idle and starting ones included; also the number of slots (user ids, scratch folders).
  package var workersMax = 16
  /// Workers that are kept ready for sessions to come, by kind.
  package var warm: [WorkerKind: Int] = [:]
  /// Jobs that wait.
  package var queuedMax = 64
  /// Jobs of one tenant that wait.
  package var queuedPerTenantMax = 32
  /// The time that a job may wait.
  package var queueWait: UInt64 = 10_000_000_000
  /// Jobs of one session on one worker.
  package var jobsPerWorkerMax = 50
  /// The life of a worker from its first job on.
  package var workerAge: UInt64 = 600_000_000_000
  /// The time that a session's worker waits for its next job.
  package var sessionIdle: UInt64 = 120_000_000_000
  /// The pause after a worker has failed to start; it doubles each time.
  package var startPause: UInt64 = 100_000_000
  /// The longest such pause.
  package var startPauseMax: UInt64 = 10_000_000_000
  /// Failed starts in a row after which waiting jobs are refused.
  package var startFailuresMax = 3

  /// The defaults.
  package init() {}
}

/// What the shell of a pool has to do.
package enum PoolAction: Sendable, Hashable {
  /// Start a worker in a slot that is free.
  case start(WorkerID, slot: Int, WorkerKind)
  /// Run a job on a worker; `isContinued` when the session has used the worker before.
  case assign(JobID, WorkerID, isContinued: Bool)
  /// Report that a job will not run.
  case refuse(JobID, JobRefusal)
  /// Kill a worker, reap it, delete its scratch folder, and report `workerEnded`.
  case discard(WorkerID)
}
