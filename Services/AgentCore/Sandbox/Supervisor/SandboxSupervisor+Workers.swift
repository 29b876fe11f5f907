internal import Glibc
internal import Process
internal import Reactor
internal import SandboxProtocol
internal import Telemetry

/// Worker processes: start, frames, end.
extension SandboxSupervisor {
  /// A started process with its channel and folder.
  private struct Started: Sendable {
    let child: ChildProcess
    let control: Int32
    let guest: Int32?
    let scratch: ScratchFolder
  }

  func startWorker(_ id: WorkerID, slot: Int, _ kind: WorkerKind) {
    let worker = Worker(id, slot: slot, kind: kind, now: now)
    workers[id] = worker
    let path = scratchPath(slot)
    let user = configuration.user(of: slot)
    let specification = launcher.specification(kind, slot: slot, scratch: path, user: user)
    let limits = configuration.scratch
    loop.task { [self] in
      let started: Result<Started, any Error>
      do {
        started = .success(
          try await files.run { try SandboxSupervisor.start(kind, specification, path, user, limits) })
      } catch { started = .failure(error) }
      didStart(id, started)
    }
  }

  func scratchPath(_ slot: Int) -> String { "\(configuration.scratchRoot)/\(slot)" }

  /// Blocks.
  private static func start(
    _ kind: WorkerKind, _ specification: ProcessSpecification, _ path: String, _ user: UInt32?, _ limits: ScratchLimits
  ) throws -> Started {
    guard FolderRemoval.remove(path) else { throw SandboxFault("a slot has a folder that cannot be deleted") }
    let scratch = try ScratchFolder.create(path, owner: user, limits: limits)
    var channels = [try ControlChannel.make()]
    defer { for channel in channels { close(channel.program) } }
    do {
      // A guest without an engine around it: its outputs are its channel, and the jail's is closed before it runs.
      if kind == .nativePython { channels.append(try ControlChannel.make()) }
      var specification = specification
      specification.control = channels[0].program
      specification.output = channels.count > 1 ? channels[1].program : nil
      specification.endsGroup = true
      specification.isKilledWithParent = true
      return Started(
        child: try ChildProcess.start(specification), control: channels[0].own,
        guest: channels.count > 1 ? channels[1].own : nil, scratch: scratch)
    } catch {
      for channel in channels { close(channel.own) }
      throw error
    }
  }

  private func didStart(_ id: WorkerID, _ outcome: Result<Started, any Error>) {
    guard let worker = workers[id] else { return }
    do {
      let started = try outcome.get()
      worker.scratch = started.scratch
      let bytesMax = worker.kind == .compiler ? configuration.compiledBytesMax : configuration.frameBytesMax
      worker.connection = try WorkerConnection(
        started.child, control: started.control, guest: started.guest, frameBytesMax: bytesMax, on: loop
      ) { [weak self] event in self?.heard(event, from: id) }
    } catch {
      metrics.workerFailures.with("start").add()
      telemetry.logger.error("a sandbox worker cannot be started", ["reason": .string("\(error)")])
      return cleanUp(worker)
    }
    if worker.isDiscarded {
      worker.connection?.kill()
      return
    }
    let deadline = worker.startedAt &+ UInt64(clamping: configuration.startMilliseconds) &* 1_000_000
    worker.deadline = loop.schedule(at: deadline) { [weak self, weak worker] in
      guard let self, let worker, !worker.isReady else { return }
      metrics.workerFailures.with("slow").add()
      worker.connection?.kill()
    }
  }

  func discard(_ id: WorkerID) {
    guard let worker = workers[id] else { return }
    worker.isDiscarded = true
    worker.connection?.kill()
  }

  private func heard(_ event: WorkerConnection.Event, from id: WorkerID) {
    guard let worker = workers[id] else { return }
    switch event {
    case .frame(let frame) where worker.kind == .nativePython && [.jailed, .refused].contains(frame.kind):
      breach(worker, "order")
    case .jailFrame(let frame) where ![.jailed, .refused].contains(frame.kind): breach(worker, "order")
    case .frame(let frame), .jailFrame(let frame): heard(frame, from: worker)
    case .fault: breach(worker, "frame")
    case .ended(let end): ended(worker, end)
    }
  }

