internal import Process
internal import Reactor
internal import SandboxProtocol
internal import Telemetry

/// Jobs: what their state machines want.
extension SandboxSupervisor {
  /// Of a worker that is not there any more.
  private static let noWorker = ProcessEnd(status: 1)

  func assign(_ id: JobID, _ worker: WorkerID, isContinued: Bool) {
    guard let record = jobs[id] else { return }
    guard let place = workers[worker] else {
      _ = record.machine.assigned(worker)
      return perform(record.machine.workerEnded(SandboxSupervisor.noWorker), of: record)
    }
    record.isContinued = isContinued
    record.worker = worker
    record.layers = place.layers
    if record.assignedAt == nil { record.assignedAt = now }
    place.job = id
    perform(record.machine.assigned(worker), of: record)
  }

  func refuse(_ id: JobID, _ refusal: JobRefusal) {
    guard let record = jobs.removeValue(forKey: id) else { return }
    metrics.refusals.with(refusal.rawValue).add()
    var result = SandboxResult(ending: .refused(refusal), report: .empty)
    result.queueMicroseconds = microseconds(from: record.submittedAt)
    answer(record, result)
  }

  func reported(_ report: RunReport, from worker: Worker) throws {
    guard let record = worker.job.flatMap({ jobs[$0] }), report.id == wireID(record) else {
      throw SandboxFault("a report of another job")
    }
    record.scratchEntries = report.metering.scratchFiles
    if report.metering.scratchFiles > 0 { worker.hasFiles = true }
    guard worker.kind == .nativePython else { return perform(record.machine.reported(report), of: record) }
    // The guest's own word: what can be measured is measured.
    var measured = report
    measured.metering.fuel = 0
    measured.metering.wallMicroseconds = microseconds(from: record.assignedAt ?? now)
    measured.metering.cpuMicroseconds = Int64(clamping: worker.connection?.child.processorMicroseconds ?? 0)
    perform(record.machine.reported(measured), of: record)
  }

  func compiled(_ report: CompileReport, from worker: Worker) throws {
    guard let record = worker.job.flatMap({ jobs[$0] }), report.id == wireID(record) else {
      throw SandboxFault("a report of another job")
    }
    record.compiled = report
    var run = RunReport(id: report.id, outcome: report.rejection == nil ? .ok : .compileRejected)
    run.metering.cpuMicroseconds = report.cpuMicroseconds
    perform(record.machine.reported(run), of: record)
  }

  private func wireID(_ record: Record) -> String { "\(record.id.number)-\(record.machine.attempts)" }

  func perform(_ actions: [JobStateMachine.Action], of record: Record) {
    for action in actions {
      switch action {
      case .withdraw: if pool.cancel(record.id) { perform(record.machine.dequeued(), of: record) }
      case .stage(let worker): stage(record, worker)
      case .send(let worker, let killAt): send(record, worker, killAt: killAt)
      case .kill(let worker, let cause):
        metrics.kills.with(cause.rawValue).add()
        workers[worker]?.connection?.kill()
      case .harvest(let worker): harvest(record, worker)
      case .release(let keepsWorker): release(record, keepsWorker: keepsWorker)
      case .resubmit:
        metrics.retries.add()
        perform(pool.submit(record.id, record.job.session, record.job.kind, now: now))
      case .finish(let verdict): finish(record, verdict)
      }
    }
  }

  private func stage(_ record: Record, _ id: WorkerID) {
    guard let worker = workers[id], let scratch = worker.scratch else {
      return perform(record.machine.workerEnded(SandboxSupervisor.noWorker), of: record)
    }
    // Only in a session files stay from one job to the next.
    let isCleared = record.isContinued && worker.hasFiles && !record.job.request.isSession
    let inputs = record.job.files
    guard isCleared || !inputs.isEmpty else {
      return perform(record.machine.staged(isComplete: true, now: now), of: record)
    }
    let user = configuration.user(of: worker.slot)
    let attempt = record.machine.attempts
    inFolder(of: worker) {
      if isCleared, !scratch.clear() { return false }
      try scratch.put(inputs, owner: user)
      return true
    } then: { [self] (staged: Bool?) in
      let isComplete = staged ?? false
      guard record.machine.attempts == attempt else { return }
      // What was copied in is nothing that the job has written.
      if isCleared { worker.known = [:] }
      worker.hasFiles = !inputs.isEmpty || !isCleared
      for file in inputs { worker.known[file.name] = file.digest }
      perform(record.machine.staged(isComplete: isComplete, now: now), of: record)
    }
  }

  private func send(_ record: Record, _ id: WorkerID, killAt: UInt64) {
    guard let worker = workers[id], let connection = worker.connection else {
      return perform(record.machine.workerEnded(SandboxSupervisor.noWorker), of: record)
    }
    var request = record.job.request
    request.id = wireID(record)
    let frame =
      worker.kind == .compiler
      ? CompileRequest(id: request.id, module: request.source).frame : request.frame
    guard let bytes = try? frame.encoded() else {
      return perform(record.machine.protocolFault(), of: record)
    }
    record.deadline = loop.schedule(at: killAt) { [weak self, weak record] in
      guard let self, let record else { return }
      perform(record.machine.deadlinePassed(), of: record)
    }
    if [.python, .javascript, .wasm].contains(worker.kind) {
      let early = configuration.graceMilliseconds - configuration.blockedMilliseconds
      if early > 0 { lookForBlock(record, id, at: killAt &- UInt64(early) &* 1_000_000, wasAsleep: false) }
    }
    watchQuota(record, worker)
    connection.send(bytes)
  }

