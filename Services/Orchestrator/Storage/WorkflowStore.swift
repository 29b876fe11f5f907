package import Contracts
internal import Decider
package import Postgres
package import Primitives

/// A version of a workflow as it is stored; lists leave its document out.
package struct WorkflowRow: Sendable {
  package let name: String
  package let version: Int
  package let document: [UInt8]
  package let createdBy: String
  package let createdAt: Timestamp
}

/// The table of workflow versions. A version is never changed.
package struct WorkflowStore: Sendable {
  let pool: PostgresPool

  /// A version, or the newest for `nil`.
  package func workflow(_ tenant: TenantID, _ name: String, version: Int?) async throws -> WorkflowRow? {
    try await pool.query(
      """
      select name, version, document, created_by, created_at from workflow
      where tenant_id = $1 and name = $2 and ($3::int4 is null or version = $3) order by version desc limit 1
      """, [tenant.uuid, name, version.map { Int32(clamping: $0) }]
    ).first.map(WorkflowStore.row)
  }

  /// Whether there is such a version, and its workflow was not deleted.
  package func exists(_ tenant: TenantID, _ name: String, version: Int) async throws -> Bool {
    try await pool.query(
      "select 1 from workflow where tenant_id = $1 and name = $2 and version = $3",
      [tenant.uuid, name, Int32(clamping: version)]
    ).first != nil
  }

  /// A version for the runs that use it: it stays when the workflow is deleted.
  package func used(_ tenant: TenantID, _ name: String, version: Int) async throws -> WorkflowRow? {
    if let row = try await workflow(tenant, name, version: version) { return row }
    return try await pool.query(
      """
      select name, version, document, created_by, created_at from deleted_workflow
      where tenant_id = $1 and name = $2 and version = $3
      """, [tenant.uuid, name, Int32(clamping: version)]
    ).first.map(WorkflowStore.row)
  }

  /// The newest version of each workflow, by name, behind `name`.
  package func newest(_ tenant: TenantID, after name: String, limit: Int) async throws -> [WorkflowRow] {
    try await pool.query(
      """
      with recursive newest(name, version, created_by, created_at, n) as (
        (select x.*, 1 from \(WorkflowStore.next(after: "$2")))
        union all
        select x.*, w.n + 1 from newest w cross join lateral \(WorkflowStore.next(after: "w.name")) where w.n < $3
      )
      select name, version, ''::bytea, created_by, created_at from newest order by name
      """, [tenant.uuid, name, Int64(limit)]
    ).map(WorkflowStore.row)
  }

  /// The newest version of the workflow whose name comes next.
  private static func next(after name: String) -> String {
    """
    (select v.* from (select n.name from workflow n where n.tenant_id = $1 and n.name > \(name) order by n.name limit 1) n
        cross join lateral (
          select v.name, v.version, v.created_by, v.created_at from workflow v
          where v.tenant_id = $1 and v.name = n.name order by v.version desc limit 1) v) x
    """
  }

  /// All versions of a workflow, newest first.
  package func versions(_ tenant: TenantID, _ name: String, limit: Int) async throws -> [WorkflowRow] {
    try await pool.query(
      """
      select name, version, ''::bytea, created_by, created_at from workflow
      where tenant_id = $1 and name = $2 order by version desc limit $3
      """, [tenant.uuid, name, Int64(limit)]
    ).map(WorkflowStore.row)
  }

  /// Adds the next version; `nil` when `expected` is not the newest version any more (0 for none).
  package func add(
    _ tenant: TenantID, _ name: String, _ document: [UInt8], by principal: String, expected: Int?
  ) async throws -> Int? {
    do {
      return try await pool.query(
        """
        insert into workflow (tenant_id, name, version, document, created_by)
        select $1, $2, greatest(n.newest, d.newest) + 1, $3, $4
        from (select coalesce(max(version), 0) as newest from workflow where tenant_id = $1 and name = $2) n,
          (select coalesce(max(version), 0) as newest from deleted_workflow where tenant_id = $1 and name = $2) d
        where $5::int4 is null or n.newest = $5
        returning version
        """,
        [tenant.uuid, name, document, principal, expected.map { Int32(clamping: $0) }]
      ).first.map { Int(try $0.decode(0, as: Int32.self)) }
    } catch let error as PostgresError where error.sqlState == "23505" {
      // Somebody else added it at the same moment.
      return nil
    }
  }

  /// Removes a workflow that no run has used. A run that is accepted in this very moment keeps its document, and the
  /// numbers of its versions are not used again. Returns whether it was removed; `nil` when there is none.
  package func remove(_ tenant: TenantID, _ name: String) async throws -> Bool? {
    let rows = try await pool.query(
      """
      with used as (
        select exists (
          select 1 from run r join workflow w
            on w.tenant_id = r.tenant_id and w.name = r.workflow and w.version = r.workflow_version
          where r.tenant_id = $1 and r.workflow = $2) as is_used
      ), gone as (
        delete from workflow where tenant_id = $1 and name = $2 and not (select u.is_used from used u)
        returning tenant_id, name, version, document, created_by, created_at
      ), kept as (
        insert into deleted_workflow (tenant_id, name, version, document, created_by, created_at)
        select tenant_id, name, version, document, created_by, created_at from gone
      )
      select (select u.is_used from used u), (select count(*) from gone),
        exists (select 1 from workflow where tenant_id = $1 and name = $2)
      """, [tenant.uuid, name])
    guard let row = rows.first, try row.decode(2, as: Bool.self) else { return nil }
    return try row.decode(1, as: Int64.self) > 0
  }

  /// Open runs of a workflow, oldest first.
  package func openRuns(_ tenant: TenantID, _ name: String, limit: Int) async throws -> [(run: RunID, version: Int)] {
    var sql = ListSQL()
    let branches = sql.runs(
      sql.add(tenant.uuid), RunFilter(workflow: name), statuses: ListSQL.openStatuses,
      shelves: ListSQL.Shelf.allCases, from: sql.add(UUID(high: 0, low: 0)), .oldestFirst, rowsMax: limit)
    let ids = ListSQL.merged(branches, .oldestFirst, limit: "\(limit)")
    return try await pool.query(
      "select r.id, r.workflow_version from (\(ids)) x join run r on r.id = x.id order by x.id", sql.parameters
    ).map { (RunID(try $0.decode(0, as: UUID.self)), Int(try $0.decode(1, as: Int32.self))) }
  }

  private static func row(_ row: PostgresRow) throws -> WorkflowRow {
    WorkflowRow(
      name: try row.decode(0, as: String.self), version: Int(try row.decode(1, as: Int32.self)),
      document: try row.decode(2, as: [UInt8].self), createdBy: try row.decode(3, as: String.self),
      createdAt: try row.decode(4, as: Timestamp.self))
  }

  /// Every member.
  package init(pool: PostgresPool) {
    self.pool = pool
  }
}
