internal import Contracts
internal import PolicyDecisions
package import Postgres
internal import Primitives
internal import Tenancy

/// The switches as they are stored; what is `nil` nobody has set.
package struct StoredSwitches: Sendable {
  /// Grows when an older state of this database was restored.
  let epoch: Int64
  let version: Int
  let mode: PolicyMode?
  let canaryPercent: Int?
  let isHalted: Bool?
  /// The number of the last change of tenants' data.
  let dataRevision: Int64
  let updatedAt: Timestamp?
  let updatedBy: String?

  static let columns = ResultColumns<StoredSwitches> { column in
    let epoch = column("s.epoch", .int8)
    let version = column("s.version", .int4)
    let mode = column(nullable: "s.mode", .text)
    let canary = column(nullable: "s.canary_percent", .int4)
    let isHalted = column(nullable: "s.is_halted", .bool)
    let revision = column("s.data_revision", .int8)
    let updatedAt = column(nullable: "s.updated_at", .timestamptz)
    let updatedBy = column(nullable: "s.updated_by", .text)
    return { row in
      StoredSwitches(
        epoch: try row[epoch], version: Int(try row[version]),
        mode: try row[mode].flatMap(PolicyMode.init(rawValue:)),
        canaryPercent: try row[canary].map { Int($0) }, isHalted: try row[isHalted],
        dataRevision: try row[revision], updatedAt: try row[updatedAt], updatedBy: try row[updatedBy])
    }
  }
}

/// A change of the switches; what is `nil` stays.
package struct SwitchChange: Sendable {
  var mode: PolicyMode?
  var canaryPercent: Int?
  var isHalted: Bool?
}

/// The data of a tenant as it is stored.
package struct StoredPolicyData: Sendable {
  let tenant: TenantID
  let version: Int
  /// JSON.
  let document: String
  let isSuspended: Bool
  /// The number of the change.
  let revision: Int64
  let updatedAt: Timestamp
  let updatedBy: String

  static let columns = ResultColumns<StoredPolicyData> { column in
    let tenant = column("d.tenant_id", .uuid)
    let version = column("d.version", .int4)
    let document = column("d.document", .text)
    let status = column("d.status", .text)
    let revision = column("d.revision", .int8)
    let updatedAt = column("d.updated_at", .timestamptz)
    let updatedBy = column("d.updated_by", .text)
    return { row in
      StoredPolicyData(
        tenant: TenantID(try row[tenant]), version: Int(try row[version]), document: try row[document],
        isSuspended: try row[status] != "active", revision: try row[revision], updatedAt: try row[updatedAt],
        updatedBy: try row[updatedBy])
    }
  }
}

/// A change of the data of a tenant.
package struct PolicyDataChange: Sendable {
  let tenant: TenantID
  let document: PolicyDocument
  /// `nil`: it stays.
  var isSuspended: Bool?
  /// The version that must be there; `nil` for any, and for none.
  let expected: Int?
  let principal: String
}

