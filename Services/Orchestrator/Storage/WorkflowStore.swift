package import Contracts
package import Postgres
package import Primitives

/// A version of a workflow as it is stored; lists leave its document out.
package struct WorkflowRow: Sendable {
  package let name: String
  package let version: Int
  package let document: [UInt8]
  package let createdBy: String
  package let createdAt: Timestamp

  static let columns = columns(document: "document")
  /// Without the document.
  static let listedColumns = columns(document: "''::bytea")

  private static func columns(document: String) -> ResultColumns<WorkflowRow> {
    ResultColumns { column in
      let name = column("name", .text)
      let version = column("version", .int4)
      let document = column(document, .bytea)
      let createdBy = column("created_by", .text)
      let createdAt = column("created_at", .timestamptz)
      return { row in
        WorkflowRow(
          name: try row[name], version: Int(try row[version]), document: try row[document],
          createdBy: try row[createdBy], createdAt: try row[createdAt])
      }
    }
  }
}

/// The table of workflow versions. A version is never changed.
package struct WorkflowStore: Sendable {
  /// For what is done for all tenants.
  private let pool: PostgresPool
  private let database: TenantDatabase

  /// The workflows of a database.
  package init(pool: PostgresPool) {
    self.pool = pool
    database = TenantDatabase(pool: pool)
  }

  // MARK: Reading

  /// A version, or the newest for `nil`.
  package func workflow(_ tenant: TenantID, _ name: String, version: Int?) async throws -> WorkflowRow? {
    try await database.query(WorkflowStore.find, (tenant, name, version), of: TenantScope(tenant.uuid)).first
  }

  static let find = Statement<(tenant: TenantID, name: String, version: Int?), WorkflowRow>(WorkflowRow.columns) {
    parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.name }
    let version = parameter("version", .int4) { $0.version.map { Int32(clamping: $0) } }
    return """
      select \(WorkflowRow.columns) from workflow
      where tenant_id = \(tenant) and name = \(name) and (\(version) is null or version = \(version))
      order by version desc limit 1
      """
  }

  /// Whether there is such a version, and its workflow was not deleted.
  package func exists(_ tenant: TenantID, _ name: String, version: Int) async throws -> Bool {
    try await database.execute(WorkflowStore.findVersion, (tenant, name, version), of: TenantScope(tenant.uuid)) > 0
  }

  static let findVersion = Statement<(tenant: TenantID, name: String, version: Int), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.name }
    let version = parameter("version", .int4) { Int32(clamping: $0.version) }
    return "select 1 from workflow where tenant_id = \(tenant) and name = \(name) and version = \(version)"
  }

  /// A version for the runs that use it: it stays when the workflow is deleted.
  package func used(_ tenant: TenantID, _ name: String, version: Int) async throws -> WorkflowRow? {
    if let row = try await workflow(tenant, name, version: version) { return row }
    return try await database.query(WorkflowStore.findDeleted, (tenant, name, version), of: TenantScope(tenant.uuid))
      .first
  }

  static let findDeleted = Statement<(tenant: TenantID, name: String, version: Int), WorkflowRow>(WorkflowRow.columns) {
    parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.name }
    let version = parameter("version", .int4) { Int32(clamping: $0.version) }
    return """
      select \(WorkflowRow.columns) from deleted_workflow
      where tenant_id = \(tenant) and name = \(name) and version = \(version)
      """
  }

  /// The newest version of each workflow, by name, behind `name`.
  package func newest(_ tenant: TenantID, after name: String, limit: Int) async throws -> [WorkflowRow] {
    try await database.query(WorkflowStore.listNewest, (tenant, name, limit), of: TenantScope(tenant.uuid))
  }

  static let listNewest = Statement<(tenant: TenantID, name: String, limit: Int), WorkflowRow>(
    WorkflowRow.listedColumns
  ) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.name }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    /// The newest version of the workflow whose name comes next.
    func next(after name: String) -> String {
      """
      (select v.* from (
          select n.name from workflow n where n.tenant_id = \(tenant) and n.name > \(name) order by n.name limit 1) n
        cross join lateral (
          select v.name, v.version, v.created_by, v.created_at from workflow v
          where v.tenant_id = \(tenant) and v.name = n.name order by v.version desc limit 1) v) x
      """
    }
    return """
      with recursive newest(name, version, created_by, created_at, n) as (
        (select x.*, 1 from \(next(after: name)))
        union all
        select x.*, w.n + 1 from newest w cross join lateral \(next(after: "w.name")) where w.n < \(limit)
      )
      select \(WorkflowRow.listedColumns) from newest order by name
      """
  }

  /// All versions of a workflow, newest first.
  package func versions(_ tenant: TenantID, _ name: String, limit: Int) async throws -> [WorkflowRow] {
    try await database.query(WorkflowStore.listVersions, (tenant, name, limit), of: TenantScope(tenant.uuid))
  }

  static let listVersions = Statement<(tenant: TenantID, name: String, limit: Int), WorkflowRow>(
    WorkflowRow.listedColumns
  ) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.name }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(WorkflowRow.listedColumns) from workflow
      where tenant_id = \(tenant) and name = \(name) order by version desc limit \(limit)
      """
  }

  // MARK: Writing

  /// Adds the next version; `nil` when `expected` is not the newest version any more (0 for none).
  package func add(
    _ tenant: TenantID, _ name: String, _ document: [UInt8], by principal: String, expected: Int?
  ) async throws -> Int? {
    do {
      return try await database.query(
        WorkflowStore.insert, (tenant, name, document, principal, expected), of: TenantScope(tenant.uuid)
      ).first
    } catch let error as PostgresError where error.isUniqueViolation {
      // Somebody else added it at the same moment.
      return nil
    }
  }

  private static let version = ResultColumns<Int> { column in
    let version = column("version", .int4)
    return { row in Int(try row[version]) }
  }

  static let insert = Statement<
    (tenant: TenantID, name: String, document: [UInt8], principal: String, expected: Int?), Int
  >(version) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.name }
    let document = parameter("document", .bytea) { $0.document }
    let principal = parameter("principal", .text) { $0.principal }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    return """
      insert into workflow (tenant_id, name, version, document, created_by)
      select \(tenant), \(name), greatest(n.newest, d.newest) + 1, \(document), \(principal)
      from (
        select coalesce(max(version), 0) as newest from workflow where tenant_id = \(tenant) and name = \(name)) n,
        (select coalesce(max(version), 0) as newest from deleted_workflow
          where tenant_id = \(tenant) and name = \(name)) d
      where \(expected) is null or n.newest = \(expected)
      returning \(version)
      """
  }

  /// Removes a workflow that no run has used. A run that is accepted in this very moment keeps its document, and the
  /// numbers of its versions are not used again. Returns whether it was removed; `nil` when there is none.
  package func remove(_ tenant: TenantID, _ name: String) async throws -> Bool? {
    guard
      let removal = try await database.query(WorkflowStore.delete, (tenant, name), of: TenantScope(tenant.uuid)).first,
      removal.existed
    else {
      return nil
    }
    return removal.versions > 0
  }

  private static let removal = ResultColumns<(versions: Int64, existed: Bool)> { column in
    let versions = column("(select count(*) from deleted)", .int8)
    let existed = column("exists (select 1 from workflow where tenant_id = i.tenant_id and name = i.name)", .bool)
    return { row in (try row[versions], try row[existed]) }
  }

  static let delete = Statement<(tenant: TenantID, name: String), (versions: Int64, existed: Bool)>(removal) {
    parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let name = parameter("name", .text) { $0.name }
    return """
      with used as (
        select exists (
          select 1 from run r join workflow w
            on w.tenant_id = r.tenant_id and w.name = r.workflow and w.version = r.workflow_version
          where r.tenant_id = \(tenant) and r.workflow = \(name)) as is_used
      ), deleted as (
        delete from workflow where tenant_id = \(tenant) and name = \(name) and not (select u.is_used from used u)
        returning tenant_id, name, version, document, created_by, created_at
      ), recorded as (
        insert into deleted_workflow (tenant_id, name, version, document, created_by, created_at)
        select tenant_id, name, version, document, created_by, created_at from deleted
      )
      select \(removal) from (select \(tenant) as tenant_id, \(name) as name) i
      """
  }

  // MARK: Runs

  /// Open runs of a workflow, oldest first.
  package func openRuns(_ tenant: TenantID, _ name: String, limit: Int) async throws -> [(run: RunID, version: Int)] {
    var sql = ListSQL()
    let branches = sql.runs(
      sql.add(tenant.uuid), RunFilter(workflow: name), statuses: ListSQL.openStatuses,
      shelves: ListSQL.Shelf.allCases, from: sql.add(UUID(high: 0, low: 0)), .oldestFirst, rowsMax: limit)
    let ids = ListSQL.merged(branches, .oldestFirst, limit: "\(limit)")
    return try WorkflowStore.openRun.rows(
      try await pool.query(
        "select \(WorkflowStore.openRun) from (\(ids)) x join run r on r.id = x.id order by x.id", sql.parameters))
  }

  private static let openRun = ResultColumns<(run: RunID, version: Int)> { column in
    let run = column("r.id", .uuid)
    let version = column("r.workflow_version", .int4)
    return { row in (RunID(try row[run]), Int(try row[version])) }
  }
}
