import Process
import SandboxProtocol
import Testing

@testable import AgentSandbox

@Suite struct JobStateMachineTests {
  private let worker = WorkerID(number: 1)
  private let ms: UInt64 = 1_000_000

  private func running() -> JobStateMachine {
    var job = JobStateMachine(wallMilliseconds: 1000, graceMilliseconds: 100)
    _ = job.assigned(worker)
    _ = job.staged(isComplete: true, now: 0)
    return job
  }

  private func report(_ outcome: RunOutcome) -> RunReport { RunReport(id: "1", outcome: outcome) }

  @Test func `a job is staged, sent with the time of its kill, harvested and answered`() {
    var job = JobStateMachine(wallMilliseconds: 1000, graceMilliseconds: 100)
    #expect(job.assigned(worker) == [.stage(worker)])
    #expect(job.staged(isComplete: true, now: 5) == [.send(worker, killAt: 1100 * ms + 5)])
    #expect(job.reported(report(.ok)) == [.harvest(worker)])
    #expect(
      job.harvested(keepsWorker: true) == [
        .release(keepsWorker: true), .finish(.init(outcome: .ok, report: report(.ok))),
      ])
    // Nothing that comes late does anything.
    #expect(job.deadlinePassed().isEmpty)
    #expect(job.workerEnded(ProcessEnd(status: 0)).isEmpty)
    #expect(job.reported(report(.ok)).isEmpty)
    #expect(job.cancel().isEmpty)
  }

  @Test(arguments: [RunOutcome.timeoutWall, .timeoutCPU, .memory, .stack, .disk, .trap, .denied, .compileRejected])
  func `after a trap or a limit the worker goes and nothing is harvested`(outcome: RunOutcome) {
    var job = running()
    #expect(
      job.reported(report(outcome)) == [
        .release(keepsWorker: false), .finish(.init(outcome: outcome, report: report(outcome))),
      ])
  }

  @Test func `a truncated output is answered with its files, but its worker goes`() {
    var job = running()
    #expect(job.reported(report(.outputTruncated)) == [.harvest(worker)])
    #expect(job.harvested(keepsWorker: true).first == .release(keepsWorker: false))
  }

  @Test(
    arguments: [
      (JobStateMachine.KillCause.deadline, RunOutcome.timeoutWall), (.cancelled, .cancelled), (.quota, .disk),
      (.threads, .denied),
    ]) func `a kill is answered once the worker is gone`(cause: JobStateMachine.KillCause, outcome: RunOutcome)
  {
    var job = running()
    let actions: [JobStateMachine.Action] =
      switch cause {
      case .deadline: job.deadlinePassed()
      case .cancelled: job.cancel()
      case .quota: job.quotaExceeded()
      case .threads: job.threadsExceeded()
      case .protocolFault: job.protocolFault()
      }
    #expect(actions == [.kill(worker, cause)])
    // What comes from the dying worker, and other reasons, change nothing.
    #expect(job.reported(report(.ok)).isEmpty)
    #expect(job.deadlinePassed().isEmpty)
    #expect(job.cancel().isEmpty)
    let end = ProcessEnd(status: 137, signal: 9)
    #expect(
      job.workerEnded(end) == [
        .release(keepsWorker: false), .finish(.init(outcome: outcome, cause: cause, end: end)),
      ])
  }

  @Test(arguments: [6, 11, 7, 4, nil] as [Int32?]) func `a crash is repeated once, then it is the sandbox's fault`(
    signal: Int32?
  ) {
    var job = running()
    let end = ProcessEnd(status: 1, signal: signal)
    #expect(job.workerEnded(end) == [.release(keepsWorker: false), .resubmit])
    let second = WorkerID(number: 2)
    #expect(job.assigned(second) == [.stage(second)])
    _ = job.staged(isComplete: true, now: 0)
    #expect(
      job.workerEnded(end) == [.release(keepsWorker: false), .finish(.init(outcome: .sandboxError, end: end))])
  }

  @Test func `a reported fault of the sandbox is repeated once too`() {
    var job = running()
    #expect(job.reported(report(.sandboxError)) == [.release(keepsWorker: false), .resubmit])
    _ = job.assigned(worker)
    _ = job.staged(isComplete: true, now: 0)
    #expect(
      job.reported(report(.sandboxError)).last == .finish(.init(outcome: .sandboxError, report: report(.sandboxError))))
  }

  @Test(arguments: [(9, RunOutcome.memory), (24, .timeoutCPU), (25, .disk), (31, .denied)] as [(Int32, RunOutcome)])
  func `what the kernel kills for is not repeated`(signal: Int32, outcome: RunOutcome) {
    var job = running()
    let end = ProcessEnd(status: 128 + signal, signal: signal)
    #expect(job.workerEnded(end) == [.release(keepsWorker: false), .finish(.init(outcome: outcome, end: end))])
  }

  @Test func `a job can be cancelled before it runs`() {
    var waiting = JobStateMachine(wallMilliseconds: 1, graceMilliseconds: 1)
    #expect(waiting.cancel() == [.withdraw])
    #expect(waiting.dequeued() == [.finish(.init(outcome: .cancelled, cause: .cancelled))])
    #expect(waiting.assigned(worker).isEmpty)

    var staging = JobStateMachine(wallMilliseconds: 1, graceMilliseconds: 1)
    _ = staging.assigned(worker)
    #expect(staging.cancel().isEmpty)
    #expect(
      staging.staged(isComplete: true, now: 0) == [
        .release(keepsWorker: false), .finish(.init(outcome: .cancelled, cause: .cancelled)),
      ])
  }

  @Test func `files that cannot be copied in are a fault of the sandbox`() {
    var job = JobStateMachine(wallMilliseconds: 1, graceMilliseconds: 1)
    _ = job.assigned(worker)
    #expect(job.staged(isComplete: false, now: 0).last == .finish(.init(outcome: .sandboxError)))
  }

  @Test func `a worker that breaks the protocol is replaced once`() {
    var job = running()
    let end = ProcessEnd(status: 137, signal: 9)
    #expect(job.protocolFault() == [.kill(worker, .protocolFault)])
    #expect(job.workerEnded(end) == [.release(keepsWorker: false), .resubmit])
    _ = job.assigned(worker)
    _ = job.staged(isComplete: true, now: 0)
    _ = job.protocolFault()
    #expect(job.workerEnded(end).last == .finish(.init(outcome: .sandboxError, cause: .protocolFault, end: end)))
  }

  @Test func `a worker that ends before it has the job is replaced, whatever has ended it`() {
    var job = JobStateMachine(wallMilliseconds: 1, graceMilliseconds: 1)
    let end = ProcessEnd(status: 137, signal: 9)
    _ = job.assigned(worker)
    #expect(job.workerEnded(end) == [.release(keepsWorker: false), .resubmit])
    _ = job.assigned(worker)
    #expect(job.workerEnded(end).last == .finish(.init(outcome: .sandboxError, end: end)))
  }

  /// Limits of any size neither trap nor end a job before its time.
  @Test(arguments: [0, 1, 10_000, Int64.max, Int64.min]) func `times of any size`(wall: Int64) {
    var job = JobStateMachine(wallMilliseconds: wall, graceMilliseconds: wall)
    _ = job.assigned(worker)
    guard case .send(_, let killAt)? = job.staged(isComplete: true, now: 7).first else {
      Issue.record("nothing was sent"); return
    }
    #expect(killAt >= 7)
  }
}