/// The tables of the policies' switches and of the data of tenants.
package struct PolicyStore: Sendable {
  /// The channel that the triggers of the tables notify.
  static let channel = "cadre_gateway_policies"

  private let pool: PostgresPool
  /// What tenants ask for goes this way alone.
  private let tenants: TenantDatabase

  /// The tables in the database of a pool.
  package init(pool: PostgresPool) {
    self.pool = pool
    tenants = TenantDatabase(pool: pool)
  }

  /// Hears of changes.
  package var listener: PostgresListener { PostgresListener(pool: pool, channel: PolicyStore.channel) }

  // MARK: Switches

  /// The switches.
  func switches() async throws -> StoredSwitches? { try await pool.query(PolicyStore.readSwitches, ()).first }

  static let readSwitches = Statement<Void, StoredSwitches>(StoredSwitches.columns) { _ in
    "select \(StoredSwitches.columns) from policy_switch s"
  }

  /// Changes them; `nil` when another version is there than `expected`.
  func change(_ change: SwitchChange, by principal: String, expected: Int?) async throws -> StoredSwitches? {
    try await pool.query(PolicyStore.changeSwitches, (change, principal, expected)).first
  }

  static let changeSwitches = Statement<
    (change: SwitchChange, principal: String, expected: Int?), StoredSwitches
  >(StoredSwitches.columns) { parameter in
    let mode = parameter("mode", .text) { $0.change.mode?.rawValue }
    let canary = parameter("canary", .int4) { $0.change.canaryPercent.map { Int32(clamping: $0) } }
    let isHalted = parameter("halted", .bool) { $0.change.isHalted }
    let principal = parameter("principal", .text) { $0.principal }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    return """
      update policy_switch s set mode = coalesce(\(mode), s.mode),
        canary_percent = coalesce(\(canary), s.canary_percent), is_halted = coalesce(\(isHalted), s.is_halted),
        version = s.version + 1, updated_at = now(), updated_by = \(principal)
      where \(expected) is null or s.version = \(expected) returning \(StoredSwitches.columns)
      """
  }

  /// Begins an epoch behind one that a service has seen, unless that was done.
  func beginEpoch(after seen: Int64) async throws { try await pool.execute(PolicyStore.raiseEpoch, seen) }

  static let raiseEpoch = Statement<Int64, Void> { parameter in
    let seen = parameter("seen", .int8) { $0 }
    return "update policy_switch set epoch = \(seen) + 1 where epoch <= \(seen)"
  }

  // MARK: Data of tenants

  /// The data of a tenant; `nil` when it has never had any.
  func data(of tenant: TenantID) async throws -> StoredPolicyData? {
    try await tenants.query(PolicyStore.readData, tenant, of: TenantScope(tenant.uuid)).first
  }

  static let readData = Statement<TenantID, StoredPolicyData>(StoredPolicyData.columns) { parameter in
    "select \(StoredPolicyData.columns) from policy_data d where d.tenant_id = \(parameter("tenant", .uuid) { $0.uuid })"
  }

  /// Replaces the data of a tenant; `nil` when another version is there than the one that is expected.
  func set(_ change: PolicyDataChange) async throws -> StoredPolicyData? {
    try await tenants.query(PolicyStore.writeData, change, of: TenantScope(change.tenant.uuid)).first
  }

  static let writeData = Statement<PolicyDataChange, StoredPolicyData>(StoredPolicyData.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let document = parameter("document", .text) { $0.document.text }
    let status = parameter("status", .text) { $0.isSuspended.map { $0 ? "suspended" : "active" } }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    let principal = parameter("principal", .text) { $0.principal }
    return """
      insert into policy_data as d (tenant_id, document, status, updated_by)
      select \(tenant), \(document), coalesce(\(status), 'active'), \(principal)
      where \(expected) is null or exists (select from policy_data x where x.tenant_id = \(tenant))
      on conflict (tenant_id) do update set document = excluded.document, status = coalesce(\(status), d.status),
        version = d.version + 1, updated_at = now(), updated_by = excluded.updated_by
      where \(expected) is null or d.version = \(expected)
      returning \(StoredPolicyData.columns)
      """
  }

  /// What has changed behind a number, for all tenants, in the order of the changes.
  func changes(after revision: Int64, limit: Int) async throws -> [StoredPolicyData] {
    try await pool.query(PolicyStore.readChanges, (revision, limit))
  }

  /// Tenants that were deleted: those of the last day, or all.
  func deletedTenants(all: Bool) async throws -> [TenantID] {
    try await TenantStates(pool: pool).deleted(all: all).map { TenantID($0) }
  }

  static let readChanges = Statement<(revision: Int64, limit: Int), StoredPolicyData>(StoredPolicyData.columns) {
    parameter in
    let revision = parameter("revision", .int8) { $0.revision }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(StoredPolicyData.columns) from policy_data d where d.revision > \(revision)
      order by d.revision limit \(limit)
      """
  }
}
