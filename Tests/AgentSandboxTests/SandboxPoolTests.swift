import Testing

@testable import AgentSandbox

@Suite struct SandboxPoolTests {
  private static let ms: UInt64 = 1_000_000

  private static func key(_ tenant: String, _ scope: String = "run") -> SessionKey {
    SessionKey(tenant: tenant, scope: scope)
  }

  private static func limits(_ change: (inout PoolLimits) -> Void = { _ in }) -> PoolLimits {
    var limits = PoolLimits()
    change(&limits)
    return limits
  }

  private static func started(_ actions: [PoolAction]) -> [WorkerID] {
    actions.compactMap { if case .start(let id, _, _) = $0 { id } else { nil } }
  }

  private static func assigned(_ actions: [PoolAction]) -> [JobID: WorkerID] {
    Dictionary(
      uniqueKeysWithValues: actions.compactMap { action in
        if case .assign(let job, let worker, _) = action { (job, worker) } else { nil }
      })
  }

  private static func job(_ number: UInt64) -> JobID { JobID(number: number) }

  @Test func `a warm worker takes a job at once and is replaced`() throws {
    var pool = SandboxPool(Self.limits { $0.warm = [.python: 1] })
    let first = try #require(Self.started(pool.tick(now: 0)).first)
    #expect(pool.workerReady(first, now: 1).isEmpty)
    #expect(pool.warmCount(.python) == 1)
    let actions = pool.submit(Self.job(1), Self.key("a"), .python, now: 2)
    #expect(actions.first == .assign(Self.job(1), first, isContinued: false))
    #expect(Self.started(actions).count == 1)
    #expect(pool.runningCount == 1)
  }

