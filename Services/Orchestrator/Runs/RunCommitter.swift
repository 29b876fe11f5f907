internal import Contracts
internal import Decider
internal import Postgres
internal import RunStorage

/// Something that happens to a run.
struct RunChange: Sendable {
  let run: RunID
  /// All of them or none; only the first may be refused.
  let inputs: [RunInput]
  var payloads: [Payload] = []
  var proof: Transition.LeaseProof?
  /// The timer whose work this is.
  var timer: Int64?

  /// About what it has in bytes.
  var bytes: Int { payloads.reduce(500) { $0 + $1.body.count } + inputs.reduce(0) { $0 + $1.bytes } }
}

extension RunInput {
  /// What may be large in it: plans and their prompts.
  fileprivate var bytes: Int {
    guard case .plan(_, _, _, _, let steps) = self else { return 0 }
    return steps.reduce(0) { $0 + ($1.input?.utf8.count ?? 0) + 200 }
  }
}

/// What became of it.
enum ChangeOutcome: Sendable {
  case made(AfterChange)
  case refused(RunEngine.Refused)
  /// Others moved the run meanwhile, or what was known of it is old: to be tried again.
  case again
}

/// Where a run stands behind a change.
struct AfterChange: Sendable {
  let status: RunState.Status
  let effectiveStatus: String
  let sequence: Int
}

/// Makes the changes of some runs: takes what has arrived for them, decides it on their newest states, and writes all
/// of it with one statement. Every run belongs to one committer, so that its changes queue up here and not at the
/// database.
final class RunCommitter: Sendable {
  private let store: RunStore
  private let cache: RunCache
  private let catalog: WorkflowCatalog
  private let metrics: RunMetrics

  init(store: RunStore, cache: RunCache, catalog: WorkflowCatalog, metrics: RunMetrics) {
    self.store = store
    self.cache = cache
    self.catalog = catalog
    self.metrics = metrics
  }

  private struct Loaded {
    var known: KnownRun
    /// Read from the database just now: a refusal is final.
    let isFresh: Bool
  }

  private struct Made {
    var transition: Transition
    var known: KnownRun
    /// Positions of the changes in the batch.
    let members: [Int]
    /// The state before, of a run that others move as well.
    let before: KnownRun?
    /// What was refused beside them. It counts when the transition holds: then the state that refused was the newest.
    let refused: [(index: Int, reason: RunRefusal)]
  }

  /// What `commit` tells about each run that moved, for those who wait for it.
  struct Moved: Sendable {
    let run: RunID
    let events: [RunEvent]
    let status: RunState.Status
    /// Steps in the queue.
    let newWork: Int
    let newTimers: Bool
    /// Whether leases have ended, so that others may have their slots.
    let freesSlots: Bool
  }

