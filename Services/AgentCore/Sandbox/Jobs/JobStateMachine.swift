package import Process
package import SandboxProtocol

/// One job from its submission to its answer. A pure state machine; times are nanoseconds of a monotonic clock.
package struct JobStateMachine: Sendable {
  /// Why its worker was killed while the job ran.
  package enum KillCause: String, Sendable, Hashable, CaseIterable {
    /// The guest was not over in its time; the worker did not end it itself.
    case deadline
    /// Nobody wants the answer any more.
    case cancelled
    /// The scratch folder is over its quota.
    case quota
    /// The worker has more threads than it may have.
    case threads
    /// The worker has sent what it must not.
    case protocolFault = "protocol"
  }

  /// How it has ended.
  package struct Verdict: Sendable, Hashable {
    /// The word for it.
    package var outcome: RunOutcome
    /// What the worker has reported, when it did.
    package var report: RunReport?
    /// Why the worker was killed.
    package var cause: KillCause?
    /// How the worker has ended, when it has.
    package var end: ProcessEnd?
  }

  enum State: Sendable, Hashable {
    /// The pool has not given it a worker.
    case waiting
    /// Its files are copied in.
    case staging(WorkerID, isCancelled: Bool)
    /// The worker has it.
    case running(WorkerID)
    /// The worker is killed; its end is waited for.
    case killing(WorkerID, KillCause)
    /// The files that it has left are read.
    case harvesting(WorkerID, RunReport)
    /// It is answered.
    case finished
  }

  /// What the shell of a job has to do.
  package enum Action: Sendable, Hashable {
    /// Take the job out of the pool's queue; answer `dequeued`.
    case withdraw
    /// Copy its files into the worker's scratch folder; answer `staged`.
    case stage(WorkerID)
    /// Send the request, and call `deadlinePassed` at this time.
    case send(WorkerID, killAt: UInt64)
    /// Kill the worker; its end is reported by `workerEnded`.
    case kill(WorkerID, KillCause)
    /// Read the files that it has left; answer `harvested`.
    case harvest(WorkerID)
    /// Give the worker back to the pool.
    case release(keepsWorker: Bool)
    /// Submit the job again: its worker has died of a fault of its own.
    case resubmit
    /// Answer.
    case finish(Verdict)
  }

  /// Attempts of a job whose worker dies.
  static let attemptsMax = 2

  let wall: UInt64
  let grace: UInt64
  private(set) var state = State.waiting
  private(set) var attempts = 0

  /// A job that may run for `wallMilliseconds`; `graceMilliseconds` later its worker is killed.
  package init(wallMilliseconds: Int64, graceMilliseconds: Int64) {
    wall = UInt64(clamping: min(wallMilliseconds, 86_400_000)) &* 1_000_000
    grace = UInt64(clamping: min(graceMilliseconds, 86_400_000)) &* 1_000_000
  }

  // MARK: Inputs

  /// The pool has given it a worker.
  package mutating func assigned(_ worker: WorkerID) -> [Action] {
    guard state == .waiting else { return [] }
    attempts += 1
    state = .staging(worker, isCancelled: false)
    return [.stage(worker)]
  }

  /// Its files are there, or not (a fault of the sandbox).
  package mutating func staged(isComplete: Bool, now: UInt64) -> [Action] {
    guard case .staging(let worker, let isCancelled) = state else { return [] }
    if isCancelled || !isComplete {
      state = .finished
      return [
        .release(keepsWorker: false),
        .finish(Verdict(outcome: isCancelled ? .cancelled : .sandboxError, cause: isCancelled ? .cancelled : nil)),
      ]
    }
    state = .running(worker)
    return [.send(worker, killAt: now &+ wall &+ grace)]
  }

  /// The worker has reported the end of the run.
  package mutating func reported(_ report: RunReport) -> [Action] {
    guard case .running(let worker) = state else { return [] }
    switch report.outcome {
    case .ok, .exitNonzero, .outputTruncated:
      state = .harvesting(worker, report)
      return [.harvest(worker)]
    case .sandboxError where attempts < JobStateMachine.attemptsMax:
      state = .waiting
      return [.release(keepsWorker: false), .resubmit]
    default:
      state = .finished
      return [.release(keepsWorker: false), .finish(Verdict(outcome: report.outcome, report: report))]
    }
  }

  /// The files are read; `keepsWorker` is false when the folder is no longer fit for another job.
  package mutating func harvested(keepsWorker: Bool) -> [Action] {
    guard case .harvesting(_, let report) = state else { return [] }
    state = .finished
    return [
      .release(keepsWorker: keepsWorker && report.outcome.keepsWorker),
      .finish(Verdict(outcome: report.outcome, report: report)),
    ]
  }

  /// The time is over.
  package mutating func deadlinePassed() -> [Action] { kill(.deadline) }

  /// The scratch folder is over its quota.
  package mutating func quotaExceeded() -> [Action] { kill(.quota) }

  /// The worker has too many threads.
  package mutating func threadsExceeded() -> [Action] { kill(.threads) }

  /// The worker has sent what it must not.
  package mutating func protocolFault() -> [Action] { kill(.protocolFault) }

  /// Nobody wants the answer any more.
  package mutating func cancel() -> [Action] {
    switch state {
    case .waiting: return [.withdraw]
    case .staging(let worker, _):
      state = .staging(worker, isCancelled: true)
      return []
    default: return kill(.cancelled)
    }
  }

  /// The pool has taken it out of its queue.
  package mutating func dequeued() -> [Action] {
    guard state == .waiting else { return [] }
    state = .finished
    return [.finish(Verdict(outcome: .cancelled, cause: .cancelled))]
  }

  private mutating func kill(_ cause: KillCause) -> [Action] {
    guard case .running(let worker) = state else { return [] }
    state = .killing(worker, cause)
    return [.kill(worker, cause)]
  }

  /// The worker is gone.
  package mutating func workerEnded(_ end: ProcessEnd) -> [Action] {
    switch state {
    case .running, .staging(_, isCancelled: false):
      // Whatever has ended it before it got the job is none of the job's doing.
      let isJobs = if case .running = state { true } else { false }
      let outcome = isJobs ? JobStateMachine.outcome(of: end) : .sandboxError
      if outcome == .sandboxError, attempts < JobStateMachine.attemptsMax {
        state = .waiting
        return [.release(keepsWorker: false), .resubmit]
      }
      state = .finished
      return [.release(keepsWorker: false), .finish(Verdict(outcome: outcome, end: end))]
    case .staging(_, isCancelled: true):
      state = .finished
      return [.release(keepsWorker: false), .finish(Verdict(outcome: .cancelled, cause: .cancelled, end: end))]
    case .killing(_, .protocolFault) where attempts < JobStateMachine.attemptsMax:
      // It may be what an earlier job of the session has left behind.
      state = .waiting
      return [.release(keepsWorker: false), .resubmit]
    case .killing(_, let cause):
      state = .finished
      let outcome: RunOutcome =
        switch cause {
        case .deadline: .timeoutWall
        case .cancelled: .cancelled
        case .quota: .disk
        case .threads: .denied
        case .protocolFault: .sandboxError
        }
      return [.release(keepsWorker: false), .finish(Verdict(outcome: outcome, cause: cause, end: end))]
    case .waiting, .harvesting, .finished: return []
    }
  }

  /// The word for the end of a worker that nobody has killed. Only what a guest can bring about by using too much, or
  /// by a forbidden system call, is the guest's; a crash is the sandbox's.
  static func outcome(of end: ProcessEnd) -> RunOutcome {
    switch end.signal {
    case 9: .memory
    case 24: .timeoutCPU
    case 25: .disk
    case 31: .denied
    default: .sandboxError
    }
  }
}