  private func heard(_ frame: SandboxFrame, from worker: Worker) {
    do {
      switch frame.kind {
      case .jailed where !worker.isReady && worker.layers == nil:
        worker.layers = try SandboxLayers(frame)
      case .refused where !worker.isReady:
        let refusal = try JailRefusal(frame)
        lastRefusal = refusal.layer
        metrics.workerFailures.with("refused").add()
        telemetry.logger.error(
          "the jail refuses to start a sandbox worker",
          ["layer": .string(refusal.layer), "errno": .int(refusal.code)])
      case .ready where !worker.isReady && !worker.isDiscarded:
        _ = try WorkerReady(frame)
        guard worker.layers != nil || !configuration.requiresJail else { return breach(worker, "no jail") }
        worker.isReady = true
        if let deadline = worker.deadline { loop.cancel(deadline) }
        metrics.starts.with(worker.kind.rawValue).observe(nanoseconds: now &- worker.startedAt)
        if let layers = worker.layers { metrics.show(layers) }
        perform(pool.workerReady(worker.id, now: now))
      case .report where worker.job != nil:
        try reported(try RunReport(frame), from: worker)
      case .compiled where worker.job != nil && worker.kind == .compiler:
        try compiled(try CompileReport(frame), from: worker)
      default: if !worker.isDiscarded { breach(worker, "order") }
      }
    } catch { breach(worker, "message") }
  }

  /// The worker does not keep to the protocol: it is no longer trusted with anything.
  private func breach(_ worker: Worker, _ reason: String) {
    metrics.workerFailures.with("protocol").add()
    telemetry.logger.warning(
      "a sandbox worker has sent what it must not", ["reason": .string(reason), "kind": .string(worker.kind.rawValue)])
    worker.isBroken = true
    if let record = worker.job.flatMap({ jobs[$0] }) {
      perform(record.machine.protocolFault(), of: record)
    }
    worker.connection?.kill()
  }

  private func ended(_ worker: Worker, _ end: ProcessEnd) {
    worker.connection = nil
    pool.workerDied(worker.id)
    if let deadline = worker.deadline { loop.cancel(deadline) }
    if !worker.isDiscarded, worker.isReady { logEnd(worker, end) }
    if !worker.isReady, !worker.isDiscarded { metrics.workerFailures.with("ended").add() }
    if let record = worker.job.flatMap({ jobs[$0] }) {
      // A job that came to it while it was being killed has no part in that.
      if worker.isBroken { perform(record.machine.protocolFault(), of: record) }
      perform(record.machine.workerEnded(end), of: record)
    }
    worker.hasEnded = true
    if worker.folderUses == 0 { cleanUp(worker) }
  }

  /// Works in the scratch folder of a worker, which is not deleted meanwhile: a worker may end while what it has left
  /// is read. `then` gets `nil` when `body` throws or no thread is free.
  func inFolder<Result: Sendable>(
    of worker: Worker, _ body: @escaping @Sendable () throws -> Result,
    then: @escaping @Sendable (Result?) -> Void
  ) {
    // At once, and not when the task begins: the end of the worker may be the next event.
    worker.folderUses += 1
    loop.task { [self] in
      let result = try? await files.run(body)
      worker.folderUses -= 1
      if worker.hasEnded, worker.folderUses == 0 { cleanUp(worker) }
      then(result)
    }
  }

  private func logEnd(_ worker: Worker, _ end: ProcessEnd) {
    if end.signal == SIGSYS {
      metrics.workerFailures.with("system_call").add()
      telemetry.logger.error("a sandbox worker has made a forbidden system call")
    } else if end.signal != SIGKILL {
      metrics.workerFailures.with("crashed").add()
      telemetry.logger.warning(
        "a sandbox worker has ended by itself",
        ["status": .int(Int64(end.status)), "kind": .string(worker.kind.rawValue)])
    }
  }

  /// The slot is free again once its folder is gone.
  private func cleanUp(_ worker: Worker) {
    let path = scratchPath(worker.slot)
    let id = worker.id
    loop.task { [self] in
      let isClean = (try? await files.run { FolderRemoval.remove(path) }) ?? false
      workers[id] = nil
      if isClean {
        perform(pool.workerEnded(id, now: now))
      } else {
        metrics.workerFailures.with("folder").add()
        telemetry.logger.error("a scratch folder cannot be deleted; its slot is not used again")
        perform(pool.slotLost(id, now: now))
      }
    }
  }
}
