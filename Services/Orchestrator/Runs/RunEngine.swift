internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import Primitives
internal import Reactor
internal import SystemSources
internal import Telemetry
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
    /// The document of its workflow is gone, so that it can only be cancelled.
    case workflowGone
    /// Others moved the run again and again.
    case contended
    /// The history cannot be read by this version.
    case unreadable(String)
    /// The database failed.
    case byStore(PostgresError)
  }

  private static let triesMax = 8
  private static let looksMax = 25
  /// How long a busy stream of commits gathers where other replicas are at work.
  private static let gathering = Duration.milliseconds(3)

  let store: RunStore
  let logger: Logger
  let catalog: WorkflowCatalog
  let metrics: RunMetrics
  let hub: RunHub
  let dispatcher: Dispatcher
  /// Rung when a timer was set that is due soon.
  let timerBell = Bell()
  let leases = LeaseBook()
  let submitters: SubmitterCache
  let notices: ReplicaNotices
  private let cache = RunCache()
  private let reader: RunCommitter
  private let submissions: [GroupCommit<Submission, Accepted?>]
  private let insert: @Sendable ([Submission], IdempotencyRow?) async throws -> [Accepted?]
  private let committers: [GroupCommit<RunChange, ChangeOutcome>]

  init(
    group: EventLoopGroup, store: RunStore, catalog: WorkflowCatalog, notices: ReplicaNotices, metrics: RunMetrics,
    logger: Logger
  ) {
    self.notices = notices
    self.store = store
    self.logger = logger
    self.catalog = catalog
    self.metrics = metrics
    let cache = cache
    let hub = RunHub(onReader: notices.reading)
    self.hub = hub
    let timerBell = timerBell
    let dispatcher = Dispatcher(loop: group.loops[0], store: store, metrics: metrics, logger: logger)
    self.dispatcher = dispatcher
    let committer = RunCommitter(store: store, cache: cache, catalog: catalog, metrics: metrics)
    reader = committer
    let leases = leases
    let submitters = SubmitterCache(store: store)
    self.submitters = submitters
    let begun = { @Sendable (batch: [Submission], row: IdempotencyRow?) in
      // Sub-runs and forks belong to a task that somebody has submitted before.
      for submission in batch where submission.task != nil {
        submitters.keep(submission.facts.task, submission.principal)
      }
      return try await RunEngine.insert(batch, row, store, catalog, cache, dispatcher) { step in
        leases.keep(step)
        metrics.leased(step.waitedMicroseconds, isHanded: true)
      }
    }
    insert = begun
    let loops = group.loops
    let streams = max(1, loops.count / 2)
    // Replicas share one database: what each leaves to it in larger portions, all of them have more of.
    let pause = { @Sendable in notices.hasOthers ? RunEngine.gathering : nil }
    submissions = (0..<streams).map { index in
      GroupCommit(loop: loops[2 * index % loops.count], size: \.bytes, pause: pause) { try await begun($0, nil) }
    }
    committers = (0..<streams).map { index in
      GroupCommit(loop: loops[(2 * index + 1) % loops.count], size: \.bytes, pause: pause) { batch in
        try await committer.commit(batch, dispatcher: dispatcher) { step in
          leases.keep(step)
          metrics.leased(step.waitedMicroseconds, isHanded: true)
        } moved: { moved in
          hub.moved(moved.run, mayHaveEnded: moved.status.isEnded)
          notices.moved(moved.run)
          if moved.newWork > 0 {
            dispatcher.ring(moved.newWork)
            notices.work()
          }
          if moved.freesSlots, dispatcher.released() { notices.work() }
          if moved.newTimers { timerBell.ring(1) }
        }
      }
    }
    dispatcher.onLease { step, worker in
      leases.keep(step)
      cache.started(
        step.run, version: step.version, .stepStarted(step: step.key, attempt: step.attempt, worker: worker))
      hub.moved(step.run, mayHaveEnded: false)
      notices.moved(step.run)
    }
  }

  // MARK: Accepting

  /// A run that was accepted, as it stands then.
  struct Accepted: Sendable {
    let createdAt: Timestamp
    let submission: Submission
    /// Steps in the queue.
    let newWork: Int
  }

  /// Accepts a run: durable when this returns. `nil` when it was there already.
  @discardableResult
  func accept(_ submission: Submission, idempotency: IdempotencyRow? = nil) async throws -> Accepted? {
    let accepted: Accepted?
    if let idempotency {
      accepted = try await insert([submission], idempotency).first ?? nil
    } else {
      accepted = try await submissions[stream(of: submission.run)].submit(submission)
    }
    guard let accepted else { return nil }
    metrics.submitted()
    if submission.state.status.isEnded { metrics.ended(submission.state.status) }
    if accepted.newWork > 0 {
      dispatcher.ring(accepted.newWork)
      notices.work()
    }
    if plannedTimers(submission) { timerBell.ring(1) }
    return accepted
  }

  /// Writes new runs. Steps that are ready at once go to the workers that wait, as far as there are any.
  private static func insert(
    _ batch: [Submission], _ idempotency: IdempotencyRow?, _ store: RunStore, _ catalog: WorkflowCatalog,
    _ cache: RunCache, _ dispatcher: Dispatcher, _ leased: (LeasedStep) -> Void
  ) async throws -> [Accepted?] {
    var handout = Handout(board: dispatcher.board)
    defer { dispatcher.deliver(handout.shares) }
    var accepted: [RunID: Accepted] = [:]
    // A submission that was sent again may stand beside itself.
    var seen: Set<RunID> = []
    var left = batch.filter { seen.insert($0.run).inserted }
    while !left.isEmpty {
      var submissions = left
      var plans = left.map(RunEngine.beginning)
      for index in plans.indices {
        let before = plans[index].events.count
        handout.fill(&plans[index], &submissions[index].state)
        submissions[index].events += plans[index].events.dropFirst(before)
      }
      let inserted = try await store.insert(submissions, plans, idempotency: idempotency)
      left = []
      for (submission, plan) in zip(submissions, plans) {
        switch inserted[submission.run] {
        case .made(let created, let leases):
          accepted[submission.run] = Accepted(
            createdAt: created, submission: submission, newWork: plan.work.count { $0.delayMilliseconds == 0 })
          if let workflow = try? await catalog.find(
            submission.facts.tenant, submission.state.workflow.name, version: submission.state.workflow.version)
          {
            cache.reserve(submission.run)
            cache.put(
              submission.run, KnownRun(facts: submission.facts, workflow: workflow, state: submission.state))
          }
          for step in handout.written(plan, submission.facts, leases.mapValues { $0.with(submission.input.body) }) {
            leased(step)
          }
        case .limited:
          // A limit is counted by the claim: once more, through the queue.
          dispatcher.board.limited(submission.facts.tenant)
          if let again = batch.first(where: { $0.run == submission.run }) { left.append(again) }
        case .known, nil: break
        }
      }
    }
    return batch.map { accepted[$0.run] }
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
    for tries in 0..<RunEngine.triesMax {
      if let result = RunEngine.result(.success(try await submit(change))) { return try result.get() }
      // Replicas that move the same run must not meet again at the next try.
      if tries > 0 { try await EventLoop.sleep(for: .milliseconds(1 + Int(UUID.random().low % UInt64(4 << tries)))) }
    }
    throw Refused.contended
  }

  /// Makes changes that arrived together, each by itself; what became of each stands at its place.
  func apply(all changes: [RunChange]) async throws -> [Result<AfterChange, any Error>] {
    var results = [Result<AfterChange, any Error>?](repeating: nil, count: changes.count)
    var places = [[Int]](repeating: [], count: committers.count)
    for (place, change) in changes.enumerated() { places[stream(of: change.run)].append(place) }
    try await withThrowingTaskGroup(of: (Int, [Result<ChangeOutcome, any Error>]).self) { tasks in
      for (index, members) in places.enumerated() where !members.isEmpty {
        let committer = committers[index]
        let batch = members.map { changes[$0] }
        tasks.addTask { (index, try await committer.submit(all: batch)) }
      }
      for try await (index, outcomes) in tasks {
        for (place, outcome) in zip(places[index], outcomes) { results[place] = RunEngine.result(outcome) }
      }
    }
    var ended: [Result<AfterChange, any Error>] = []
    ended.reserveCapacity(changes.count)
    for (place, result) in results.enumerated() {
      if let result {
        ended.append(result)
      } else {
        do { ended.append(.success(try await apply(changes[place]))) } catch { ended.append(.failure(error)) }
      }
    }
    return ended
  }

  /// `nil` when it is to be tried again.
  private static func result(_ outcome: Result<ChangeOutcome, any Error>) -> Result<AfterChange, any Error>? {
    switch outcome {
    case .success(.made(let after)): .success(after)
    case .success(.refused(.byStore(let error))): .failure(error)
    case .success(.refused(let reason)): .failure(reason)
    case .success(.again): nil
    case .failure(let error): .failure(error)
    }
  }

  private func stream(of run: RunID) -> Int {
    Int(truncatingIfNeeded: (run.uuid.low ^ run.uuid.high) % UInt64(committers.count))
  }

  /// Hands the change to the committer of its run.
  private func submit(_ change: RunChange) async throws -> ChangeOutcome {
    try await committers[stream(of: change.run)].submit(change)
  }

  /// What is known of a run: at least as new as `version`, which the caller has seen at the database. A state from
  /// memory that is older is brought forward before it is used.
  func look(_ run: RunID, atLeast version: Int) async throws -> KnownRun? {
    for _ in 0..<RunEngine.looksMax {
      switch cache.peek(run) {
      case .known(let known) where known.state.sequence >= version: return known
      case .known(let known):
        let newer = try await reader.caughtUp(run, known)
        if let newer { cache.renew(run, newer) }
        return newer
      case .unknown: return try await reader.read(run)
      case .changing: try await EventLoop.sleep(for: .milliseconds(2))
      }
    }
    return try await reader.read(run)
  }

  /// What the database holds of a run at this moment.
  func lookAtDatabase(_ run: RunID) async throws -> KnownRun? {
    guard let version = try await store.version(of: run) else { return nil }
    return try await look(run, atLeast: version)
  }

  /// The workflow of a run that is at work here.
  func knownWorkflow(of run: RunID) -> CompiledWorkflow? { cache.workflow(run) }

  /// The workflow that a run is pinned to.
  func workflow(of run: RunID) async throws -> CompiledWorkflow? {
    if let workflow = cache.workflow(run) { return workflow }
    guard let (facts, name, version) = try await store.head(run) else { return nil }
    return try await catalog.find(facts.tenant, name, version: version)
  }
}