  /// Makes a batch of changes and returns the outcome of each. Steps that become ready go to the workers that wait, as
  /// far as there are any; `leased` is told of each.
  func commit(
    _ batch: [RunChange], dispatcher: Dispatcher, leased: (LeasedStep) -> Void, moved: (Moved) -> Void
  ) async throws -> [ChangeOutcome] {
    var handout = Handout(board: dispatcher.board)
    defer { dispatcher.deliver(handout.shares) }
    var outcomes = [ChangeOutcome](repeating: .again, count: batch.count)
    var order: [RunID] = []
    var members: [RunID: [Int]] = [:]
    for (index, change) in batch.enumerated() {
      if members[change.run] == nil { order.append(change.run) }
      members[change.run, default: []].append(index)
    }
    var made: [RunID: Made] = [:]
    var transitions: [Transition] = []
    do {
      for run in order {
        let indices = members[run] ?? []
        var loaded: Loaded
        do throws(RunEngine.Refused) { loaded = try await load(run) } catch {
          for index in indices { outcomes[index] = .refused(error) }
          continue
        }
        guard var result = decideAll(run, &loaded, indices, batch, &outcomes) else { continue }
        handout.fill(&result.transition, &result.known.state)
        made[run] = result
        transitions.append(result.transition)
      }
      guard !transitions.isEmpty else { return outcomes }
      metrics.commit(size: transitions.count)
      let (written, failed) = try await write(transitions)
      for transition in transitions {
        guard let result = made[transition.run] else { continue }
        if let error = failed[transition.run] {
          cache.forget(transition.run)
          for index in result.members { outcomes[index] = .refused(.byStore(error)) }
          continue
        }
        let outcome = written[transition.run] ?? .conflict
        if case .limited = outcome { dispatcher.board.limited(transition.tenant) }
        settle(transition, result, outcome, batch, &outcomes, moved)
        guard case .committed(let leases) = outcome else { continue }
        for step in handout.written(transition, result.known.facts, leases) { leased(step) }
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

  private func load(_ run: RunID) async throws(RunEngine.Refused) -> Loaded {
    let taken = cache.take(run)
    if let taken, !taken.isDoubtful { return Loaded(known: taken.known, isFresh: false) }
    if taken == nil { cache.reserve(run) }
    let known: KnownRun?
    do {
      known = if let taken { try await caughtUp(run, taken.known) } else { try await read(run) }
    } catch let error as PostgresError {
      cache.forget(run)
      throw .byStore(error)
    } catch {
      cache.forget(run)
      throw .unreadable("\(error)")
    }
    guard let known else {
      cache.forget(run)
      throw .unknownRun
    }
    return Loaded(known: known, isFresh: true)
  }

  /// Reads a run from the database: its head, its workflow and its history.
  func read(_ run: RunID) async throws -> KnownRun? {
    guard let (facts, name, version) = try await store.head(run) else { return nil }
    let isContested = cache.takeContested(run)
    let found = try await catalog.find(facts.tenant, name, version: version)
    let workflow = found ?? CompiledWorkflow(Workflow(name: name, version: version, steps: []))
    var state = RunState(workflow: workflow.workflow)
    for event in try await store.history(run) { evolve(&state, event) }
    return KnownRun(
      facts: facts, workflow: workflow, state: state, isWorkflowGone: found == nil, isContested: isContested)
  }

  /// A state brought forward to what the database holds: it is the fold of a prefix of the history, the rest is read.
  func caughtUp(_ run: RunID, _ known: KnownRun) async throws -> KnownRun? {
    guard let version = try await store.version(of: run) else { return nil }
    var known = known
    for event in try await store.history(run, after: known.state.sequence) { evolve(&known.state, event) }
    // Of an archived run nothing stands in the history any more.
    return known.state.sequence >= version ? known : try await read(run)
  }

  /// Decides all changes of one run. `nil` when none is left to be written.
  private func decideAll(
    _ run: RunID, _ loaded: inout Loaded, _ members: [Int], _ batch: [RunChange], _ outcomes: inout [ChangeOutcome]
  ) -> Made? {
    let before = loaded.known.isContested ? loaded.known : nil
    let expected = loaded.known.state.sequence
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
      if loaded.known.isWorkflowGone, !change.inputs.allSatisfy(\.isEnd) {
        outcomes[index] = .refused(.workflowGone)
        continue
      }
      var made: [RunEvent] = []
      do throws(RunRefusal) {
        for input in change.inputs { made += try decide(&loaded.known.state, input) }
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
      cache.put(run, loaded.known, isDoubtful: !loaded.isFresh)
      return nil
    }
    let dispatching = Dispatching(run: run, facts: loaded.known.facts, state: loaded.known.state)
    let transition = dispatching.transition(
      expected: expected, events: events, payloads: payloads, proofs: proofs, finishedTimers: timers)
    return Made(transition: transition, known: loaded.known, members: accepted, before: before, refused: refused)
  }

  private func settle(
    _ transition: Transition, _ made: Made, _ outcome: RunStore.Outcome, _ batch: [RunChange],
    _ outcomes: inout [ChangeOutcome], _ moved: (Moved) -> Void
  ) {
    switch outcome {
    case .committed:
      let after = AfterChange(
        status: transition.status, effectiveStatus: made.known.state.effectiveStatus, sequence: transition.version)
      for index in made.members { outcomes[index] = .made(after) }
      for (index, reason) in made.refused { outcomes[index] = .refused(.byDecider(reason)) }
      cache.put(transition.run, made.known)
      if transition.status.isEnded { metrics.ended(transition.status) }
      for event in transition.events { metrics.count(event) }
      moved(
        Moved(
          run: transition.run, events: transition.events, status: transition.status,
          newWork: transition.work.count { $0.delayMilliseconds == 0 },
          newTimers: !transition.timers.isEmpty || transition.work.contains { $0.delayMilliseconds > 0 }
            || (transition.parent != nil && transition.status.isEnded),
          freesSlots: transition.clearing == .everything || transition.proofs.contains { $0.isReleased }))
    case .conflict:
      if let before = made.before {
        cache.put(transition.run, before, isDoubtful: true)
      } else {
        cache.forgetContested(transition.run)
      }
    case .limited: cache.forget(transition.run)
    case .leaseLost(let steps):
      cache.forget(transition.run)
      for index in made.members {
        if let proof = batch[index].proof, steps.contains(proof.step) { outcomes[index] = .refused(.leaseLost) }
      }
    }
  }
}

extension RunInput {
  /// Whether it only ends the run.
  fileprivate var isEnd: Bool {
    switch self {
    case .cancel, .expire: true
    default: false
    }
  }
}
