internal import Contracts
package import PolicyDecisions
internal import Postgres
internal import Reactor
internal import Synchronization
package import Telemetry

/// Brings what is stored about policies into the engine of this gateway: at the start, when a change is notified, and
/// every two seconds, because notices can be lost. While the database is away, what was last read counts. A gateway
/// whose `load` has not come to its end decides nothing.
package final class StoredPolicies: Sendable {
  /// Rows of one query.
  private static let pageRows = 200

  private struct State {
    var isReading = false
    var isAskedAgain = false
    /// Whether the last attempt to read went well.
    var isCurrent = false
    /// The switches in force, when they come from the database.
    var switches: StoredSwitches?
    /// The number up to which all changes of data were read.
    var cursor: Int64 = 0
    /// The version of the switches that was last read.
    var readVersion = 0
    /// The change of each tenant's data that is in force.
    var revisions: [TenantID: Int64] = [:]
    /// Whether all deleted tenants were let go of, but those of late.
    var knowsDeletions = false
  }

  private let store: PolicyStore
  private let control: PolicyControl
  /// The switches of the settings.
  private let settings: PolicySwitches
  private let listener: PostgresListener?
  private let interval: Duration
  private let reads: CounterFamily
  private let logger: Logger
  private let changed: @Sendable () -> Void
  private let state = Mutex(State())

  /// Makes it for the switches of an engine, which are those of the settings now. Without `listens` the clock alone
  /// says when to look. `changed` is called when something was put in force.
  package init(
    _ store: PolicyStore, _ control: PolicyControl, listens: Bool = true, every interval: Duration = .seconds(2),
    telemetry: Telemetry, changed: @escaping @Sendable () -> Void = {}
  ) {
    self.store = store
    self.changed = changed
    self.control = control
    self.interval = interval
    settings = control.switches
    listener = listens ? store.listener : nil
    logger = telemetry.logger
    reads = telemetry.registry.counter(
      "cadre_gateway_policy_reads_total",
      help: "Reads of the stored switches of policies and of tenants' data for them, by outcome.", labels: ["outcome"])
  }

  /// The stored switches in force; `nil` when those of the settings are. And whether they were read without fault.
  var now: (switches: StoredSwitches?, isCurrent: Bool) { state.withLock { ($0.switches, $0.isCurrent) } }

  /// Looks until the task is cancelled. To be called from a task on an event loop.
  package func run() async {
    // Many notices at once are one reason to look.
    let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    await withTaskGroup(of: Void.self) { group in
      if let listener {
        group.addTask { for await _ in listener.notifications() { wake.yield() } }
      }
      group.addTask { [interval] in
        while true {
          do { try await EventLoop.sleep(for: interval) } catch { return }
          wake.yield()
        }
      }
      group.addTask { [self] in for await _ in wakes { await refresh() } }
    }
  }

  /// Stops hearing of changes.
  package func close() { listener?.stop() }

  // MARK: Reading

  /// Reads what is stored, before anything is decided and before `run`. Throws what the database throws: whoever starts
  /// does not know then whether there is a halt.
  package func load() async throws {
    try await read()
    note(isCurrent: true)
  }

  /// Reads what has changed. One reads at a time; whoever comes meanwhile has it done once more and does not wait.
  package func refresh() async {
    let isFirst = state.withLock { state in
      state.isAskedAgain = true
      defer { state.isReading = true }
      return !state.isReading
    }
    guard isFirst else { return }
    while state.withLock({ state in
      state.isReading = state.isAskedAgain
      state.isAskedAgain = false
      return state.isReading
    }) {
      do {
        try await read()
        note(isCurrent: true)
      } catch { note(isCurrent: false, error) }
    }
  }

  private func note(isCurrent: Bool, _ error: (any Error)? = nil) {
    reads.with(isCurrent ? "read" : "failed").add()
    let wasCurrent = state.withLock { state in
      defer { state.isCurrent = isCurrent }
      return state.isCurrent
    }
    guard !isCurrent, wasCurrent, let error, !(error is CancellationError) else { return }
    logger.warning(
      "stored switches of policies cannot be read; those that are known stay", ["error": .string("\(error)")])
  }

  private func read() async throws {
    guard let stored = try await store.switches() else { return }
    let isRestored = state.withLock { state in
      // An older state is there again: what was read since is not what counts.
      guard stored.version < state.readVersion || stored.dataRevision < state.cursor else { return false }
      state.switches = nil
      state.cursor = 0
      return true
    }
    apply(stored)
    state.withLock { $0.readVersion = stored.version }
    let before = isRestored ? state.withLock { $0.revisions } : [:]
    if isRestored { state.withLock { $0.revisions = [:] } }
    var after = state.withLock { $0.cursor }
    while after < stored.dataRevision {
      let rows = try await store.changes(after: after, limit: StoredPolicies.pageRows)
      guard let last = rows.last else { break }
      for row in rows { apply(row) }
      after = last.revision
    }
    state.withLock { state in
      state.cursor = stored.dataRevision
      for tenant in before.keys where state.revisions[tenant] == nil {
        control.setData(nil, of: tenant.description)
      }
    }
    try await forgetDeleted()
  }

  /// Lets go of tenants of which nothing is left. Their rows are gone, which no change says.
  private func forgetDeleted() async throws {
    let knew = state.withLock { state in
      defer { state.knowsDeletions = false }
      return state.knowsDeletions
    }
    for tenant in try await store.deletedTenants(all: !knew) {
      state.withLock { state in
        guard state.revisions.removeValue(forKey: tenant) != nil else { return }
        control.setData(nil, of: tenant.description)
      }
    }
    state.withLock { $0.knowsDeletions = true }
  }

  // MARK: Changes

  /// Puts switches in force, unless newer ones are.
  func apply(_ stored: StoredSwitches) {
    let isNew = state.withLock { stored.version > $0.switches?.version ?? 0 }
    defer { if isNew { changed() } }
    let changed: PolicySwitches? = state.withLock { state in
      guard stored.version > state.switches?.version ?? 0 else { return nil }
      state.switches = stored
      let next = PolicySwitches(
        mode: stored.mode ?? settings.mode, canaryPercent: stored.canaryPercent ?? settings.canaryPercent,
        isHalted: stored.isHalted ?? settings.isHalted)
      guard next != control.switches else { return nil }
      control.set(next)
      return next
    }
    guard let changed else { return }
    logger.info(
      "switches of policies changed",
      [
        "mode": .string(changed.mode.rawValue), "canary_percent": .int(Int64(changed.canaryPercent)),
        "halted": .bool(changed.isHalted),
      ])
  }

  /// Puts the data of a tenant in force, unless newer data is.
  func apply(_ row: StoredPolicyData) {
    let data = TenantPolicyData.reading(row.document, isSuspended: row.isSuspended)
    let isTaken: Bool? = state.withLock { state in
      guard row.revision > state.revisions[row.tenant] ?? 0 else { return nil }
      guard control.setData(data, of: row.tenant.description) else { return false }
      state.revisions[row.tenant] = row.revision
      return true
    }
    if isTaken != nil { changed() }
    if isTaken == false {
      logger.error("too many tenants have data for policies", ["tenant": .string("\(row.tenant)")])
    }
  }
}
