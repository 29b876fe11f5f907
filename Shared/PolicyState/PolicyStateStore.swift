internal import Contracts
public import Postgres
internal import Primitives
internal import Tenancy

/// The tables `policy_state` and `tenant_policy` of a schema: a copy of what the gateway says about policies. A
/// delivery is one transaction, and one at a time: its first statement locks the row of the state.
public struct PolicyStateStore: Sendable {
  private let pool: PostgresPool
  private let schema: String

  /// The tables in the schema of a pool.
  public init(pool: PostgresPool, schema: String) {
    self.pool = pool
    self.schema = schema
  }

  /// Hears of changes.
  var listener: PostgresListener { PostgresListener(pool: pool, channel: "cadre_\(schema)_policies") }

  /// What is stored.
  func read() async throws -> PolicyStateRow {
    guard let row = try await pool.query(PolicyStateStore.readState, ()).first else { throw PostgresError(.decoding) }
    return row
  }

  static let readState = Statement<Void, PolicyStateRow>(PolicyStateRow.columns) { _ in
    "select \(PolicyStateRow.columns) from policy_state s"
  }

  /// Rows behind a revision, in the order of the changes.
  func changes(after revision: PolicyRevision, limit: Int) async throws -> [TenantPolicyRow] {
    try await pool.query(PolicyStateStore.readChanges, (revision, limit))
  }

  static let readChanges = Statement<(revision: PolicyRevision, limit: Int), TenantPolicyRow>(TenantPolicyRow.columns) {
    parameter in
    let epoch = parameter("epoch", .int8) { $0.revision.epoch }
    let number = parameter("number", .int8) { $0.revision.number }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(TenantPolicyRow.columns) from tenant_policy d where (d.epoch, d.revision) > (\(epoch), \(number))
      order by d.epoch, d.revision limit \(limit)
      """
  }

  /// Tenants that were deleted here: those of the last day, or all.
  func deletedTenants(all: Bool) async throws -> [TenantID] {
    try await TenantStates(pool: pool).deleted(all: all).map { TenantID($0) }
  }

  // MARK: Deliveries

  /// Stores what is newer than what is there. A page behind a gap changes nothing but the switches.
  func take(_ delivery: PolicyDelivery) async throws -> PolicyStateRow {
    var unit = [PolicyStateStore.lock.call(()), PolicyStateStore.writeSwitches.call(delivery.switches)]
    for row in delivery.rows { unit.append(PolicyStateStore.writeRow.call((delivery, row))) }
    unit.append(PolicyStateStore.advance.call(delivery))
    unit.append(PolicyStateStore.removeEarlier.call(()))
    unit.append(PolicyStateStore.readState.call(()))
    guard let last = try await pool.batch(unit).last, let row = try PolicyStateStore.readState.rows(last).first else {
      throw PostgresError(.decoding)
    }
    return row
  }

  static let lock = Statement<Void, PolicyStateRow>(PolicyStateRow.columns) { _ in
    "select \(PolicyStateRow.columns) from policy_state s for update"
  }

  static let writeSwitches = Statement<DeliveredSwitches, Void> { parameter in
    let epoch = parameter("epoch", .int8) { $0.revision.epoch }
    let version = parameter("version", .int8) { $0.revision.number }
    let mode = parameter("mode", .text) { $0.mode }
    let canary = parameter("canary", .int4) { $0.canaryPercent.map { Int32(clamping: $0) } }
    let isHalted = parameter("halted", .bool) { $0.isHalted }
    return """
      update policy_state s set epoch = \(epoch), version = \(version), mode = \(mode), canary_percent = \(canary),
        is_halted = \(isHalted), changed_at = now()
      where (s.epoch, s.version) < (\(epoch), \(version))
      """
  }

  /// A tenant that is to be deleted gets no rows any more.
  static let writeRow = Statement<(page: PolicyDelivery, row: PolicyDelivery.Row), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.row.tenant.uuid }
    let epoch = parameter("epoch", .int8) { $0.page.epoch }
    let number = parameter("number", .int8) { $0.row.number }
    let document = parameter("document", .text) { $0.row.document }
    let isSuspended = parameter("suspended", .bool) { $0.row.isSuspended }
    let after = parameter("after", .int8) { $0.page.after }
    return """
      insert into tenant_policy as d (tenant_id, epoch, revision, document, is_suspended)
      select \(tenant), \(epoch), \(number), \(document), \(isSuspended) from policy_state s
      where \(follows(epoch, after)) and not exists (
        select from tenant_state t where t.tenant_id = \(tenant) and t.deletion_requested_at is not null)
      on conflict (tenant_id) do update set epoch = excluded.epoch, revision = excluded.revision,
        document = excluded.document, is_suspended = excluded.is_suspended
      where (d.epoch, d.revision) < (excluded.epoch, excluded.revision)
      """
  }

  /// Whether nothing is missing before a page: it goes on in the epoch of the state, or begins a later one.
  private static func follows(_ epoch: String, _ after: String) -> String {
    "((s.data_epoch = \(epoch) and s.data_revision >= \(after)) or (s.data_epoch < \(epoch) and \(after) = 0))"
  }

  static let advance = Statement<PolicyDelivery, Void> { parameter in
    let epoch = parameter("epoch", .int8) { $0.epoch }
    let after = parameter("after", .int8) { $0.after }
    let through = parameter("through", .int8) { $0.through }
    let isLast = parameter("last", .bool) { $0.isLast }
    return """
      update policy_state s set
        data_revision = case when s.data_epoch = \(epoch) then greatest(s.data_revision, \(through)) else \(through) end,
        data_epoch = \(epoch), complete_epoch = case when \(isLast) then \(epoch) else s.complete_epoch end,
        changed_at = now()
      where \(follows(epoch, after)) and (s.data_epoch, s.data_revision) < (\(epoch), \(through))
        or s.data_epoch = \(epoch) and s.data_revision >= \(after) and \(isLast) and s.complete_epoch < \(epoch)
      """
  }

  /// What a complete epoch does not have is not said any more.
  static let removeEarlier = Statement<Void, Void> { _ in
    """
    with gone as (
      delete from tenant_policy d using policy_state s where s.complete_epoch = s.data_epoch and d.epoch < s.data_epoch
      returning 1)
    update policy_state set removals = removals + 1 where exists (select from gone)
    """
  }

  /// What is wrong with the declarations; a test expects nothing.
  static var faults: [String] {
    readState.faults + readChanges.faults + lock.faults + writeSwitches.faults + writeRow.faults + advance.faults
      + removeEarlier.faults
  }
}
