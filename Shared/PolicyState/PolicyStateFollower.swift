public import Contracts
public import PolicyDecisions
internal import Postgres
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
public import Telemetry

/// Brings what is stored of the gateway's deliveries into the engine of this replica: at the start, when a change is
/// notified, and every two seconds, because notices can be lost. While the database is away, what was last read counts.
public final class PolicyStateFollower: Sendable {
  /// Rows of one query.
  private static let pageRows = 200

  private struct State {
    var isReading = false
    var waiters: [CheckedContinuation<Void, Never>] = []
    /// Whether the last attempt to read went well.
    var isCurrent = true
    /// What was last read.
    var known: PolicyStateRow?
    /// Tenants that had data before everything was begun anew, and may have none now.
    var before: Set<String> = []
    /// Whether all deleted tenants were let go of, but those of late.
    var knowsDeletions = false
  }

  let store: PolicyStateStore
  /// What is in force here.
  public let policies: DeliveredPolicies
  private let listener: PostgresListener?
  private let interval: Duration
  private let reads: CounterFamily
  private let logger: Logger
  private let state = Mutex(State())

  /// Makes it for an engine. Without `listens` the clock alone says when to look.
  public init(
    _ store: PolicyStateStore, _ policies: DeliveredPolicies, listens: Bool = true,
    every interval: Duration = .seconds(2), telemetry: Telemetry
  ) {
    self.store = store
    self.policies = policies
    self.interval = interval
    listener = listens ? store.listener : nil
    logger = telemetry.logger
    reads = telemetry.registry.counter(
      "cadre_policy_state_reads_total", help: "Reads of what was delivered about policies, by outcome.",
      labels: ["outcome"])
    telemetry.registry.observeGauge(
      "cadre_policy_state_data_revision",
      help: "The change of tenants' data for policies up to which this replica knows all; 0 before the first delivery."
    ) { [weak self] in Double(self?.data.number ?? 0) }
  }

  /// The switches as they were delivered; those of the settings count while nobody has set any.
  public var switches: DeliveredSwitches {
    state.withLock { $0.known?.switches }
      ?? DeliveredSwitches(revision: .none, mode: nil, canaryPercent: nil, isHalted: nil)
  }

  /// The change of tenants' data up to which all is in force here.
  public var data: PolicyRevision { state.withLock { $0.known?.data ?? .none } }

  /// What the policies see of a tenant, and which change it is. Of a tenant without data: up to where that is known.
  public func data(of tenant: TenantID) -> (revision: PolicyRevision, data: TenantPolicyData?) {
    let epoch = state.withLock { state in
      state.known.map { min($0.completeEpoch, $0.data.epoch) } ?? 0
    }
    let (revision, data) = policies.data(of: tenant.description)
    return (revision ?? PolicyRevision(epoch: epoch, number: 0), data)
  }

  /// Looks until the task is cancelled. To be called from a task on an event loop.
  public func run() async {
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
  public func close() { listener?.stop() }

  // MARK: Reading

  /// Reads what is stored, before anything is decided. Throws what the database throws.
  public func load() async throws {
    await enter()
    defer { leave() }
    try await read()
  }

  /// Reads what has changed before this call. One reads at a time; others wait for their turn.
  public func refresh() async {
    await enter()
    defer { leave() }
    do {
      try await read()
      note(isCurrent: true)
    } catch { note(isCurrent: false, error) }
  }

  private func enter() async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        guard state.isReading else {
          state.isReading = true
          return true
        }
        state.waiters.append(continuation)
        return false
      }
      if isFree { continuation.resume() }
    }
  }

  private func leave() {
    let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard !state.waiters.isEmpty else {
        state.isReading = false
        return nil
      }
      return state.waiters.removeFirst()
    }
    next?.resume()
  }

  private func note(isCurrent: Bool, _ error: (any Error)? = nil) {
    reads.with(isCurrent ? "read" : "failed").add()
    let wasCurrent = state.withLock { state in
      defer { state.isCurrent = isCurrent }
      return state.isCurrent
    }
    guard !isCurrent, wasCurrent, let error, !(error is CancellationError) else { return }
    logger.warning(
      "what was delivered about policies cannot be read; what is known stays", ["error": .string("\(error)")])
  }

  private func read() async throws {
    let stored = try await store.read()
    let known = state.withLock { $0.known }
    // Rows have gone, or an older state of the database is there again: what was read before is not what counts.
    let isAnew =
      known.map {
        $0.removals != stored.removals || stored.data < $0.data
          || stored.switches.revision < $0.switches.revision
      } ?? false
    if isAnew {
      let before = policies.restart()
      state.withLock { $0.before.formUnion(before) }
    }
    policies.take(stored.switches)
    var cursor = isAnew ? .none : known?.data ?? .none
    while cursor < stored.data {
      let rows = try await store.changes(after: cursor, limit: PolicyStateFollower.pageRows)
      guard let last = rows.last else { break }
      for row in rows {
        policies.take(
          TenantPolicyData.reading(row.document, isSuspended: row.isSuspended), of: row.tenant.description, row.revision
        )
      }
      cursor = last.revision
    }
    let before = state.withLock { state in
      state.known = stored
      defer { state.before = [] }
      return state.before
    }
    policies.settle(before)
    try await forgetDeleted()
  }

  /// Lets go of tenants of which nothing is left. Their rows are gone, which no change says.
  private func forgetDeleted() async throws {
    let knew = state.withLock { state in
      defer { state.knowsDeletions = false }
      return state.knowsDeletions
    }
    for tenant in try await store.deletedTenants(all: !knew) { policies.forget(tenant.description) }
    state.withLock { $0.knowsDeletions = true }
  }
}
