package import Contracts
package import Decider
internal import Primitives
package import Reactor
package import RunStorage
package import StepDispatch
internal import SystemSources
package import Telemetry

/// The shell around the decider: accepts runs, gives changes to the committers of their runs, and notifies those who
/// wait.
package final class Engine: Sendable {
  private static let triesMax = 8
  private static let lookupsMax = 25
  private static let lookupPause = Duration.milliseconds(2)
  /// How long a busy stream of commits gathers where other replicas are at work.
  private static let gathering = Duration.milliseconds(3)

  package let catalog: WorkflowCatalog
  package let metrics: RunMetrics
  package let tracing: RunTracing
  package let watchers: RunWatchers
  package let dispatcher: Dispatcher
  package let leases = LeaseRegistry()
  package let submitters: SubmitterCache
  private let notifier: ReplicaNotifier
  /// Wakes the timers when one was set that is due soon.
  let timerSignal = WakeSignal()
  private let store: any RunCommitStore
  private let cache = RunCache()
  private let reader: RunCommitter
  private let newRuns: SubmissionCommitter
  private let submissions: [GroupCommit<Submission, AcceptedRun?>]
  private let changes: [GroupCommit<RunChange, ChangeOutcome>]

  /// Makes the engine and its dispatcher.
  package init(
    group: EventLoopGroup, store: some RunCommitStore, queue: some StepQueue, catalog: WorkflowCatalog,
    submitters: SubmitterCache, notifier: ReplicaNotifier, metrics: RunMetrics,
    tracing: RunTracing, logger: Logger
  ) {
    self.notifier = notifier
    self.store = store
    self.catalog = catalog
    self.submitters = submitters
    self.metrics = metrics
    self.tracing = tracing
    let (cache, leases, timerSignal) = (cache, leases, timerSignal)
    let watchers = RunWatchers(onWatch: notifier.readerCame)
    self.watchers = watchers
    let dispatcher = Dispatcher(loop: group.loops[0], queue: queue, logger: logger) { step, worker in
      leases.granted(step)
      cache.started(
        step.run, version: step.version, .stepStarted(step: step.key, attempt: step.attempt, worker: worker))
      watchers.notify(step.run, mayHaveEnded: false)
      notifier.runChanged(step.run)
      metrics.leased(step.waitedMicroseconds, isEager: false, in: tracing.recorded(step))
    }
    self.dispatcher = dispatcher
    let leased = { @Sendable (step: LeasedStep) in
      leases.granted(step)
      metrics.leased(step.waitedMicroseconds, isEager: true, in: tracing.recorded(step))
    }
    let newRuns = SubmissionCommitter(
      store: store, cache: cache, catalog: catalog, dispatcher: dispatcher, leased: leased)
    self.newRuns = newRuns
    let committer = RunCommitter(store: store, cache: cache, catalog: catalog, metrics: metrics, tracing: tracing)
    reader = committer
    let loops = group.loops
    let streams = max(1, loops.count / 2)
    // Replicas share one database: what each leaves to it in larger portions, all of them have more of.
    let pause = { @Sendable in notifier.hasOthers ? Engine.gathering : nil }
    submissions = (0..<streams).map { index in
      GroupCommit(loop: loops[2 * index % loops.count], size: \.bytes, pause: pause) { batch in
        submitters.add(batch)
        return try await newRuns.commit(batch, idempotency: nil)
      }
    }
    changes = (0..<streams).map { index in
      GroupCommit(loop: loops[(2 * index + 1) % loops.count], size: \.bytes, pause: pause) { batch in
        try await committer.commit(batch, dispatcher: dispatcher, leased: leased) { changed in
          watchers.notify(changed.run, mayHaveEnded: changed.status.isEnded)
          notifier.runChanged(changed.run)
          if changed.newWork > 0 {
            dispatcher.wake(changed.newWork)
            notifier.stepsReady()
          }
          if changed.freesSlots, dispatcher.leasesEnded() { notifier.stepsReady() }
          if changed.newTimers { timerSignal.wake() }
        }
      }
    }
  }

  // MARK: Life

  /// Exchanges notifications with other replicas and polls the ready queue, until cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await notifier.run(self) }
      group.addTask { [self] in await dispatcher.pollPeriodically() }
    }
  }

  /// Ends all waits of workers and readers: they shall go on at another replica.
  package func drain() {
    dispatcher.drain()
    watchers.drain()
  }

  // MARK: New runs

  /// Accepts a run: durable when this returns. `nil` when it was there already.
  @discardableResult
  package func accept(_ submission: Submission, idempotency: IdempotencyRow? = nil) async throws -> AcceptedRun? {
    let accepted: AcceptedRun?
    if let idempotency {
      submitters.add([submission])
      accepted = try await newRuns.commit([submission], idempotency: idempotency).first ?? nil
    } else {
      accepted = try await submissions[stream(of: submission.run)].submit(submission)
    }
    guard let accepted else { return nil }
    metrics.submitted()
    if submission.state.status.isEnded {
      metrics.ended(submission.state.status)
      tracing.ended(
        submission.run, submission.facts, submission.state.workflow.name, submission.state.status, nil,
        since: accepted.createdAt)
    }
    if accepted.newWork > 0 {
      dispatcher.wake(accepted.newWork)
      notifier.stepsReady()
    }
    if submission.hasTimers { timerSignal.wake() }
    return accepted
  }

  // MARK: Changes

  /// Lets one input happen to the run.
  @discardableResult
  package func apply(_ input: RunInput, to run: RunID, payloads: [Payload] = []) async throws -> ChangeResult {
    try await apply(RunChange(run: run, inputs: [input], payloads: payloads))
  }

  /// Makes a change: decided on the newest state, committed behind the fence, tried again when others were faster.
  /// Throws `ChangeRefusal` or the store's error.
  @discardableResult
  package func apply(_ change: RunChange) async throws -> ChangeResult {
    for tries in 0..<Engine.triesMax {
      let outcome = try await changes[stream(of: change.run)].submit(change)
      if let result = Engine.result(.success(outcome)) { return try result.get() }
      // Replicas that move the same run must not meet again at the next try.
      if tries > 0 { try await EventLoop.sleep(for: .milliseconds(1 + Int(UUID.random().low % UInt64(4 << tries)))) }
    }
    throw ChangeRefusal.contended
  }

  /// Makes changes that arrived together, each by itself; what became of each stands at its place.
  package func apply(all batch: [RunChange]) async throws -> [Result<ChangeResult, any Error>] {
    var results = [Result<ChangeResult, any Error>?](repeating: nil, count: batch.count)
    var places = [[Int]](repeating: [], count: changes.count)
    for (place, change) in batch.enumerated() { places[stream(of: change.run)].append(place) }
    try await withThrowingTaskGroup(of: (Int, [Result<ChangeOutcome, any Error>]).self) { tasks in
      for (index, members) in places.enumerated() where !members.isEmpty {
        let committer = changes[index]
        let part = members.map { batch[$0] }
        tasks.addTask { (index, try await committer.submit(all: part)) }
      }
      for try await (index, outcomes) in tasks {
        for (place, outcome) in zip(places[index], outcomes) { results[place] = Engine.result(outcome) }
      }
    }
    var ended: [Result<ChangeResult, any Error>] = []
    ended.reserveCapacity(batch.count)
    for (place, result) in results.enumerated() {
      if let result {
        ended.append(result)
      } else {
        do { ended.append(.success(try await apply(batch[place]))) } catch { ended.append(.failure(error)) }
      }
    }
    return ended
  }

  /// `nil` when it is to be tried again.
  private static func result(_ outcome: Result<ChangeOutcome, any Error>) -> Result<ChangeResult, any Error>? {
    switch outcome {
    case .success(.made(let result)): .success(result)
    case .success(.refused(.byStore(let error))): .failure(error)
    case .success(.refused(let reason)): .failure(reason)
    case .success(.again): nil
    case .failure(let error): .failure(error)
    }
  }

  /// Every run belongs to one stream of commits.
  private func stream(of run: RunID) -> Int {
    Int(truncatingIfNeeded: (run.uuid.low ^ run.uuid.high) % UInt64(changes.count))
  }

  // MARK: Lookups

  /// What is known of a run: at least as new as `version`, which the caller has seen at the database. A state from
  /// memory that is older is brought forward before it is used.
  package func snapshot(of run: RunID, atLeast version: Int) async throws -> RunSnapshot? {
    for _ in 0..<Engine.lookupsMax {
      switch cache.lookup(run) {
      case .known(let snapshot) where snapshot.state.sequence >= version: return snapshot
      case .known(let snapshot):
        let newer = try await reader.caughtUp(run, snapshot)
        if let newer { cache.renew(run, newer) }
        return newer
      case .unknown: return try await reader.read(run)
      case .changing: try await EventLoop.sleep(for: Engine.lookupPause)
      }
    }
    return try await reader.read(run)
  }

  /// What the database holds of a run at this moment.
  func currentSnapshot(of run: RunID) async throws -> RunSnapshot? {
    guard let version = try await store.version(of: run) else { return nil }
    return try await snapshot(of: run, atLeast: version)
  }

  /// The workflow of a run that is at work here.
  package func cachedWorkflow(of run: RunID) -> CompiledWorkflow? { cache.workflow(run) }

  /// The workflow that a run is pinned to.
  package func workflow(of run: RunID) async throws -> CompiledWorkflow? {
    if let workflow = cache.workflow(run) { return workflow }
    guard let head = try await store.head(run) else { return nil }
    return try await catalog.find(head.facts.tenant, head.workflow, version: head.version)
  }
}