  @Test func `a session keeps its worker, and no other session gets it`() throws {
    var pool = SandboxPool(Self.limits { $0.runningMax = 4 })
    let worker = try #require(Self.started(pool.submit(Self.job(1), Self.key("a"), .python, now: 0)).first)
    #expect(Self.assigned(pool.workerReady(worker, now: 1)) == [Self.job(1): worker])
    #expect(pool.jobEnded(Self.job(1), keepsWorker: true, now: 2).isEmpty)
    #expect(
      pool.submit(Self.job(2), Self.key("a"), .python, now: 3) == [
        .assign(Self.job(2), worker, isContinued: true)
      ])
    _ = pool.jobEnded(Self.job(2), keepsWorker: true, now: 4)
    // Another tenant, another run of the same tenant, another language of the same run.
    for (number, other) in [(3, Self.key("b")), (4, Self.key("a", "other"))] as [(UInt64, SessionKey)] {
      let actions = pool.submit(Self.job(number), other, .python, now: 5)
      #expect(Self.assigned(actions).isEmpty)
      #expect(Self.started(actions).count == 1)
    }
    #expect(Self.assigned(pool.submit(Self.job(5), Self.key("a"), .javascript, now: 5)).isEmpty)
  }

  @Test func `jobs of one session run one after the other`() throws {
    var pool = SandboxPool(
      Self.limits {
        $0.runningMax = 4; $0.runningPerTenantMax = 4
      })
    let worker = try #require(Self.started(pool.submit(Self.job(1), Self.key("a"), .python, now: 0)).first)
    _ = pool.workerReady(worker, now: 1)
    #expect(pool.submit(Self.job(2), Self.key("a"), .python, now: 2).isEmpty)
    #expect(Self.assigned(pool.jobEnded(Self.job(1), keepsWorker: true, now: 3)) == [Self.job(2): worker])
  }

  @Test func `a worker is discarded after its jobs, its age, or when it may not be kept`() throws {
    var pool = SandboxPool(Self.limits { $0.jobsPerWorkerMax = 2 })
    let worker = try #require(Self.started(pool.submit(Self.job(1), Self.key("a"), .python, now: 0)).first)
    _ = pool.workerReady(worker, now: 0)
    _ = pool.jobEnded(Self.job(1), keepsWorker: true, now: 0)
    _ = pool.submit(Self.job(2), Self.key("a"), .python, now: 0)
    #expect(pool.jobEnded(Self.job(2), keepsWorker: true, now: 0) == [.discard(worker)])
    _ = pool.workerEnded(worker, now: 0)

    let second = try #require(Self.started(pool.submit(Self.job(3), Self.key("a"), .python, now: 0)).first)
    _ = pool.workerReady(second, now: 0)
    #expect(pool.jobEnded(Self.job(3), keepsWorker: false, now: 0) == [.discard(second)])
    _ = pool.workerEnded(second, now: 0)

    let third = try #require(Self.started(pool.submit(Self.job(4), Self.key("a"), .python, now: 0)).first)
    _ = pool.workerReady(third, now: 0)
    #expect(pool.jobEnded(Self.job(4), keepsWorker: true, now: pool.limits.workerAge) == [.discard(third)])
    _ = pool.workerEnded(third, now: 0)
    #expect(pool.isEmpty)
  }

  @Test func `an idle session is given up in time`() throws {
    var pool = SandboxPool(Self.limits { $0.sessionIdle = 10 * Self.ms })
    let worker = try #require(Self.started(pool.submit(Self.job(1), Self.key("a"), .python, now: 0)).first)
    _ = pool.workerReady(worker, now: 0)
    _ = pool.jobEnded(Self.job(1), keepsWorker: true, now: 5)
    #expect(pool.nextDeadline == 10 * Self.ms + 5)
    #expect(pool.tick(now: 10 * Self.ms).isEmpty)
    #expect(pool.tick(now: 10 * Self.ms + 5) == [.discard(worker)])
    #expect(pool.endSession(Self.key("a"), now: 10 * Self.ms + 5).isEmpty)
  }

  @Test func `one tenant cannot take all places, neither to run nor to wait`() {
    var pool = SandboxPool(
      Self.limits {
        $0.runningMax = 4
        $0.runningPerTenantMax = 2
        $0.queuedPerTenantMax = 3
        $0.warm = [.python: 4]
      })
    for worker in Self.started(pool.tick(now: 0)) { _ = pool.workerReady(worker, now: 0) }
    var actions: [PoolAction] = []
    for number in 1...6 {
      actions += pool.submit(Self.job(UInt64(number)), Self.key("a", "\(number)"), .python, now: 0)
    }
    #expect(Self.assigned(actions).count == 2)
    #expect(actions.contains(.refuse(Self.job(6), .queueFull)))
    #expect(pool.queuedCount == 3)
    // The other tenant is not behind them.
    let other = pool.submit(Self.job(7), Self.key("b"), .python, now: 0)
    #expect(Self.assigned(other).keys.first == Self.job(7))
  }

  @Test func `a queue is bounded and nobody waits for ever`() {
    var pool = SandboxPool(
      Self.limits {
        $0.queuedMax = 2; $0.queueWait = 10
      })
    _ = pool.submit(Self.job(1), Self.key("a"), .python, now: 0)
    _ = pool.submit(Self.job(2), Self.key("b"), .python, now: 0)
    #expect(pool.submit(Self.job(3), Self.key("c"), .python, now: 0) == [.refuse(Self.job(3), .queueFull)])
    let actions = pool.tick(now: 10)
    #expect(actions.contains(.refuse(Self.job(1), .waitedTooLong)))
    #expect(actions.contains(.refuse(Self.job(2), .waitedTooLong)))
    #expect(pool.queuedCount == 0)
  }

  @Test func `workers that do not start are tried again after pauses, and jobs do not wait for them`() {
    var pool = SandboxPool(
      Self.limits {
        $0.startPause = 100; $0.startFailuresMax = 2; $0.queueWait = 1_000_000
      })
    var now: UInt64 = 0
    var worker = Self.started(pool.submit(Self.job(1), Self.key("a"), .python, now: now)).first
    for round in 0..<2 {
      guard let id = worker else { Issue.record("nothing started in round \(round)"); return }
      let actions = pool.workerEnded(id, now: now)
      if round == 1 {
        #expect(actions == [.refuse(Self.job(1), .cannotStart)])
        break
      }
      #expect(actions.isEmpty)
      #expect(pool.nextDeadline == now + 100)
      now += 100
      worker = Self.started(pool.tick(now: now)).first
    }
    // In the pause nobody waits; after it one try is made.
    #expect(pool.submit(Self.job(2), Self.key("a"), .python, now: now) == [.refuse(Self.job(2), .cannotStart)])
    #expect(Self.started(pool.submit(Self.job(3), Self.key("a"), .python, now: now + 10_000)).count == 1)
  }

  @Test func `a full house gives up the session that was idle for the longest time`() throws {
    var pool = SandboxPool(
      Self.limits {
        $0.workersMax = 2; $0.runningMax = 2
      })
    var workers: [WorkerID] = []
    for (number, tenant) in [(1, "a"), (2, "b")] as [(UInt64, String)] {
      let worker = try #require(
        Self.started(pool.submit(Self.job(number), Self.key(tenant), .python, now: number)).first)
      _ = pool.workerReady(worker, now: number)
      _ = pool.jobEnded(Self.job(number), keepsWorker: true, now: number)
      workers.append(worker)
    }
    #expect(pool.submit(Self.job(3), Self.key("c"), .python, now: 5) == [.discard(workers[0])])
    // One victim is enough.
    #expect(pool.tick(now: 6).isEmpty)
    let third = try #require(Self.started(pool.workerEnded(workers[0], now: 7)).first)
    #expect(Self.assigned(pool.workerReady(third, now: 8)) == [Self.job(3): third])
  }

  @Test func `a dead worker gets nothing`() throws {
    var pool = SandboxPool(Self.limits())
    let worker = try #require(Self.started(pool.submit(Self.job(1), Self.key("a"), .python, now: 0)).first)
    _ = pool.workerReady(worker, now: 0)
    _ = pool.jobEnded(Self.job(1), keepsWorker: true, now: 0)
    pool.workerDied(worker)
    let actions = pool.submit(Self.job(2), Self.key("a"), .python, now: 1)
    #expect(Self.assigned(actions).isEmpty)
    #expect(Self.started(actions).count == 1)
  }

  @Test func `a pool that drains ends empty`() throws {
    var pool = SandboxPool(
      Self.limits {
        $0.warm = [.javascript: 2]; $0.runningMax = 1
      })
    let warm = Self.started(pool.tick(now: 0))
    _ = pool.workerReady(warm[0], now: 0)
    _ = pool.submit(Self.job(1), Self.key("a"), .javascript, now: 0)
    _ = pool.submit(Self.job(2), Self.key("b"), .javascript, now: 0)
    let actions = pool.drain(now: 1)
    #expect(actions.contains(.refuse(Self.job(2), .draining)))
    #expect(pool.submit(Self.job(3), Self.key("a"), .javascript, now: 1) == [.refuse(Self.job(3), .draining)])
    #expect(pool.jobEnded(Self.job(1), keepsWorker: true, now: 2) == [.discard(warm[0])])
    for id in pool.workers.keys.sorted(by: { $0.number < $1.number }) { _ = pool.workerEnded(id, now: 3) }
    #expect(pool.isEmpty)
  }

  /// Whatever comes in whatever order: bounds hold, no worker sees two sessions, every job is answered once.
  @Test(arguments: 0..<40) func `bounds hold in random histories`(seed: UInt64) {
    var random = TestRandom(seed: seed)
    var pool = SandboxPool(
      Self.limits {
        $0.runningMax = Int.random(in: 1...4, using: &random)
        $0.runningPerTenantMax = Int.random(in: 1...3, using: &random)
        $0.workersMax = Int.random(in: 1...6, using: &random)
        $0.queuedMax = Int.random(in: 1...10, using: &random)
        $0.jobsPerWorkerMax = Int.random(in: 1...5, using: &random)
        $0.warm = [.python: Int.random(in: 0...2, using: &random), .javascript: Int.random(in: 0...2, using: &random)]
        $0.queueWait = 50
        $0.sessionIdle = 30
        $0.startPause = 5
      })
    var world = PoolWorld()
    var now: UInt64 = 0
    world.apply(pool.tick(now: now))
    for _ in 0..<600 {
      now += UInt64.random(in: 0...3, using: &random)
      switch Int.random(in: 0...9, using: &random) {
      case 0...2:
        let key = Self.key(
          ["a", "b", "c"].randomElement(using: &random) ?? "a", "\(Int.random(in: 0...2, using: &random))")
        let kind: WorkerKind = [.python, .javascript, .compiler].randomElement(using: &random) ?? .python
        let job = world.submit(key, kind)
        world.apply(pool.submit(job, key, kind, now: now))
      case 3...4:
        guard let id = world.starting.randomElement(using: &random) else { continue }
        world.starting.remove(id)
        if Int.random(in: 0...5, using: &random) == 0 {
          world.dead.insert(id)
        } else if !world.ending.contains(id) {
          world.apply(pool.workerReady(id, now: now))
        }
      case 5...6:
        guard let (job, _) = world.running.randomElement(using: &random) else { continue }
        world.running[job] = nil
        world.apply(pool.jobEnded(job, keepsWorker: Bool.random(using: &random), now: now))
      case 7:
        guard let id = world.ending.union(world.dead).randomElement(using: &random) else { continue }
        world.ending.remove(id)
        world.dead.remove(id)
        world.starting.remove(id)
        world.alive.remove(id)
        world.apply(pool.workerEnded(id, now: now))
      case 8:
        guard let job = world.waiting.randomElement(using: &random) else { continue }
        if pool.cancel(job) { world.waiting.remove(job) }
      default: world.apply(pool.tick(now: now))
      }
      #expect(pool.runningCount <= pool.limits.runningMax)
      #expect(world.alive.count <= pool.limits.workersMax)
      #expect(pool.queuedCount <= pool.limits.queuedMax)
      #expect(pool.runningCount == world.running.count)
      #expect(world.faults.isEmpty)
      for tenant in ["a", "b", "c"] {
        #expect(world.running.values.count { $0.tenant == tenant } <= pool.limits.runningPerTenantMax)
      }
      world.apply(pool.tick(now: now))
      if let deadline = pool.nextDeadline { #expect(deadline > now, "a deadline in the past would spin") }
    }
    // Everything is answered in the end.
    world.apply(pool.drain(now: now))
    for _ in 0..<100 {
      for job in world.running.keys {
        world.running[job] = nil
        world.apply(pool.jobEnded(job, keepsWorker: true, now: now))
      }
      for id in world.alive {
        world.alive.remove(id)
        world.apply(pool.workerEnded(id, now: now))
      }
    }
    #expect(pool.isEmpty)
    #expect(world.waiting.isEmpty)
  }
}

