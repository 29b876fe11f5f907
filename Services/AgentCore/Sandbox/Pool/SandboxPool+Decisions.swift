/// The decisions after each input.
extension SandboxPool {
  /// Does what can be done now: expiries, assignments, starts.
  mutating func advance(_ now: UInt64) -> [PoolAction] {
    lastInput = now
    var actions = expire(now)
    actions += assign(now)
    actions += refuseHopeless()
    actions += isDraining ? discardUnused() : replenish(now)
    return actions
  }

  private mutating func expire(_ now: UInt64) -> [PoolAction] {
    var actions = queue.filter { $0.expiresAt <= now }.map { PoolAction.refuse($0.id, .waitedTooLong) }
    if !actions.isEmpty { queue.removeAll { $0.expiresAt <= now } }
    for (id, worker) in workers.sorted(by: { $0.key.number < $1.key.number }) {
      if let time = expiry(of: worker), time <= now { actions.append(discard(id)) }
    }
    return actions
  }

  /// When an idle worker of a session is given up.
  func expiry(of worker: Worker) -> UInt64? {
    guard case .idle(let since) = worker.state else { return nil }
    return min(since &+ limits.sessionIdle, worker.boundAt &+ limits.workerAge)
  }

  /// Gives waiting jobs to workers, in order of arrival; a job that cannot run yet holds back none behind it.
  private mutating func assign(_ now: UInt64) -> [PoolAction] {
    var actions: [PoolAction] = []
    // Workers that start are for the first jobs of their kind: later ones start further workers.
    var unclaimed: [WorkerKind: Int] = [:]
    for worker in workers.values where worker.state == .starting { unclaimed[worker.kind, default: 0] += 1 }
    var wanted = 0
    var remaining: [Waiting] = []
    for job in queue {
      let tenant = job.session.tenant
      guard running.count + wanted < limits.runningMax,
        (runningByTenant[tenant] ?? 0) < limits.runningPerTenantMax, !isSessionBusy(job)
      else {
        remaining.append(job)
        continue
      }
      if let worker = worker(for: job) {
        actions.append(bind(job, to: worker, now))
        continue
      }
      remaining.append(job)
      if let count = unclaimed[job.kind], count > 0 {
        unclaimed[job.kind] = count - 1
        wanted += 1
        continue
      }
      guard (starts[job.kind]?.notBefore ?? 0) <= now else { continue }
      // Room is kept for it, so that nobody behind takes the core that it waits for a worker to use.
      wanted += 1
      if let action = start(job.kind) {
        actions.append(action)
      } else if !workers.values.contains(where: { $0.state == .ending }), let victim = leastNeeded(for: job) {
        actions.append(discard(victim))
      }
    }
    queue = remaining
    return actions
  }

  private func isSessionBusy(_ job: Waiting) -> Bool {
    guard !job.kind.isSingleUse else { return false }
    return workers.values.contains { worker in
      guard worker.session == job.session, worker.kind == job.kind else { return false }
      if case .busy = worker.state { return true }
      return false
    }
  }

  /// The session's own worker, or else a warm one.
  private func worker(for job: Waiting) -> WorkerID? {
    var warm: WorkerID?
    for (id, worker) in workers where worker.kind == job.kind {
      if worker.session == job.session, worker.isIdle { return id }
      if worker.state == .warm, warm.map({ id.number < $0.number }) ?? true { warm = id }
    }
    return warm
  }

  private mutating func bind(_ job: Waiting, to id: WorkerID, _ now: UInt64) -> PoolAction {
    guard var worker = workers[id] else { return .refuse(job.id, .cannotStart) }
    let isContinued = worker.session != nil
    if !isContinued {
      worker.session = job.session
      worker.boundAt = now
    }
    worker.jobs += 1
    worker.state = .busy(job.id)
    workers[id] = worker
    running[job.id] = (id, job.session.tenant)
    runningByTenant[job.session.tenant, default: 0] += 1
    return .assign(job.id, id, isContinued: isContinued)
  }

  private mutating func start(_ kind: WorkerKind) -> PoolAction? {
    guard let slot = freeSlots.popLast() else { return nil }
    let id = WorkerID(number: nextWorker)
    nextWorker &+= 1
    workers[id] = Worker(slot: slot, kind: kind)
    return .start(id, slot: slot, kind)
  }

  mutating func discard(_ id: WorkerID) -> PoolAction {
    workers[id]?.state = .ending
    return .discard(id)
  }

  /// Whose slot another job may have: a warm worker of another kind, or the session that was idle for the longest time.
  private func leastNeeded(for job: Waiting) -> WorkerID? {
    let warm = workers.filter { $0.value.state == .warm && $0.value.kind != job.kind }.keys
    if let id = warm.min(by: { $0.number < $1.number }) { return id }
    return workers.compactMap { id, worker -> (WorkerID, UInt64)? in
      guard case .idle(let since) = worker.state else { return nil }
      return (id, since)
    }.min { $0.1 < $1.1 }?.0
  }

  /// Workers do not start: who waits for one is refused, and the next job tries again after the pause.
  private mutating func refuseHopeless() -> [PoolAction] {
    let hopeless = Set(starts.filter { $0.value.failures >= limits.startFailuresMax }.keys)
    guard !hopeless.isEmpty else { return [] }
    let refused = queue.filter { job in
      hopeless.contains(job.kind) && !workers.values.contains { $0.kind == job.kind && $0.state != .ending }
    }
    queue.removeAll { job in refused.contains { $0.id == job.id } }
    return refused.map { .refuse($0.id, .cannotStart) }
  }

  /// Whether a worker is missing that a pause holds back.
  var wantsStart: Bool {
    guard !isDraining else { return false }
    return !queue.isEmpty || limits.warm.contains { missing($0.key, $0.value) > 0 }
  }

  private func missing(_ kind: WorkerKind, _ wanted: Int) -> Int {
    wanted - workers.values.count { $0.kind == kind && ($0.state == .warm || $0.state == .starting) }
  }

  private mutating func replenish(_ now: UInt64) -> [PoolAction] {
    var actions: [PoolAction] = []
    for kind in WorkerKind.allCases where (starts[kind]?.notBefore ?? 0) <= now {
      for _ in 0..<max(0, missing(kind, limits.warm[kind] ?? 0)) {
        // While workers fail, one at a time.
        if starts[kind] != nil, workers.values.contains(where: { $0.kind == kind && $0.state == .starting }) { break }
        guard let action = start(kind) else { return actions }
        actions.append(action)
      }
    }
    return actions
  }

  private mutating func discardUnused() -> [PoolAction] {
    workers.filter { $0.value.state == .warm || $0.value.state == .starting || $0.value.isIdle }.keys
      .sorted { $0.number < $1.number }.map { discard($0) }
  }
}

extension SandboxPool.Worker {
  /// Whether it waits for the next job of its session.
  var isIdle: Bool {
    if case .idle = state { return true }
    return false
  }
}
