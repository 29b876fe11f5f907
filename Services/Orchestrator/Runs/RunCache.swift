internal import Contracts
internal import Decider
internal import RunStorage
internal import Synchronization

/// A run as this process has seen it last.
struct KnownRun: Sendable {
  let facts: RunFacts
  let workflow: CompiledWorkflow
  var state: RunState
  /// The document of its workflow is not there: nothing can be decided of it but its end.
  var isWorkflowGone = false
  /// Other replicas move it at the same time: its state is kept while a change is written that may come too late.
  var isContested = false
}

/// States of runs that are at work. Only a hint: each is the fold of a prefix of its history, and other replicas may
/// have moved the run on. The fence of every write finds out when one is old, a refusal counts only on what the
/// database holds, and a run that only waits is not kept, so that it costs no memory.
///
/// A state is taken out while it changes, so that it is never copied; leases that happen meanwhile are noted and caught
/// up with when it comes back.
final class RunCache: Sendable {
  private static let runsMax = 20_000
  private static let contestedMax = 1000

  private enum Entry {
    /// A doubtful one has to catch up with the database before it is used.
    case known(KnownRun, isDoubtful: Bool)
    /// Taken by a committer; steps leased since then, with the version of the run behind each.
    case taken(workflow: CompiledWorkflow?, started: [(version: Int, event: RunEvent)])
  }

  private let entries = Mutex<[RunID: Entry]>([:])
  private let contested = Mutex<Set<RunID>>([])

  /// Takes a run out; `nil` when it is not known.
  func take(_ run: RunID) -> (known: KnownRun, isDoubtful: Bool)? {
    entries.withLock { entries in
      guard case .known(let known, let isDoubtful)? = entries[run] else { return nil }
      entries[run] = .taken(workflow: known.workflow, started: [])
      return (known, isDoubtful)
    }
  }

  /// Marks a run as taken before it is loaded, so that leases are noted.
  func reserve(_ run: RunID) { entries.withLock { $0[run] = .taken(workflow: nil, started: []) } }

  /// Puts a run back, or lets it go when nothing is at work there. A doubtful one refused something that may have been
  /// right for the state at the database.
  func put(_ run: RunID, _ known: KnownRun, isDoubtful: Bool = false) {
    entries.withLock { entries in
      var known = known
      if case .taken(_, let started)? = entries[run] {
        for (version, event) in started.sorted(by: { $0.version < $1.version }) where version > known.state.sequence {
          guard version == known.state.sequence + 1 else {
            entries[run] = nil
            return
          }
          evolve(&known.state, event)
        }
      }
      guard !known.state.status.isEnded, isDoubtful || RunCache.isKept(known.state) else {
        entries[run] = nil
        return
      }
      if entries.count >= RunCache.runsMax, entries[run] == nil { RunCache.evict(&entries) }
      entries[run] = .known(known, isDoubtful: isDoubtful)
    }
  }

  private static func isKept(_ state: RunState) -> Bool { state.isActive || state.awaitsSubRuns }

  /// Puts a newer state in the place of an older one that nobody has taken.
  func renew(_ run: RunID, _ newer: KnownRun) {
    entries.withLock { entries in
      guard case .known(let older, _)? = entries[run], older.state.sequence <= newer.state.sequence else { return }
      let isKept = !newer.state.status.isEnded && RunCache.isKept(newer.state)
      entries[run] = isKept ? .known(newer, isDoubtful: false) : nil
    }
  }

  /// Forgets a run that another replica has moved; the next time its state is kept.
  func forgetContested(_ run: RunID) {
    forget(run)
    contested.withLock { contested in
      if contested.count >= RunCache.contestedMax { contested.removeAll() }
      contested.insert(run)
    }
  }

  /// Whether others were seen to move the run, since it was asked last.
  func takeContested(_ run: RunID) -> Bool {
    contested.withLock { $0.isEmpty ? false : $0.remove(run) != nil }
  }

  /// Forgets a run.
  func forget(_ run: RunID) { entries.withLock { $0[run] = nil } }

  /// Follows a lease.
  func started(_ run: RunID, version: Int, _ event: RunEvent) {
    entries.withLock { entries in
      switch entries.removeValue(forKey: run) {
      case .known(var known, let isDoubtful)? where known.state.sequence + 1 == version:
        evolve(&known.state, event)
        entries[run] = .known(known, isDoubtful: isDoubtful)
      case .taken(let workflow, var started)?:
        started.append((version, event))
        entries[run] = .taken(workflow: workflow, started: started)
      case .known?, nil: break
      }
    }
  }

  /// What there is to see of a run.
  enum Sight: Sendable {
    /// A copy of what is known.
    case known(KnownRun)
    /// It is being changed just now.
    case changing
    /// Nothing is known here.
    case unknown
  }

  /// Looks at a run without taking it.
  func peek(_ run: RunID) -> Sight {
    entries.withLock { entries in
      switch entries[run] {
      case .known(let known, _): .known(known)
      case .taken: .changing
      case nil: .unknown
      }
    }
  }

  /// The workflow of a run, even while it is being changed.
  func workflow(_ run: RunID) -> CompiledWorkflow? {
    entries.withLock { entries in
      switch entries[run] {
      case .known(let known, _): known.workflow
      case .taken(let workflow, _): workflow
      case nil: nil
      }
    }
  }

  private static func evict(_ entries: inout [RunID: Entry]) {
    let known = entries.first { entry in
      if case .known = entry.value { true } else { false }
    }
    if let known { entries[known.key] = nil }
  }
}
