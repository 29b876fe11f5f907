package import Contracts
package import Decider
package import Primitives
package import RunStorage

/// What commits need of the storage: one call for each batch.
package protocol RunCommitStore: Sendable {
  /// Writes new runs with what follows from their first events.
  func insert(
    _ submissions: [Submission], _ plans: [Transition], idempotency: IdempotencyRow?
  ) async throws -> [RunID: RunStore.Insertion]
  /// Writes transitions of different runs.
  func apply(_ transitions: [Transition]) async throws -> [RunID: RunStore.Outcome]
  /// What is known of a run beside its history, and the workflow that it is pinned to.
  func head(_ run: RunID) async throws -> RunHead?
  /// All events of a run.
  func history(_ run: RunID) async throws -> [RunEvent]
  /// The events of a run behind `sequence`.
  func history(_ run: RunID, after sequence: Int) async throws -> [RunEvent]
  /// The version of a run; `nil` when there is none.
  func version(of run: RunID) async throws -> Int?
}

/// What timers need of the storage.
package protocol TimerStore: Sendable {
  /// Claims timers that are due, oldest first. A claimed timer comes back unless it is finished.
  func claimTimers(limit: Int) async throws -> [DueTimer]
  /// Deletes timers that have no work any more.
  func finish(timers: [Int64]) async throws
  /// Makes timers due again after a while.
  func postpone(_ timers: [(id: Int64, milliseconds: Int64)]) async throws
  /// Moves delayed attempts that are due into the ready queue. Returns how many.
  func promoteDelayed(limit: Int) async throws -> Int
  /// Milliseconds until the next timer or delayed step is due, at most `max`.
  func millisecondsToNextDue(max: Int64) async throws -> Int64
}

/// What the lease sweep needs of the storage.
package protocol LeaseSweepStore: Sendable {
  /// Leases whose deadline has passed, and the time of the look.
  func overdueLeases(
    from start: Timestamp?, backSince: Timestamp?, leaseMilliseconds: Int64, limit: Int
  ) async throws -> (leases: [OverdueLease], seenAt: Timestamp?)
  /// Steps that no worker took in time.
  func expiredSteps(limit: Int) async throws -> [ExpiredStep]
  /// The time at the database.
  func now() async throws -> Timestamp?
}

/// What the inputs of steps need of the storage.
package protocol PayloadStore: Sendable {
  /// Payloads by their digests; what is not there is missing in the answer.
  func payloads(_ tenant: TenantID, _ payloads: [PayloadRef]) async throws -> [String: [UInt8]]
}

/// What sub-runs need of the storage.
package protocol SubRunStore: PayloadStore {
  /// Where a sub-run stands, for the step that waits for it.
  func childEnd(_ run: RunID) async throws -> ChildEnd?
  /// A run of the tenant.
  func run(_ tenant: TenantID, _ id: RunID) async throws -> RunRow?
  /// Where a run stands.
  func end(of run: RunID) async throws -> RunEnd?
  /// The version of a run; `nil` when there is none.
  func version(of run: RunID) async throws -> Int?
}

/// What forks need of the storage.
package protocol ForkStore: Sendable {
  /// What is known of a run beside its history, and the workflow that it is pinned to.
  func head(_ run: RunID) async throws -> RunHead?
  /// All events of a run.
  func history(_ run: RunID) async throws -> [RunEvent]
  /// Marks payloads as used now, so that they outlive the run that stored them.
  func touch(_ tenant: TenantID, _ payloads: [PayloadRef]) async throws
}

/// Where workflow documents are stored.
package protocol WorkflowSource: Sendable {
  /// A version, or the newest for `nil`.
  func workflow(_ tenant: TenantID, _ name: String, version: Int?) async throws -> WorkflowRow?
  /// A version for the runs that use it: it stays when the workflow is deleted.
  func used(_ tenant: TenantID, _ name: String, version: Int) async throws -> WorkflowRow?
  /// Whether there is such a version, and its workflow was not deleted.
  func exists(_ tenant: TenantID, _ name: String, version: Int) async throws -> Bool
}

extension RunStore: RunCommitStore, TimerStore, LeaseSweepStore, SubRunStore, ForkStore {}
extension WorkflowStore: WorkflowSource {}
