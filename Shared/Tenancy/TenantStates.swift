public import Postgres
public import Primitives

/// What a service knows of a tenant that is not at work as others are. A tenant without a row is.
public struct TenantState: Sendable {
  /// Since when nothing of it is begun.
  public let suspendedAt: Timestamp?
  /// Since when its data is to be deleted.
  public let deletionRequestedAt: Timestamp?
  /// When nothing was left for the first time.
  public let deletedAt: Timestamp?
  /// When that was looked at last.
  public let checkedAt: Timestamp?
  /// The number of the last order that was followed; 0 while none had one.
  public let version: Int64

  static let columns = ResultColumns<TenantState> { column in
    let suspendedAt = column(nullable: "suspended_at", .timestamptz)
    let deletionRequestedAt = column(nullable: "deletion_requested_at", .timestamptz)
    let deletedAt = column(nullable: "deleted_at", .timestamptz)
    let checkedAt = column(nullable: "checked_at", .timestamptz)
    let version = column("version", .int8)
    return { row in
      TenantState(
        suspendedAt: try row[suspendedAt], deletionRequestedAt: try row[deletionRequestedAt],
        deletedAt: try row[deletedAt], checkedAt: try row[checkedAt], version: try row[version])
    }
  }
}

/// The table `tenant_state` of a schema, which the migrator makes.
public struct TenantStates: Sendable {
  private let pool: PostgresPool

  /// The states in the schema of a pool.
  public init(pool: PostgresPool) { self.pool = pool }

  /// The state of a tenant; `nil` of one about which nothing was said.
  public func state(_ tenant: UUID) async throws -> TenantState? {
    try await pool.query(TenantStates.find, tenant).first
  }

  static let find = Statement<UUID, TenantState>(TenantState.columns) { parameter in
    "select \(TenantState.columns) from tenant_state where tenant_id = \(parameter("tenant", .uuid) { $0 })"
  }

  /// Has nothing of the tenant begun any more. Orders have numbers where several may be under way at once: one that is
  /// not newer than what was followed changes nothing.
  public func suspend(_ tenant: UUID, version: Int64? = nil) async throws {
    try await pool.execute(TenantStates.insertSuspension, (tenant, version))
  }

  static let insertSuspension = Statement<(tenant: UUID, version: Int64?), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant }
    let version = parameter("version", .int8) { $0.version }
    return """
      insert into tenant_state as s (tenant_id, suspended_at, version)
      values (\(tenant), now(), coalesce(\(version), 0))
      on conflict (tenant_id) do update set suspended_at = coalesce(s.suspended_at, now()),
        version = coalesce(\(version), s.version)
      where \(version) is null or s.version < \(version)
      """
  }

  /// Ends a suspension; the number counts as for `suspend`. Returns false for a tenant that is to be deleted.
  public func resume(_ tenant: UUID, version: Int64? = nil) async throws -> Bool {
    try await pool.execute(TenantStates.removeSuspension, (tenant, version))
    return try await state(tenant)?.deletionRequestedAt == nil
  }

  static let removeSuspension = Statement<(tenant: UUID, version: Int64?), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant }
    let version = parameter("version", .int8) { $0.version }
    return """
      insert into tenant_state as s (tenant_id, version) values (\(tenant), coalesce(\(version), 0))
      on conflict (tenant_id) do update set suspended_at = null, version = coalesce(\(version), s.version)
      where s.deletion_requested_at is null and (\(version) is null or s.version < \(version))
      """
  }

  /// Notes that all data of the tenant is to be deleted, for good.
  public func requestDeletion(_ tenant: UUID) async throws {
    try await pool.execute(TenantStates.insertDeletion, tenant)
  }

  static let insertDeletion = Statement<UUID, Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0 }
    return """
      insert into tenant_state as s (tenant_id, suspended_at, deletion_requested_at) values (\(tenant), now(), now())
      on conflict (tenant_id) do update set suspended_at = coalesce(s.suspended_at, now()),
        deletion_requested_at = coalesce(s.deletion_requested_at, now())
      """
  }

  private static let tenant = ResultColumns<UUID> { column in
    let tenant = column("tenant_id", .uuid)
    return { row in try row[tenant] }
  }

  /// Tenants whose data is still to be deleted, and those that were deleted within a day and were not looked at for a
  /// minute: what was on its way may have come late.
  func pending(limit: Int) async throws -> [UUID] { try await pool.query(TenantStates.listPending, limit) }

  static let listPending = Statement<Int, UUID>(tenant) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      select \(tenant) from tenant_state
      where deletion_requested_at is not null and (deleted_at is null
        or (deleted_at > now() - interval '1 day' and checked_at < now() - interval '1 minute'))
      order by deletion_requested_at limit \(limit)
      """
  }

  /// Notes that nothing is left.
  func finish(_ tenant: UUID) async throws { try await pool.execute(TenantStates.noteEnd, tenant) }

  static let noteEnd = Statement<UUID, Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0 }
    return """
      update tenant_state set deleted_at = coalesce(deleted_at, now()), checked_at = now()
      where tenant_id = \(tenant) and deletion_requested_at is not null
      """
  }

  /// Tenants of which nothing is left: those of the last day, or all. For whoever keeps something of them in memory.
  public func deleted(all: Bool) async throws -> [UUID] { try await pool.query(TenantStates.listDeleted, all) }

  static let listDeleted = Statement<Bool, UUID>(tenant) { parameter in
    let all = parameter("all", .bool) { $0 }
    return """
      select \(tenant) from tenant_state
      where deleted_at > now() - interval '1 day' or (\(all) and deleted_at is not null)
      """
  }

  /// What is wrong with the declarations; a test expects nothing.
  static var faults: [String] {
    find.faults + insertSuspension.faults + removeSuspension.faults + insertDeletion.faults + listPending.faults
      + noteEnd.faults + listDeleted.faults
  }
}
