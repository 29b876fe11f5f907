internal import Contracts
internal import Decider
internal import Postgres
internal import RunStorage
internal import StepDispatch

/// Makes the changes of some runs: takes what has arrived for them, decides it on their newest states, and writes all
/// of it with one statement. Every run belongs to one committer, so that its changes queue up here and not at the
/// database.
final class RunCommitter: Sendable {
  private let store: any RunCommitStore
  private let cache: RunCache
  private let catalog: WorkflowCatalog
  private let metrics: RunMetrics
  private let tracing: RunTracing

  init(
    store: any RunCommitStore, cache: RunCache, catalog: WorkflowCatalog, metrics: RunMetrics, tracing: RunTracing
  ) {
    self.store = store
    self.cache = cache
    self.catalog = catalog
    self.metrics = metrics
    self.tracing = tracing
  }

  private struct Loaded {
    var snapshot: RunSnapshot
    /// Read from the database just now: a refusal is final.
    let isFresh: Bool
  }

  private struct Decided {
    var transition: Transition
    var snapshot: RunSnapshot
    /// Positions of the changes in the batch.
    let members: [Int]
    /// The state before, of a run that others move as well.
    let before: RunSnapshot?
    /// What was refused beside them. It counts when the transition holds: then the state that refused was the newest.
    let refused: [(index: Int, reason: RunRefusal)]
  }

  /// A run that changed, for those who wait for it.
  struct ChangedRun: Sendable {
    let run: RunID
    let status: RunState.Status
    /// Steps in the queue.
    let newWork: Int
    let newTimers: Bool
    /// Whether leases have ended, so that others may have their slots.
    let freesSlots: Bool
  }

  /// Makes a batch of changes and returns the outcome of each. Steps that become ready go to the workers that wait, as
  /// far as there are any; `leased` is called with each.
  func commit(
    _ batch: [RunChange], dispatcher: Dispatcher, leased: (LeasedStep) -> Void, changed: (ChangedRun) -> Void
  ) async throws -> [ChangeOutcome] {
    var eager = EagerDispatch(registry: dispatcher.slots)
    defer { dispatcher.deliver(eager.grants) }
    var outcomes = [ChangeOutcome](repeating: .again, count: batch.count)
    var order: [RunID] = []
    var members: [RunID: [Int]] = [:]
    for (index, change) in batch.enumerated() {
      if members[change.run] == nil { order.append(change.run) }
      members[change.run, default: []].append(index)
    }
    var decided: [RunID: Decided] = [:]
    var transitions: [Transition] = []
    do {
      for run in order {
        let indices = members[run] ?? []
        var loaded: Loaded
        do throws(ChangeRefusal) { loaded = try await load(run) } catch {
          for index in indices { outcomes[index] = .refused(error) }
          continue
        }
        guard var result = decideAll(run, &loaded, indices, batch, &outcomes) else { continue }
        eager.assign(&result.transition, &result.snapshot.state)
        decided[run] = result
        transitions.append(result.transition)
      }
      guard !transitions.isEmpty else { return outcomes }
      metrics.commit(size: transitions.count)
      let (written, failed) = try await write(transitions)
      for transition in transitions {
        guard let result = decided[transition.run] else { continue }
        if let error = failed[transition.run] {
          cache.forget(transition.run)
          for index in result.members { outcomes[index] = .refused(.byStore(error)) }
          continue
        }
        let outcome = written[transition.run] ?? .conflict
        if case .limited = outcome { dispatcher.slots.limitMet(transition.tenant) }
        settle(transition, result, outcome, batch, &outcomes, changed)
        guard case .committed(let leases) = outcome else { continue }
        for step in eager.committed(transition, result.snapshot.facts, leases) { leased(step) }
      }
    } catch {
      for run in order { cache.forget(run) }
      throw error
    }
    return outcomes
  }

  /// Writes transitions together. When the database refuses the statement as such, each is written by itself, so that
  /// one that it cannot take fails nobody else.
  private func write(
    _ transitions: [Transition]
  ) async throws -> (written: [RunID: RunStore.Outcome], failed: [RunID: PostgresError]) {
    do { return (try await store.apply(transitions), [:]) } catch let error as PostgresError
      where !error.isTransient && transitions.count > 1
    {
      var written: [RunID: RunStore.Outcome] = [:]
      var failed: [RunID: PostgresError] = [:]
      for transition in transitions {
        do { written.merge(try await store.apply([transition])) { $1 } } catch let error as PostgresError {
          failed[transition.run] = error
        }
      }
      return (written, failed)
    }
  }

  private func load(_ run: RunID) async throws(ChangeRefusal) -> Loaded {
    let checkedOut = cache.checkOut(run)
    if let checkedOut, !checkedOut.isUnverified { return Loaded(snapshot: checkedOut.snapshot, isFresh: false) }
    if checkedOut == nil { cache.reserve(run) }
    let snapshot: RunSnapshot?
    do {
      snapshot = if let checkedOut { try await caughtUp(run, checkedOut.snapshot) } else { try await read(run) }
    } catch let error as PostgresError {
      cache.forget(run)
      throw .byStore(error)
    } catch {
      cache.forget(run)
      throw .unreadable("\(error)")
    }
    guard let snapshot else {
      cache.forget(run)
      throw .unknownRun
    }
    return Loaded(snapshot: snapshot, isFresh: true)
  }