/// What a shell of a pool knows.
private struct PoolWorld {
  var alive: Set<WorkerID> = []
  var starting: Set<WorkerID> = []
  var ending: Set<WorkerID> = []
  var dead: Set<WorkerID> = []
  var waiting: Set<JobID> = []
  var running: [JobID: SessionKey] = [:]
  var faults: [String] = []
  private var jobs: [JobID: (SessionKey, WorkerKind)] = [:]
  private var kinds: [WorkerID: WorkerKind] = [:]
  private var owners: [WorkerID: SessionKey] = [:]
  private var slots: [WorkerID: Int] = [:]

  mutating func submit(_ key: SessionKey, _ kind: WorkerKind) -> JobID {
    let job = JobID(number: UInt64(jobs.count))
    jobs[job] = (key, kind)
    waiting.insert(job)
    return job
  }

  mutating func apply(_ actions: [PoolAction]) {
    for action in actions {
      switch action {
      case .start(let id, let slot, let kind):
        if alive.contains(where: { slots[$0] == slot }) { faults.append("slot \(slot) twice") }
        alive.insert(id)
        starting.insert(id)
        slots[id] = slot
        kinds[id] = kind
      case .discard(let id):
        if !ending.insert(id).inserted { faults.append("discarded twice") }
      case .refuse(let job, _):
        if waiting.remove(job) == nil { faults.append("answered twice") }
      case .assign(let job, let id, let isContinued):
        if waiting.remove(job) == nil { faults.append("assigned twice") }
        guard let (key, kind) = jobs[job] else { return faults.append("an unknown job") }
        if kinds[id] != kind { faults.append("the wrong kind") }
        if ending.contains(id) || starting.contains(id) { faults.append("a worker that is not ready") }
        if let owner = owners[id], owner != key { faults.append("a worker of two sessions") }
        if isContinued != (owners[id] != nil) { faults.append("wrongly continued") }
        owners[id] = key
        running[job] = key
      }
    }
  }
}
