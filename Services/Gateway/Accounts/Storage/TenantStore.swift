package import Contracts
package import Postgres
internal import Primitives

extension Tenant {
  static let columns = ResultColumns<Tenant> { column in
    let id = column("t.tenant_id", .uuid)
    let name = column("t.name", .text)
    let state = column("t.state", .text)
    let version = column("t.version", .int4)
    let createdBy = column("t.created_by", .text)
    let createdAt = column("t.created_at", .timestamptz)
    let updatedAt = column("t.updated_at", .timestamptz)
    let suspendedAt = column(nullable: "t.suspended_at", .timestamptz)
    let deletedAt = column(nullable: "t.deleted_at", .timestamptz)
    let confirmedVersion = column("t.confirmed_version", .int4)
    return { row in
      let deletedAt = try row[deletedAt]
      return Tenant(
        id: TenantID(try row[id]), name: try row[name],
        state: deletedAt == nil ? try StoredWords.state(try row[state]) : .deleted,
        version: Int(try row[version]), createdBy: try row[createdBy], createdAt: try row[createdAt],
        updatedAt: try row[updatedAt], suspendedAt: try row[suspendedAt],
        deletedAt: deletedAt, confirmedVersion: Int(try row[confirmedVersion]))
    }
  }
}

/// The table of tenants.
package struct TenantStore: Sendable {
  let pool: PostgresPool

  /// The tenants of a database.
  package init(pool: PostgresPool) { self.pool = pool }

  /// A tenant.
  package func tenant(_ id: TenantID) async throws -> Tenant? { try await pool.query(TenantStore.find, id).first }

  static let find = Statement<TenantID, Tenant>(Tenant.columns) { parameter in
    "select \(Tenant.columns) from tenant t where t.tenant_id = \(parameter("id", .uuid) { $0.uuid })"
  }

  /// Tenants that are not deleted, newest first, before `cursor`.
  package func tenants(before cursor: TenantID?, limit: Int) async throws -> [Tenant] {
    try await pool.query(TenantStore.list, (cursor, limit))
  }

  static let list = Statement<(cursor: TenantID?, limit: Int), Tenant>(Tenant.columns) { parameter in
    let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid ?? .last }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(Tenant.columns) from tenant t where t.tenant_id < \(cursor) and t.deleted_at is null
      order by t.tenant_id desc limit \(limit)
      """
  }

  /// Adds a tenant; `nil` when there is one with this id.
  package func add(_ id: TenantID, _ name: String, by principal: String) async throws -> Tenant? {
    let results = try await pool.batch([
      TenantStore.insert.call((id, name, principal)), AccountChannel.send.call(.tenant(id)),
    ])
    return try TenantStore.insert.rows(results[0]).first
  }

  static let insert = Statement<(id: TenantID, name: String, principal: String), Tenant>(Tenant.columns) { parameter in
    let id = parameter("id", .uuid) { $0.id.uuid }
    let name = parameter("name", .text) { $0.name }
    let principal = parameter("principal", .text) { $0.principal }
    return """
      insert into tenant as t (tenant_id, name, created_by) values (\(id), \(name), \(principal))
      on conflict do nothing returning \(Tenant.columns)
      """
  }

  /// Suspends, resumes or begins to delete a tenant. What is being deleted stays so. The services have to follow.
  package func setState(
    _ id: TenantID, _ state: Tenant.State, expected: Int?
  ) async throws -> ChangeOutcome<Tenant> {
    let results = try await pool.batch([
      TenantStore.find.call(id), TenantStore.change.call((id, state, expected)),
      TenantStore.requestDeletion.call(id), AccountChannel.send.call(.tenant(id)),
    ])
    if let changed = try TenantStore.change.rows(results[1]).first { return .changed(changed) }
    guard let before = try TenantStore.find.rows(results[0]).first else { return .gone }
    return [.deleting, .deleted].contains(before.state) ? .gone : .outdated
  }

  static let change = Statement<(id: TenantID, state: Tenant.State, expected: Int?), Tenant>(Tenant.columns) {
    parameter in
    let id = parameter("id", .uuid) { $0.id.uuid }
    let state = parameter("state", .text) { $0.state.rawValue }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    return """
      update tenant t set state = \(state), version = t.version + 1, updated_at = now(), claimed_until = null,
        suspended_at = case when \(state) = 'active' then null else coalesce(t.suspended_at, now()) end
      where t.tenant_id = \(id) and t.state <> 'deleting' and (\(expected) is null or t.version = \(expected))
      returning \(Tenant.columns)
      """
  }

  /// Held until the end of the transaction: changes of a tenant's owners happen one after the other.
  static let lock = Statement<TenantID, Void> { parameter in
    "select from tenant where tenant_id = \(parameter("id", .uuid) { $0.uuid }) for update"
  }
}
