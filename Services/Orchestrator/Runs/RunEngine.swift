internal import Contracts
internal import Decider
internal import Primitives
internal import Reactor
internal import Synchronization
internal import Telemetry

/// The shell around the decider: loads states, commits what was decided, and tells those who wait.
final class RunEngine: Sendable {
  /// Why a transition was not made.
  enum Refused: Error {
    /// The decider refused it.
    case byDecider(RunRefusal)
    /// The worker's lease has ended or belongs to somebody else.
    case leaseLost
    /// There is no such run.
    case unknownRun
    /// Others moved the run again and again.
    case contended
  }

  private static let triesMax = 8

  let store: RunStore
  let hub = RunHub()
  let bell = WorkBell()
  private let cache = RunCache()
  private let submissions: PerLoop<GroupCommit<Submission, Void>>
  private let transitions: PerLoop<GroupCommit<Transition, Bool>>
  private let metrics: RunMetrics

  init(group: EventLoopGroup, store: RunStore, metrics: RunMetrics) {
    self.store = store
    self.metrics = metrics
    submissions = PerLoop(group) { loop in
      GroupCommit(loop: loop) { batch in
        try await store.insert(batch)
        return batch.map { _ in () }
      }
    }
    transitions = PerLoop(group) { loop in
      GroupCommit(loop: loop, key: { $0.run }) { batch in
        metrics.commit(size: batch.count)
        let held = try await store.apply(batch)
        return batch.map { held.contains($0.run) }
      }
    }
  }

  // MARK: Accepting

  /// Accepts a task: durable when this returns.
  func accept(_ submission: Submission, idempotency: IdempotencyRow?) async throws {
    if let idempotency {
      try await store.insert([submission], idempotency: idempotency)
    } else {
      try await submissions.current.submit(submission)
    }
    cache.keep(submission.run, submission.tenant, submission.after)
    metrics.submitted()
    bell.ring(1)
  }

  /// Prepares the run of a new task.
  static func begin(
    tenant: TenantID, title: String?, principal: String, traceparent: String, workflow: Workflow, input: Payload
  ) throws -> Submission {
    var state = RunState(workflow: workflow)
    let events = try decide(state, .create(input: input.ref))
    for event in events { evolve(&state, event) }
    return Submission(
      tenant: tenant, task: .make(), run: .make(), title: title, principal: principal, traceparent: traceparent,
      input: input, events: events,
      after: state)
  }

  // MARK: Transitions

  /// Lets one input happen to the run.
  @discardableResult
  func apply(
    _ input: RunInput, to run: RunID, payloads: [Payload] = [], lease: Transition.LeaseProof? = nil
  ) async throws -> RunState {
    try await apply([input], to: run, payloads: payloads, lease: lease)
  }

  /// Lets `inputs` happen to the run, all or none: decided on the newest state, committed behind the fence, tried again
  /// when others were faster. Returns the state afterwards. Throws `Refused` or the store's error.
  @discardableResult
  func apply(
    _ inputs: [RunInput], to run: RunID, payloads: [Payload] = [], lease: Transition.LeaseProof? = nil
  ) async throws -> RunState {
    for attempt in 0..<RunEngine.triesMax {
      guard let (tenant, before) = try await load(run, fresh: attempt > 0) else { throw Refused.unknownRun }
      var events: [RunEvent] = []
      var after = before
      do throws(RunRefusal) {
        for input in inputs {
          for event in try decide(after, input) {
            evolve(&after, event)
            events.append(event)
          }
        }
      } catch {
        // A remembered state may be old; only what the history says is a reason to refuse.
        if attempt == 0 { continue }
        throw Refused.byDecider(error)
      }
      let transition = Transition(
        tenant: tenant, run: run, expectedVersion: before.sequence, events: events, after: after, payloads: payloads,
        lease: lease)
      if try await transitions.current.submit(transition) {
        committed(run, tenant, after, events)
        return after
      }
      cache.forget(run)
      if lease != nil, attempt >= 1, let (_, now) = try await load(run, fresh: true), now.sequence == before.sequence {
        throw Refused.leaseLost
      }
    }
    throw Refused.contended
  }

  private func committed(_ run: RunID, _ tenant: TenantID, _ after: RunState, _ events: [RunEvent]) {
    if after.status.isEnded {
      cache.forget(run)
      metrics.ended(after.status)
    } else {
      cache.keep(run, tenant, after)
    }
    hub.moved(run)
    let ready = events.filter { if case .stepReady(_, _, 0) = $0 { true } else { false } }.count
    if ready > 0 { bell.ring(ready) }
  }

  private func load(_ run: RunID, fresh: Bool) async throws -> (TenantID, RunState)? {
    if !fresh, let known = cache.state(run) { return known }
    guard let (tenant, state) = try await store.state(run) else { return nil }
    return (tenant, state)
  }

  // MARK: Leases

  /// Leases due steps to a worker, waiting up to `deadline` for some.
  func lease(
    worker: String, jobTypes: [String], limit: Int, leaseMilliseconds: Int64, until deadline: UInt64
  ) async throws -> [LeasedStep] {
    while true {
      let ticket = bell.ticket()
      let steps: [LeasedStep]
      do {
        steps = try await store.lease(
          jobTypes: jobTypes, limit: limit, worker: worker, milliseconds: leaseMilliseconds)
      } catch {
        ticket.cancel()
        throw error
      }
      if !steps.isEmpty {
        ticket.cancel()
        for step in steps { started(step, worker) }
        metrics.leased(steps.count)
        return steps
      }
      guard MonotonicClock.now() < deadline else {
        ticket.cancel()
        return []
      }
      try await ticket.wait(until: deadline)
    }
  }

  /// Follows the lease that the store made in the remembered state.
  private func started(_ step: LeasedStep, _ worker: String) {
    if var (tenant, state) = cache.state(step.run) {
      if state.sequence + 1 == step.version {
        evolve(&state, .stepStarted(step: step.key, attempt: step.attempt, worker: worker))
        cache.keep(step.run, tenant, state)
      } else {
        cache.forget(step.run)
      }
      tenant = step.tenant
    }
    hub.moved(step.run)
  }

  /// Takes back leases whose holders fell silent. Returns how many.
  func rescueOverdue() async throws -> Int {
    let overdue = try await store.overdueLeases(limit: 200)
    for lease in overdue {
      let proof = Transition.LeaseProof(
        step: lease.step, token: lease.token, isReleased: true, extensionMilliseconds: 0, isLost: true)
      do {
        try await apply(.lose(step: lease.key, attempt: lease.attempt), to: lease.run, lease: proof)
        metrics.lost()
      } catch is Refused {
        // Its holder was heard of meanwhile, or another replica was faster.
      }
    }
    return overdue.count
  }
}

/// States of open runs that this process has seen last. Only a shortcut: the fence of every write finds out when one is
/// old.
private final class RunCache: Sendable {
  private static let runsMax = 50_000
  private let states = Mutex<[RunID: (TenantID, RunState)]>([:])

  func state(_ run: RunID) -> (TenantID, RunState)? { states.withLock { $0[run] } }

  func keep(_ run: RunID, _ tenant: TenantID, _ state: RunState) {
    states.withLock { states in
      if states.count >= RunCache.runsMax, let some = states.first { states[some.key] = nil }
      states[run] = (tenant, state)
    }
  }

  func forget(_ run: RunID) { states.withLock { $0[run] = nil } }
}
