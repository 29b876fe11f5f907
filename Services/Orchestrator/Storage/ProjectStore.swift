package import Contracts
package import Postgres
package import Primitives
internal import SystemSources

/// A project as it is stored.
package struct ProjectRow: Sendable {
  package let id: ProjectID
  package let name: String
  package let description: String
  package let version: Int
  package let createdBy: String
  package let createdAt: Timestamp
  package let updatedAt: Timestamp
  package let archivedAt: Timestamp?

  static let columns = ResultColumns<ProjectRow> { column in
    let id = column("id", .uuid)
    let name = column("name", .text)
    let description = column("description", .text)
    let version = column("version", .int4)
    let createdBy = column("created_by", .text)
    let createdAt = column("created_at", .timestamptz)
    let updatedAt = column("updated_at", .timestamptz)
    let archivedAt = column(nullable: "archived_at", .timestamptz)
    return { row in
      ProjectRow(
        id: ProjectID(try row[id]), name: try row[name], description: try row[description],
        version: Int(try row[version]), createdBy: try row[createdBy], createdAt: try row[createdAt],
        updatedAt: try row[updatedAt], archivedAt: try row[archivedAt])
    }
  }
}

/// The table of projects.
package struct ProjectStore: Sendable {
  private let database: TenantDatabase

  /// The projects of a database.
  package init(pool: PostgresPool) { database = TenantDatabase(pool: pool) }

  /// A project of the tenant.
  package func project(_ tenant: TenantID, _ id: ProjectID) async throws -> ProjectRow? {
    try await database.query(ProjectStore.find, (tenant, id), of: TenantScope(tenant.uuid)).first
  }

  static let find = Statement<(tenant: TenantID, id: ProjectID), ProjectRow>(ProjectRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return "select \(ProjectRow.columns) from project where tenant_id = \(tenant) and id = \(id)"
  }

  /// Projects, newest first, before `cursor`.
  package func projects(
    _ tenant: TenantID, before cursor: ProjectID?, archivedToo: Bool, limit: Int
  ) async throws -> [ProjectRow] {
    try await database.query(
      archivedToo ? ProjectStore.listAll : ProjectStore.listOpen, (tenant, cursor, limit), of: TenantScope(tenant.uuid))
  }

  static let listOpen = list("and archived_at is null")
  static let listAll = list("")

  private static func list(
    _ condition: String
  ) -> Statement<(tenant: TenantID, cursor: ProjectID?, limit: Int), ProjectRow> {
    Statement(ProjectRow.columns) { parameter in
      let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
      let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid ?? .last }
      let limit = parameter("limit", .int8) { Int64($0.limit) }
      return """
        select \(ProjectRow.columns) from project where tenant_id = \(tenant) and id < \(cursor) \(condition)
        order by id desc limit \(limit)
        """
    }
  }

  /// Adds a project. Throws `NameTaken`.
  package func add(
    _ tenant: TenantID, _ name: String, _ description: String, by principal: String
  ) async throws -> ProjectRow? {
    try await NameTaken.translating("project") {
      try await database.query(
        ProjectStore.insert, (tenant, ProjectID.make(), name, description, principal), of: TenantScope(tenant.uuid)
      ).first
    }
  }

  static let insert = Statement<
    (tenant: TenantID, id: ProjectID, name: String, description: String, principal: String), ProjectRow
  >(ProjectRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let name = parameter("name", .text) { $0.name }
    let description = parameter("description", .text) { $0.description }
    let principal = parameter("principal", .text) { $0.principal }
    return """
      insert into project (tenant_id, id, name, description, created_by)
      values (\(tenant), \(id), \(name), \(description), \(principal)) returning \(ProjectRow.columns)
      """
  }

  /// Changes a project; `nil` stays. Returns `nil` when its version is not `expected`. Throws `NameTaken`.
  package func update(
    _ tenant: TenantID, _ id: ProjectID, name: String?, description: String?, archived: Bool?, expected: Int?
  ) async throws -> ProjectRow? {
    try await NameTaken.translating("project") {
      try await database.query(
        ProjectStore.change, (tenant, id, name, description, archived, expected), of: TenantScope(tenant.uuid)
      ).first
    }
  }

  static let change = Statement<
    (tenant: TenantID, id: ProjectID, name: String?, description: String?, archived: Bool?, expected: Int?), ProjectRow
  >(ProjectRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let name = parameter("name", .text) { $0.name }
    let description = parameter("description", .text) { $0.description }
    let archived = parameter("archived", .bool) { $0.archived }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    return """
      update project set name = coalesce(\(name), name), description = coalesce(\(description), description),
        archived_at = case when \(archived) is null then archived_at
          when \(archived) then coalesce(archived_at, now()) end,
        version = version + 1, updated_at = now()
      where tenant_id = \(tenant) and id = \(id) and (\(expected) is null or version = \(expected))
      returning \(ProjectRow.columns)
      """
  }
}