  /// Looks behind the time of a run whether its worker only sleeps, until the job is over. Two looks, one after the
  /// other, must say so, with a turn of the loop between them: a report that is on its way is taken first. A
  /// thread that runs at one look (the clock of the engine wakes every 5 ms) says nothing about the next.
  private func lookForBlock(_ record: Record, _ id: WorkerID, at moment: UInt64, wasAsleep: Bool) {
    record.look = loop.schedule(at: moment) { [weak self, weak record] in
      guard let self, let record, record.worker == id, let child = workers[id]?.connection?.child else { return }
      let isAsleep = WorkerThreads.areAsleep(of: child.processID)
      if isAsleep, wasAsleep {
        perform(record.machine.deadlinePassed(), of: record)
      } else {
        lookForBlock(record, id, at: loop.now &+ 1_000_000, wasAsleep: isAsleep)
      }
    }
  }

  /// What a look at a running job finds.
  private enum Excess: Sendable { case files, threads }

  /// Looks at folder and threads now and then: many small files are no single large write that a limit could stop, and
  /// the kernel's limit of threads holds only where a worker has a user of its own.
  private func watchQuota(_ record: Record, _ worker: Worker) {
    guard let scratch = worker.scratch, let process = worker.connection?.child, worker.kind != .compiler else { return }
    let threadsMax = configuration.threadsMax
    // The engine counts the files of its guests that have lost their names; without it they are looked for.
    let filesMax = worker.kind == .nativePython ? configuration.scratch.bytesMax : nil
    record.quota = loop.schedule(after: .milliseconds(configuration.quotaMilliseconds)) {
      [weak self, weak record, weak worker] in
      guard let self, let record, let worker, worker.job == record.id else { return }
      let attempt = record.machine.attempts
      inFolder(of: worker) { () -> Excess? in
        if process.threads > threadsMax { return .threads }
        if scratch.isOverQuota() { return .files }
        guard let filesMax else { return nil }
        return NamelessFiles(of: ["\(process.processID)"]).exceed(filesMax) ? .files : nil
      } then: { [self] (excess: Excess??) in
        guard worker.job == record.id, record.machine.attempts == attempt, record.quota != nil else { return }
        switch excess ?? nil {
        case .files: perform(record.machine.quotaExceeded(), of: record)
        case .threads: perform(record.machine.threadsExceeded(), of: record)
        case nil: watchQuota(record, worker)
        }
      }
    }
  }

  private func clearTimers(_ record: Record) {
    if let deadline = record.deadline { loop.cancel(deadline) }
    if let quota = record.quota { loop.cancel(quota) }
    if let look = record.look { loop.cancel(look) }
    record.deadline = nil
    record.quota = nil
    record.look = nil
  }

  private func harvest(_ record: Record, _ id: WorkerID) {
    clearTimers(record)
    guard let worker = workers[id], let scratch = worker.scratch, worker.kind != .compiler else {
      return perform(record.machine.harvested(keepsWorker: false), of: record)
    }
    // The engine counts what is there. A worker that lies hides its own files only.
    if record.scratchEntries == 0, worker.kind != .nativePython {
      worker.known = [:]
      worker.hasFiles = false
      return perform(record.machine.harvested(keepsWorker: true), of: record)
    }
    let known = worker.known
    inFolder(of: worker) {
      try scratch.harvest(known: known)
    } then: { [self] (harvest: ScratchFolder.Harvest?) in
      if let harvest {
        worker.known = harvest.known
        record.harvest = harvest
      } else {
        // Said, so that nobody takes it for a program without files.
        record.harvest.skipped = [SkippedFile(name: ".", reason: .unreadable)]
      }
      let limits = configuration.scratch
      let isFit = harvest.map { $0.bytes <= limits.bytesMax && $0.entries < limits.entriesMax } ?? false
      perform(record.machine.harvested(keepsWorker: isFit), of: record)
    }
  }

  private func release(_ record: Record, keepsWorker: Bool) {
    clearTimers(record)
    if let id = record.worker { workers[id]?.job = nil }
    record.worker = nil
    perform(pool.jobEnded(record.id, keepsWorker: keepsWorker, now: now))
  }

  private func finish(_ record: Record, _ verdict: JobStateMachine.Verdict) {
    clearTimers(record)
    guard jobs.removeValue(forKey: record.id) != nil else { return }
    var result = SandboxResult(ending: .ran(verdict.outcome), report: verdict.report ?? .empty)
    result.report.outcome = verdict.outcome
    result.cause = verdict.cause
    result.files = record.harvest.files
    result.skipped = record.harvest.skipped
    result.isContinued = record.isContinued
    result.layers = record.layers
    let assigned = record.assignedAt ?? now
    result.queueMicroseconds = Int64(clamping: (assigned &- record.submittedAt) / 1000)
    if let end = verdict.end, verdict.report == nil {
      // Nobody has reported: what the process has used in its life is an upper bound of what the run has used.
      result.report.metering.cpuMicroseconds = Int64(clamping: end.userMicroseconds &+ end.systemMicroseconds)
      result.report.metering.peakMemoryBytes = Int64(clamping: end.residentBytesMax)
    }
    if result.report.metering.wallMicroseconds == 0 {
      result.report.metering.wallMicroseconds = microseconds(from: assigned)
    }
    metrics.observe(result, record.job.kind, trace: record.trace)
    answer(record, result)
  }

  private func answer(_ record: Record, _ result: SandboxResult) {
    let answer = record.answer
    record.answer = nil
    answer?(result, record.compiled)
  }

  private func microseconds(from start: UInt64) -> Int64 { Int64(clamping: (now &- start) / 1000) }
}
