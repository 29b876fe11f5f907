internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import Primitives
internal import Reactor
internal import Workflows

/// The shell around the decider: accepts runs, hands changes to their committers, and tells those who wait.
final class RunEngine: Sendable {
  /// Why a change was not made.
  enum Refused: Error {
    /// The decider refused it.
    case byDecider(RunRefusal)
    /// The worker's lease has ended or belongs to somebody else.
    case leaseLost
    /// There is no such run.
    case unknownRun
    /// Others moved the run again and again.
    case contended
    /// The history cannot be read by this version.
    case unreadable(String)
    /// The database failed.
    case byStore(PostgresError)
  }

  private static let triesMax = 8
  private static let looksMax = 25

  let store: RunStore
  let catalog: WorkflowCatalog
  let metrics: RunMetrics
  let hub = RunHub()
  let dispatcher: Dispatcher
  /// Rung when a timer was set that is due soon.
  let timerBell = Bell()
  let leases = LeaseBook()
  let notices: ReplicaNotices
  private let cache = RunCache()
  private let reader: RunCommitter
  private let group: EventLoopGroup
  private let submissions: PerLoop<GroupCommit<Submission, Timestamp?>>
  private let committers: [GroupCommit<RunChange, ChangeOutcome>]

  init(
    group: EventLoopGroup, store: RunStore, catalog: WorkflowCatalog, notices: ReplicaNotices, metrics: RunMetrics
  ) {
    self.group = group
    self.notices = notices
    self.store = store
    self.catalog = catalog
    self.metrics = metrics
    let cache = cache
    let hub = hub
    let timerBell = timerBell
    let dispatcher = Dispatcher(loop: group.loops[0], store: store, metrics: metrics)
    self.dispatcher = dispatcher
    let committer = RunCommitter(store: store, cache: cache, catalog: catalog, metrics: metrics)
    reader = committer
    submissions = PerLoop(group) { loop in
      GroupCommit(loop: loop) { batch in
        let inserted = try await store.insert(batch, batch.map(RunEngine.beginning))
        return batch.map { inserted[$0.run] }
      }
    }
    committers = group.loops.map { loop in
      GroupCommit(loop: loop) { batch in
        try await committer.commit(batch) { moved in
          hub.moved(moved.run)
          notices.moved(moved.run)
          if moved.newWork > 0 {
            dispatcher.ring()
            notices.work()
          }
          if moved.newTimers { timerBell.ring(1) }
        }
      }
    }
    let leases = leases
    dispatcher.onLease { step, worker in
      leases.keep(step)
      cache.started(
        step.run, version: step.version, .stepStarted(step: step.key, attempt: step.attempt, worker: worker))
      hub.moved(step.run)
      notices.moved(step.run)
    }
  }

  // MARK: Accepting

  /// Accepts a run: durable when this returns. Returns the time of its creation; `nil` when it was there already.
  @discardableResult
  func accept(_ submission: Submission, idempotency: IdempotencyRow? = nil) async throws -> Timestamp? {
    let created: Timestamp?
    if let idempotency {
      created = try await store.insert(
        [submission], [RunEngine.beginning(submission)], idempotency: idempotency)[submission.run]
    } else {
      created = try await submissions.current.submit(submission)
    }
    guard let created else { return nil }
    if let workflow = try await catalog.find(
      submission.facts.tenant, submission.state.workflow.name, version: submission.state.workflow.version)
    {
      cache.reserve(submission.run)
      cache.put(submission.run, KnownRun(facts: submission.facts, workflow: workflow, state: submission.state))
    }
    metrics.submitted()
    if submission.state.status.isEnded { metrics.ended(submission.state.status) }
    dispatcher.ring()
    notices.work()
    if plannedTimers(submission) { timerBell.ring(1) }
    return created
  }

  /// Whether something of the run is due for the orchestrator itself.
  private func plannedTimers(_ submission: Submission) -> Bool {
    submission.state.status.isEnded || submission.state.steps.contains { $0.status == .waiting }
  }

  /// The queue entries and timers of a new run.
  private static func beginning(_ submission: Submission) -> Transition {
    var plan = Dispatching(run: submission.run, facts: submission.facts, state: submission.state).transition(
      expected: 0, events: Array(submission.events.dropFirst(submission.ownEvents)), payloads: [], proofs: [],
      finishedTimers: [])
    if let limit = submission.state.workflow.timeoutMilliseconds {
      plan.timers.append(NewTimer(kind: .expire, delayMilliseconds: limit))
    }
    // A run may end with its beginning.
    if submission.state.status.isEnded {
      plan.timers =
        submission.facts.parent.map { parent in
          [
            NewTimer(
              kind: .childEnded, step: parent.step, attempt: parent.attempt, run: parent.run, other: submission.run)
          ]
        } ?? []
    }
    return plan
  }

  /// Prepares a run at its beginning.
  static func begin(
    run: RunID = .make(), facts: RunFacts, task: NewTask?, principal: String, workflow: CompiledWorkflow, input: Payload
  ) throws -> Submission {
    let document = try JSONDocument(parsing: input.body)
    var state = RunState(workflow: workflow.workflow)
    let events = try decide(
      &state, .create(input: input.ref, seed: run.uuid.low, facts: workflow.watched.facts(input: document.root)))
    return Submission(
      run: run, facts: facts, task: task, principal: principal, input: input, events: events, forkedFrom: nil,
      state: state)
  }

  // MARK: Changes

  /// Lets one input happen to the run.
  @discardableResult
  func apply(_ input: RunInput, to run: RunID, payloads: [Payload] = []) async throws -> AfterChange {
    try await apply(RunChange(run: run, inputs: [input], payloads: payloads))
  }

  /// Makes a change: decided on the newest state, committed behind the fence, tried again when others were faster.
  /// Throws `Refused` or the store's error.
  @discardableResult
  func apply(_ change: RunChange) async throws -> AfterChange {
    for _ in 0..<RunEngine.triesMax {
      switch try await submit(change) {
      case .made(let after): return after
      case .refused(.byStore(let error)): throw error
      case .refused(let reason): throw reason
      case .again: continue
      }
    }
    throw Refused.contended
  }

  /// Hands the change to the committer of its run, on that committer's loop.
  private func submit(_ change: RunChange) async throws -> ChangeOutcome {
    let index = Int(truncatingIfNeeded: (change.run.uuid.low ^ change.run.uuid.high) % UInt64(committers.count))
    let committer = committers[index]
    if group.loops[index].isCurrent { return try await committer.submit(change) }
    return try await group.loops[index].task { try await committer.submit(change) }.value
  }

  /// What is known of a run, from memory or from its history.
  func look(_ run: RunID) async throws -> KnownRun? {
    for _ in 0..<RunEngine.looksMax {
      switch cache.peek(run) {
      case .known(let known): return known
      case .unknown: return try await reader.read(run)
      case .changing: try await EventLoop.sleep(for: .milliseconds(2))
      }
    }
    return try await reader.read(run)
  }

  /// The workflow that a run is pinned to.
  func workflow(of run: RunID) async throws -> CompiledWorkflow? {
    if let workflow = cache.workflow(run) { return workflow }
    guard let (facts, name, version) = try await store.head(run) else { return nil }
    return try await catalog.find(facts.tenant, name, version: version)
  }
}
