package import Contracts
package import Decider

/// States of runs that are at work. Only a hint: each is the fold of a prefix of its history, and other replicas may
/// have moved the run on. The fence of every write finds out when one is old, a refusal counts only on what the
/// database holds, and a run that only waits is not kept, so that it costs no memory.
///
/// A state is checked out while it changes, so that it is never copied; leases that happen meanwhile are noted and
/// applied when it comes back.
///
/// Pure: `RunCache` guards it.
package struct RunCacheStateMachine: Sendable {
  private static let runsMax = 20_000
  private static let contestedMax = 1000

  private enum Entry {
    /// One that is unverified has to catch up with the database before it is used.
    case known(RunSnapshot, isUnverified: Bool)
    /// Checked out by a committer; steps leased since then, with the version of the run behind each.
    case checkedOut(workflow: CompiledWorkflow?, started: [(version: Int, event: RunEvent)])
  }

  private var entries: [RunID: Entry] = [:]
  private var contested: Set<RunID> = []

  /// Nothing is known.
  package init() {}

  // MARK: Checking out

  /// Checks a run out; `nil` when it is not known.
  package mutating func checkOut(_ run: RunID) -> (snapshot: RunSnapshot, isUnverified: Bool)? {
    guard case .known(let snapshot, let isUnverified)? = entries[run] else { return nil }
    entries[run] = .checkedOut(workflow: snapshot.workflow, started: [])
    return (snapshot, isUnverified)
  }

  /// Marks a run as checked out before it is loaded, so that leases are noted.
  package mutating func reserve(_ run: RunID) { entries[run] = .checkedOut(workflow: nil, started: []) }

  /// Checks a run in, or forgets it when nothing is at work there. An unverified one refused something that may be
  /// right for the state at the database.
  package mutating func checkIn(_ run: RunID, _ checkedOut: RunSnapshot, isUnverified: Bool = false) {
    var snapshot = checkedOut
    if case .checkedOut(_, let started)? = entries[run] {
      for (version, event) in started.sorted(by: { $0.version < $1.version }) where version > snapshot.state.sequence {
        guard version == snapshot.state.sequence + 1 else {
          entries[run] = nil
          return
        }
        evolve(&snapshot.state, event)
      }
    }
    guard !snapshot.state.status.isEnded, isUnverified || Self.isKept(snapshot.state) else {
      entries[run] = nil
      return
    }
    if entries.count >= Self.runsMax, entries[run] == nil { evict() }
    entries[run] = .known(snapshot, isUnverified: isUnverified)
  }

  /// Forgets a run.
  package mutating func forget(_ run: RunID) { entries[run] = nil }

  // MARK: Updates

  /// Puts a newer state in the place of an older one that nobody has checked out.
  package mutating func renew(_ run: RunID, _ newer: RunSnapshot) {
    guard case .known(let older, _)? = entries[run], older.state.sequence <= newer.state.sequence else { return }
    let isKept = !newer.state.status.isEnded && Self.isKept(newer.state)
    entries[run] = isKept ? .known(newer, isUnverified: false) : nil
  }

  /// A step was leased, which made `version` of the run.
  package mutating func started(_ run: RunID, version: Int, _ event: RunEvent) {
    switch entries.removeValue(forKey: run) {
    case .known(var snapshot, let isUnverified)? where snapshot.state.sequence + 1 == version:
      evolve(&snapshot.state, event)
      entries[run] = .known(snapshot, isUnverified: isUnverified)
    case .checkedOut(let workflow, var started)?:
      started.append((version, event))
      entries[run] = .checkedOut(workflow: workflow, started: started)
    case .known?, nil: break
    }
  }

  /// Forgets a run that another replica has moved; the next time its state is kept while a change is written.
  package mutating func forgetContested(_ run: RunID) {
    forget(run)
    if contested.count >= Self.contestedMax { contested.removeAll() }
    contested.insert(run)
  }

  /// Whether others were seen to move the run, since this was asked last.
  package mutating func takeContested(_ run: RunID) -> Bool {
    contested.isEmpty ? false : contested.remove(run) != nil
  }

  // MARK: Lookups

  /// What is known of a run.
  package enum Lookup: Sendable {
    /// A copy of its state.
    case known(RunSnapshot)
    /// It is being changed just now.
    case changing
    /// Nothing is known here.
    case unknown
  }

  /// Looks a run up without checking it out.
  package func lookup(_ run: RunID) -> Lookup {
    switch entries[run] {
    case .known(let snapshot, _): .known(snapshot)
    case .checkedOut: .changing
    case nil: .unknown
    }
  }

  /// The workflow of a run, even while it is being changed.
  package func workflow(_ run: RunID) -> CompiledWorkflow? {
    switch entries[run] {
    case .known(let snapshot, _): snapshot.workflow
    case .checkedOut(let workflow, _): workflow
    case nil: nil
    }
  }

  private static func isKept(_ state: RunState) -> Bool { state.isActive || state.awaitsSubRuns }

  private mutating func evict() {
    let known = entries.first { entry in
      if case .known = entry.value { true } else { false }
    }
    if let known { entries[known.key] = nil }
  }
}
