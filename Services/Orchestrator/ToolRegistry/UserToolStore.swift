internal import Artefacts
package import Contracts
internal import JSON
package import Postgres
package import Primitives

/// A version of a user's tool as it is stored.
package struct UserToolRow: Sendable {
  package let tool: UserTool
  package let sourceBytes: Int64
  /// Where the source is; `nil` when the version was deleted.
  package let blob: UUID?
  package let createdBy: String
  package let createdAt: Timestamp

  static let columns = ResultColumns<UserToolRow> { column in
    let version = column("t.version", .int4)
    let runtime = column("t.runtime", .text)
    let definition = column("t.definition", .bytea)
    let sha256 = column("t.source_sha256", .bytea)
    let sourceBytes = column("t.source_bytes", .int8)
    let blob = column(nullable: "t.blob_id", .uuid)
    let createdBy = column("t.created_by", .text)
    let createdAt = column("t.created_at", .timestamptz)
    return { row in
      guard let runtime = ToolRuntime(rawValue: try row[runtime]),
        let definition = ToolDefinition(try JSONDocument(parsing: try row[definition]).root)
      else { throw PostgresError(.decoding, detail: "user_tool") }
      return UserToolRow(
        tool: UserTool(
          definition: definition, runtime: runtime, sourceSHA256: Hex.encode(try row[sha256]),
          version: Int64(try row[version])),
        sourceBytes: try row[sourceBytes], blob: try row[blob], createdBy: try row[createdBy],
        createdAt: try row[createdAt])
    }
  }
}

/// The table of users' tools.
package struct UserToolStore: Sendable {
  private static let attemptsMax = 3

  private let database: TenantDatabase

  /// The tools of a database.
  package init(pool: PostgresPool) { database = TenantDatabase(pool: pool) }

  struct Addition: Sendable {
    let tenant: TenantID
    let manifest: ToolManifest
    let definition: [UInt8]
    let source: StoredBlob
    let createdBy: String
    let quota: UsageQuota
  }

  /// Adds a version; the same manifest and source as in the newest version make none. `nil` when the tenant has no
  /// room.
  func add(_ addition: Addition) async throws -> UserToolRow? {
    for attempt in 1... {
      do {
        return try await database.query(UserToolStore.insert, addition, of: TenantScope(addition.tenant.uuid)).first
      } catch let error as PostgresError
        where error.isUniqueViolation && attempt < UserToolStore.attemptsMax
      {
        // Another version at the same time: the next number is free.
      }
    }
    return nil
  }

  static let insert = Statement<Addition, UserToolRow>(UserToolRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.manifest.definition.name }
    let runtime = parameter("runtime", .text) { $0.manifest.runtime.rawValue }
    let definition = parameter("definition", .bytea) { $0.definition }
    let sha256 = parameter("sha256", .bytea) { $0.source.sha256 }
    let bytes = parameter("bytes", .int8) { $0.source.bytes }
    let blob = parameter("blob", .uuid) { $0.source.id }
    let createdBy = parameter("created by", .text) { $0.createdBy }
    let wanted = "select 1::int8 as items, \(bytes) as bytes where not exists (select 1 from same)"
    return """
      with newest as (
        select * from user_tool where tenant_id = \(tenant) and name = \(name) order by version desc limit 1
      ), same as (
        select * from newest where deleted_at is null and runtime = \(runtime) and definition = \(definition)
          and source_sha256 = \(sha256)
      ), taken as (
        \(UsageQuota.take(parameter, tenant, from: wanted) { $0.quota })
      ), added as (
        insert into user_tool (tenant_id, name, version, runtime, definition, source_sha256, source_bytes, blob_id,
          created_by)
        select \(tenant), \(name), coalesce((select version from newest), 0) + 1, \(runtime), \(definition), \(sha256),
          \(bytes), \(blob), \(createdBy)
        from taken
        returning *
      ), revised as (
        \(RegistryRevision.raise("select tenant_id from added"))
      )
      select \(UserToolRow.columns) from added t union all select \(UserToolRow.columns) from same t
      """
  }

  package typealias Page = (tenant: TenantID, after: String, limit: Int)

  /// The newest versions of tools behind a name, by name.
  package func tools(_ page: Page) async throws -> [UserToolRow] {
    try await database.query(UserToolStore.list, page, of: TenantScope(page.tenant.uuid))
  }

  static let list = Statement<Page, UserToolRow>(UserToolRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let after = parameter("after", .text) { $0.after }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(UserToolRow.columns) from (
        select distinct on (v.name) v.* from user_tool v
        where v.tenant_id = \(tenant) and v.name > \(after) order by v.name, v.version desc) t
      where t.deleted_at is null order by t.name limit \(limit)
      """
  }

  /// The newest version of a tool.
  package func tool(_ tenant: TenantID, _ name: String) async throws -> UserToolRow? {
    try await database.query(UserToolStore.find, (tenant, name), of: TenantScope(tenant.uuid)).first
  }

  static let find = Statement<(tenant: TenantID, name: String), UserToolRow>(UserToolRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.name }
    return """
      select \(UserToolRow.columns) from (
        select * from user_tool v where v.tenant_id = \(tenant) and v.name = \(name) order by v.version desc limit 1) t
      where t.deleted_at is null
      """
  }

  /// The source of the newest version that has this digest: a step that began with an older version goes on with it.
  package func source(_ tenant: TenantID, _ name: String, sha256: [UInt8]) async throws -> UserToolRow? {
    try await database.query(UserToolStore.findSource, (tenant, name, sha256), of: TenantScope(tenant.uuid)).first
  }

  static let findSource = Statement<(tenant: TenantID, name: String, sha256: [UInt8]), UserToolRow>(
    UserToolRow.columns
  ) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.name }
    let sha256 = parameter("sha256", .bytea) { $0.sha256 }
    return """
      select \(UserToolRow.columns) from user_tool t
      where t.tenant_id = \(tenant) and t.name = \(name) and t.source_sha256 = \(sha256) and t.deleted_at is null
      order by t.version desc limit 1
      """
  }

  /// Deletes all versions of a tool. Returns whether there were any.
  package func delete(_ tenant: TenantID, _ name: String) async throws -> Bool {
    try await database.query(UserToolStore.remove, (tenant, name), of: TenantScope(tenant.uuid)).first ?? 0 > 0
  }

  private static let count = ResultColumns<Int> { column in
    let count = column("count(*)", .int8)
    return { row in Int(clamping: try row[count]) }
  }

  static let remove = Statement<(tenant: TenantID, name: String), Int>(count) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.name }
    let freed = """
      select tenant_id, '\(UsageQuota.wholeTenant)'::uuid as scope, count(*) as items, sum(source_bytes)::int8 as bytes
      from before group by tenant_id
      """
    return """
      with before as (
        select * from user_tool where tenant_id = \(tenant) and name = \(name) and deleted_at is null for update
      ), gone as (
        update user_tool t set deleted_at = now(), blob_id = null from before b
        where t.tenant_id = b.tenant_id and t.name = b.name and t.version = b.version
        returning t.tenant_id
      ), contents as (
        insert into workspace_check (due_at, tenant_id, kind, id)
        select distinct now(), tenant_id, 'blob', blob_id from before where blob_id is not null
      ), freed as (
        \(UsageQuota.giveBack(.tools, from: freed))
      ), revised as (
        \(RegistryRevision.raise("select distinct tenant_id from gone"))
      )
      select \(count) from gone
      """
  }
}