  /// Reads a run from the database: its head, its workflow and its history.
  func read(_ run: RunID) async throws -> RunSnapshot? {
    guard let head = try await store.head(run) else { return nil }
    let isContested = cache.takeContested(run)
    let found = try await catalog.find(head.facts.tenant, head.workflow, version: head.version)
    let workflow = found ?? CompiledWorkflow(Workflow(name: head.workflow, version: head.version, steps: []))
    var state = RunState(workflow: workflow.workflow)
    for event in try await store.history(run) { evolve(&state, event) }
    return RunSnapshot(
      facts: head.facts, workflow: workflow, state: state, isWorkflowGone: found == nil, isContested: isContested,
      createdAt: head.createdAt)
  }

  /// A state brought forward to what the database holds: it is the fold of a prefix of the history, the rest is read.
  func caughtUp(_ run: RunID, _ older: RunSnapshot) async throws -> RunSnapshot? {
    guard let version = try await store.version(of: run) else { return nil }
    var snapshot = older
    for event in try await store.history(run, after: snapshot.state.sequence) { evolve(&snapshot.state, event) }
    // Of an archived run nothing stands in the history any more.
    return snapshot.state.sequence >= version ? snapshot : try await read(run)
  }

  /// Decides all changes of one run. `nil` when none is left to be written.
  private func decideAll(
    _ run: RunID, _ loaded: inout Loaded, _ members: [Int], _ batch: [RunChange], _ outcomes: inout [ChangeOutcome]
  ) -> Decided? {
    let before = loaded.snapshot.isContested ? loaded.snapshot : nil
    let expected = loaded.snapshot.state.sequence
    var events: [RunEvent] = []
    var payloads: [Payload] = []
    var proofs: [Transition.LeaseProof] = []
    var timers: [Int64] = []
    var accepted: [Int] = []
    var refused: [(index: Int, reason: RunRefusal)] = []
    for index in members {
      let change = batch[index]
      // Two proofs of one lease in one statement could contradict each other.
      if let proof = change.proof, proofs.contains(where: { $0.step == proof.step }) { continue }
      if loaded.snapshot.isWorkflowGone, !change.inputs.allSatisfy(\.isEnd) {
        outcomes[index] = .refused(.workflowGone)
        continue
      }
      var made: [RunEvent] = []
      do throws(RunRefusal) {
        for input in change.inputs { made += try decide(&loaded.snapshot.state, input) }
      } catch {
        if made.isEmpty {
          refused.append((index, error))
          continue
        }
        // Half of it was decided: nothing of this run is written now.
        cache.forget(run)
        if loaded.isFresh, accepted.isEmpty { outcomes[index] = .refused(.byDecider(error)) }
        return nil
      }
      events += made
      payloads += change.payloads
      if let proof = change.proof { proofs.append(proof) }
      if let timer = change.timer { timers.append(timer) }
      accepted.append(index)
    }
    guard !accepted.isEmpty else {
      // What a state from memory refuses is decided again on what the database holds.
      if loaded.isFresh {
        for (index, reason) in refused { outcomes[index] = .refused(.byDecider(reason)) }
      }
      cache.checkIn(run, loaded.snapshot, isUnverified: !loaded.isFresh)
      return nil
    }
    let builder = TransitionBuilder(run: run, facts: loaded.snapshot.facts, state: loaded.snapshot.state)
    let transition = builder.transition(
      expected: expected, events: events, payloads: payloads, proofs: proofs, finishedTimers: timers)
    return Decided(
      transition: transition, snapshot: loaded.snapshot, members: accepted, before: before, refused: refused)
  }

  private func settle(
    _ transition: Transition, _ decided: Decided, _ outcome: RunStore.Outcome, _ batch: [RunChange],
    _ outcomes: inout [ChangeOutcome], _ changed: (ChangedRun) -> Void
  ) {
    switch outcome {
    case .committed:
      let result = ChangeResult(
        status: transition.status, effectiveStatus: decided.snapshot.state.effectiveStatus, sequence: transition.version
      )
      for index in decided.members { outcomes[index] = .made(result) }
      for (index, reason) in decided.refused { outcomes[index] = .refused(.byDecider(reason)) }
      cache.checkIn(transition.run, decided.snapshot)
      if transition.status.isEnded { metrics.ended(transition.status) }
      for event in transition.events { metrics.count(event) }
      tracing.committed(transition, decided.snapshot)
      changed(
        ChangedRun(
          run: transition.run, status: transition.status,
          newWork: transition.work.count { $0.delayMilliseconds == 0 },
          newTimers: !transition.timers.isEmpty || transition.work.contains { $0.delayMilliseconds > 0 }
            || (transition.parent != nil && transition.status.isEnded),
          freesSlots: transition.clearing == .everything || transition.proofs.contains { $0.isReleased }))
    case .conflict:
      if let before = decided.before {
        cache.checkIn(transition.run, before, isUnverified: true)
      } else {
        cache.forgetContested(transition.run)
      }
    case .limited: cache.forget(transition.run)
    case .leaseLost(let steps):
      cache.forget(transition.run)
      for index in decided.members {
        if let proof = batch[index].proof, steps.contains(proof.step) { outcomes[index] = .refused(.leaseLost) }
      }
    }
  }
}
