internal import Contracts
internal import Postgres
internal import Primitives
internal import SystemSources

/// A project as it is stored.
struct ProjectRow: Sendable {
  let id: ProjectID
  let name: String
  let description: String
  let version: Int
  let createdBy: String
  let createdAt: Timestamp
  let updatedAt: Timestamp
  let archivedAt: Timestamp?
}

/// The table of projects.
struct ProjectStore: Sendable {
  private static let columns = "id, name, description, version, created_by, created_at, updated_at, archived_at"

  let pool: PostgresPool

  /// A project of the tenant.
  func project(_ tenant: TenantID, _ id: ProjectID) async throws -> ProjectRow? {
    try await pool.query(
      "select \(ProjectStore.columns) from project where tenant_id = $1 and id = $2", [tenant.uuid, id.uuid]
    ).first.map(ProjectStore.row)
  }

  /// Projects, newest first, before `cursor`.
  func projects(_ tenant: TenantID, before cursor: ProjectID?, archivedToo: Bool, limit: Int) async throws
    -> [ProjectRow]
  {
    try await pool.query(
      """
      select \(ProjectStore.columns) from project where tenant_id = $1 and id < $2
        \(archivedToo ? "" : "and archived_at is null") order by id desc limit $3
      """, [tenant.uuid, cursor?.uuid ?? .last, Int64(limit)]
    ).map(ProjectStore.row)
  }

  /// Adds a project. Throws the store's error with SQLSTATE 23505 when its name is taken.
  func add(_ tenant: TenantID, _ name: String, _ description: String, by principal: String) async throws -> ProjectRow?
  {
    try await pool.query(
      """
      insert into project (tenant_id, id, name, description, created_by) values ($1, $2, $3, $4, $5)
      returning \(ProjectStore.columns)
      """, [tenant.uuid, ProjectID.make().uuid, name, description, principal]
    ).first.map(ProjectStore.row)
  }

  /// Changes a project; `nil` stays. Returns `nil` when its version is not `expected`.
  func update(
    _ tenant: TenantID, _ id: ProjectID, name: String?, description: String?, archived: Bool?, expected: Int?
  ) async throws -> ProjectRow? {
    try await pool.query(
      """
      update project set name = coalesce($3, name), description = coalesce($4, description),
        archived_at = case when $5::bool is null then archived_at when $5 then coalesce(archived_at, now()) end,
        version = version + 1, updated_at = now()
      where tenant_id = $1 and id = $2 and ($6::int4 is null or version = $6)
      returning \(ProjectStore.columns)
      """, [tenant.uuid, id.uuid, name, description, archived, expected.map { Int32(clamping: $0) }]
    ).first.map(ProjectStore.row)
  }

  private static func row(_ row: PostgresRow) throws -> ProjectRow {
    ProjectRow(
      id: ProjectID(try row.decode(0, as: UUID.self)), name: try row.decode(1, as: String.self),
      description: try row.decode(2, as: String.self), version: Int(try row.decode(3, as: Int32.self)),
      createdBy: try row.decode(4, as: String.self), createdAt: try row.decode(5, as: Timestamp.self),
      updatedAt: try row.decode(6, as: Timestamp.self), archivedAt: try row.decode(7, as: Timestamp?.self))
  }
}
