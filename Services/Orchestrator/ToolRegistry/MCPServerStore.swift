internal import Artefacts
package import Contracts
package import Postgres
internal import Primitives

/// The table of MCP servers.
package struct MCPServerStore: Sendable {
  let database: TenantDatabase
  /// For what concerns all tenants: new keys for what is sealed.
  let pool: PostgresPool

  /// The servers of a database.
  package init(pool: PostgresPool) {
    self.pool = pool
    database = TenantDatabase(pool: pool)
  }

  private static let from = """
    from mcp_server s left join mcp_state r
      on r.tenant_id = s.tenant_id and r.server_id = s.id and r.version = s.version
    """

  package typealias Key = (tenant: TenantID, id: MCPServerID)

  /// A server of the tenant.
  package func server(_ tenant: TenantID, _ id: MCPServerID) async throws -> MCPServerRow? {
    try await database.query(MCPServerStore.find, (tenant, id), of: TenantScope(tenant.uuid)).first
  }

  static let find = Statement<Key, MCPServerRow>(MCPServerRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return "select \(MCPServerRow.columns) \(from) where s.tenant_id = \(tenant) and s.id = \(id)"
  }

  package typealias Page = (tenant: TenantID, cursor: MCPServerID?, limit: Int)

  /// Servers before `cursor`, newest first.
  package func servers(_ page: Page) async throws -> [MCPServerRow] {
    try await database.query(MCPServerStore.list, page, of: TenantScope(page.tenant.uuid))
  }

  static let list = Statement<Page, MCPServerRow>(MCPServerRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid ?? UUID(high: .max, low: .max) }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(MCPServerRow.columns) \(from) where s.tenant_id = \(tenant) and s.id < \(cursor)
      order by s.id desc limit \(limit)
      """
  }

  // MARK: Changing

  struct Addition: Sendable {
    let tenant: TenantID
    let server: RegisteredMCPServer
    let secrets: [UInt8]?
    let isEnabled: Bool
    let createdBy: String
    let quota: UsageQuota
  }

  /// Adds a server. `nil` when the tenant has no room. Throws a unique violation for a name that is taken.
  func add(_ addition: Addition) async throws -> MCPServerRow? {
    try await database.query(MCPServerStore.insert, addition, of: TenantScope(addition.tenant.uuid)).first
  }

  static let insert = Statement<Addition, MCPServerRow>(MCPServerRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.server.id.uuid }
    let name = parameter("name", .text) { $0.server.name }
    let document = parameter("document", .bytea) { $0.server.document }
    let secrets = parameter("secrets", .bytea) { $0.secrets }
    let isEnabled = parameter("is enabled", .bool) { $0.isEnabled }
    let createdBy = parameter("created by", .text) { $0.createdBy }
    let wanted = "select 1::int8 as items, 0::int8 as bytes"
    return """
      with taken as (
        \(UsageQuota.take(parameter, tenant, from: wanted) { $0.quota })
      ), s as (
        insert into mcp_server (tenant_id, id, name, document, secrets, is_enabled, created_by)
        select \(tenant), \(id), \(name), \(document), \(secrets), \(isEnabled), \(createdBy) from taken
        returning *
      ), revised as (
        \(RegistryRevision.raise("select tenant_id from s"))
      )
      select \(MCPServerRow.columns) from s left join mcp_state r on false
      """
  }

  struct Change: Sendable {
    let tenant: TenantID
    let server: RegisteredMCPServer
    /// `nil` keeps what is stored; empty removes it.
    let secrets: [UInt8]?
    let isEnabled: Bool
    let expected: Int64
  }

  /// Changes a server. `nil` when its version is not `expected`.
  func update(_ change: Change) async throws -> MCPServerRow? {
    try await database.query(MCPServerStore.change, change, of: TenantScope(change.tenant.uuid)).first
  }

  static let change = Statement<Change, MCPServerRow>(MCPServerRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.server.id.uuid }
    let document = parameter("document", .bytea) { $0.server.document }
    let secrets = parameter("secrets", .bytea) { $0.secrets }
    let isEnabled = parameter("is enabled", .bool) { $0.isEnabled }
    let expected = parameter("expected", .int4) { Int32(clamping: $0.expected) }
    return """
      with s as (
        update mcp_server set document = \(document), is_enabled = \(isEnabled), version = version + 1,
          updated_at = now(),
          secrets = case when \(secrets) is null then secrets when length(\(secrets)) = 0 then null else \(secrets) end
        where tenant_id = \(tenant) and id = \(id) and version = \(expected)
        returning *
      ), revised as (
        \(RegistryRevision.raise("select tenant_id from s"))
      )
      select \(MCPServerRow.columns) from s left join mcp_state r on false
      """
  }

  /// Deletes a server with its tools. Returns whether there was one.
  package func delete(_ tenant: TenantID, _ id: MCPServerID) async throws -> Bool {
    try await database.query(MCPServerStore.remove, (tenant, id), of: TenantScope(tenant.uuid)).first ?? 0 > 0
  }

  static let count = ResultColumns<Int> { column in
    let count = column("count(*)", .int8)
    return { row in Int(clamping: try row[count]) }
  }

  static let remove = Statement<Key, Int>(count) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let freed = """
      select tenant_id, '\(UsageQuota.wholeTenant)'::uuid as scope, 1::int8 as items, 0::int8 as bytes from gone
      """
    return """
      with gone as (
        delete from mcp_server where tenant_id = \(tenant) and id = \(id) returning tenant_id, id
      ), tools as (
        delete from mcp_tool t using gone g where t.tenant_id = g.tenant_id and t.server_id = g.id
      ), states as (
        delete from mcp_state t using gone g where t.tenant_id = g.tenant_id and t.server_id = g.id
      ), freed as (
        \(UsageQuota.giveBack(.mcpServers, from: freed))
      ), revised as (
        \(RegistryRevision.raise("select tenant_id from gone"))
      )
      select \(count) from gone
      """
  }

  // MARK: State

  struct NewStatus: Sendable {
    let server: MCPServerID
    let report: MCPReport
  }

  /// Stores what a worker reports of a connection.
  func note(_ status: NewStatus) async throws {
    try await database.execute(MCPServerStore.insertStatus, status, of: TenantScope(status.report.tenant.uuid))
  }

  static let insertStatus = Statement<NewStatus, Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.report.tenant.uuid }
    let server = parameter("server", .uuid) { $0.server.uuid }
    let version = parameter("version", .int4) { Int32(clamping: $0.report.version) }
    let state = parameter("state", .text) { $0.report.state.rawValue }
    let fault = parameter("fault", .text) { $0.report.fault?.rawValue }
    let message = parameter("message", .text) { $0.report.message }
    let worker = parameter("worker", .text) { $0.report.worker }
    return """
      insert into mcp_state (tenant_id, server_id, version, state, fault, message, worker)
      values (\(tenant), \(server), \(version), \(state), \(fault), \(message), \(worker))
      on conflict (tenant_id, server_id) do update set version = excluded.version, state = excluded.state,
        fault = excluded.fault, message = excluded.message, worker = excluded.worker, reported_at = now()
      """
  }

  /// What workers have reported of a server that the configuration declares.
  package func status(_ tenant: TenantID, _ id: MCPServerID) async throws -> MCPStatus? {
    try await database.query(MCPServerStore.readStatus, (tenant, id), of: TenantScope(tenant.uuid)).first ?? nil
  }

  static let readStatus = Statement<Key, MCPStatus?>(MCPStatus.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return "select \(MCPStatus.columns) from mcp_state r where r.tenant_id = \(tenant) and r.server_id = \(id)"
  }
}
