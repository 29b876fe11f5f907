package import Contracts
internal import Decider
internal import Postgres
internal import Primitives

/// Tasks and their runs, as the API reads and changes them.
extension RunStore {
  /// A task of the tenant.
  package func task(_ tenant: TenantID, _ id: TaskID) async throws -> TaskRow? {
    try await database.query(RunStore.findTask, (tenant, id), of: TenantScope(tenant.uuid)).first
  }

  static let findTask = Statement<(tenant: TenantID, id: TaskID), TaskRow>(TaskRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return """
      select \(TaskRow.columns) from task t join run r on r.id = t.run_id \(RunRow.payloadJoins)
      where t.tenant_id = \(tenant) and t.id = \(id)
      """
  }

  /// A run of the tenant.
  package func run(_ tenant: TenantID, _ id: RunID) async throws -> RunRow? {
    try await database.query(RunStore.findRun, (tenant, id), of: TenantScope(tenant.uuid)).first
  }

  static let findRun = Statement<(tenant: TenantID, id: RunID), RunRow>(RunRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return """
      select \(RunRow.columns) from run r \(RunRow.payloadJoins) where r.tenant_id = \(tenant) and r.id = \(id)
      """
  }

  /// Tasks of the tenant, newest first, before `cursor`; as old as a read replica may be.
  package func tasks(
    _ tenant: TenantID, _ filter: RunFilter, before cursor: TaskID?, limit: Int
  ) async throws -> ListPage<TaskRow> {
    let bound = ListSQL.bound(limit)
    var sql = ListSQL()
    let owner = sql.add(tenant.uuid)
    let from = sql.add(cursor?.uuid ?? .last)
    let ids: String
    var examined: String?
    var conditions = ""
    if let label = filter.label {
      let found = """
        select l.task_id as id from task_label l where l.tenant_id = \(owner) and l.label = \(sql.add(label))
          and l.task_id < \(from) order by l.task_id desc
        """
      ids = "\(found) limit \(ListSQL.examinedMax)"
      examined = "select x.id from (\(found)) x offset \(ListSQL.examinedMax - 1) limit 1"
      conditions = sql.conditions(filter) + (filter.isArchivedToo ? "" : " and t.archived_at is null")
    } else {
      var branches = sql.runs(
        owner, filter, statuses: filter.status.map { [$0] } ?? ListSQL.statuses,
        shelves: filter.isArchivedToo ? [.task, .archived] : [.task], from: from, .newestFirst, rowsMax: bound)
      branches.append(
        """
        (select t.id from task t cross join lateral (select * from run where id = t.run_id offset 0) r where t.tenant_id = \(owner) and t.run_id <> t.id
          and t.id < \(from)\(filter.isArchivedToo ? "" : " and t.archived_at is null")\(sql.conditions(filter))
          order by t.id desc limit \(bound))
        """)
      ids = ListSQL.merged(branches, .newestFirst, limit: "\(bound)")
    }
    let parameters = sql.parameters
    let result = try await database.list(
      finding: ids,
      """
      select \(TaskRow.listedColumns) from \(TenantScope.found)
      cross join lateral (select * from task where tenant_id = \(owner) and id = x.id offset 0) t
      cross join lateral (select * from run where id = t.run_id offset 0) r \(RunRow.payloadJoins)
      where true\(conditions) order by x.id desc limit \(sql.add(Int64(min(limit, bound))))
      """, sql.parameters, of: TenantScope(tenant.uuid))
    var rows = try TaskRow.listedColumns.rows(result)
    // A run that a replica of an older version has replaced stands beside its task's other one.
    rows = rows.indices.filter { $0 == 0 || rows[$0].task != rows[$0 - 1].task }.map { rows[$0] }
    return ListPage(
      rows: rows, resumeAt: try await lastExamined(rows.count < limit ? examined : nil, parameters))
  }

  /// Runs of the tenant, newest first, before `cursor`; as old as a read replica may be.
  package func runs(
    _ tenant: TenantID, _ filter: RunFilter, before cursor: RunID?, limit: Int
  ) async throws -> ListPage<RunRow> {
    let bound = ListSQL.bound(limit)
    var sql = ListSQL()
    let owner = sql.add(tenant.uuid)
    let from = sql.add(cursor?.uuid ?? .last)
    let ids: String
    var examined: String?
    var conditions = ""
    if let task = filter.task {
      let id = sql.add(task.uuid)
      let found = """
        select r.id from run r where r.tenant_id = \(owner) and r.task_id <> r.id
          and \(ListSQL.range(["r.task_id", "r.id"], ["\(id)::uuid"], from: from, .newestFirst))
        """
      let first = "(select r.id from run r where r.id = \(id) and r.tenant_id = \(owner) and r.id < \(from))"
      let most = filter.isPlain ? bound : ListSQL.examinedMax
      ids = ListSQL.merged(["(\(found) limit \(most))", first], .newestFirst, limit: "\(most + 1)")
      examined = "select x.id from (\(found)) x offset \(ListSQL.examinedMax - 1) limit 1"
      conditions = sql.conditions(filter)
    } else {
      let branches = sql.runs(
        owner, filter, statuses: filter.status.map { [$0] } ?? ListSQL.statuses, shelves: ListSQL.Shelf.allCases,
        from: from, .newestFirst, rowsMax: bound)
      ids = ListSQL.merged(branches, .newestFirst, limit: "\(bound)")
    }
    let parameters = sql.parameters
    let result = try await database.list(
      finding: ids,
      """
      select \(RunRow.listedColumns) from \(TenantScope.found)
      cross join lateral (select * from run where id = x.id offset 0) r \(RunRow.payloadJoins)
      where true\(conditions) order by x.id desc limit \(sql.add(Int64(min(limit, bound))))
      """, sql.parameters, of: TenantScope(tenant.uuid))
    let rows = try RunRow.listedColumns.rows(result)
    return ListPage(
      rows: rows, resumeAt: try await lastExamined(rows.count < limit ? examined : nil, parameters))
  }

  /// The last row that a page has examined; `nil` when there are no more.
  private func lastExamined(_ sql: String?, _ parameters: [any PostgresEncodable]) async throws -> UUID? {
    guard let sql else { return nil }
    return try RunStore.anyID.rows(try await reads.query(sql, parameters)).first
  }

  /// The only column of a selection of ids; the statement names it.
  private static let anyID = ResultColumns<UUID> { column in
    let id = column("id", .uuid)
    return { row in try row[id] }
  }

  /// Open runs that fit the filter, oldest first, for bulk operations; without a status in the filter those of
  /// `statuses`.
  package func openRuns(
    _ tenant: TenantID, _ filter: RunFilter, statuses: [String] = ListSQL.openStatuses, after cursor: RunID?, limit: Int
  ) async throws -> [RunID] {
    var sql = ListSQL()
    let owner = sql.add(tenant.uuid)
    let from = sql.add(cursor?.uuid ?? UUID(high: 0, low: 0))
    let branches = sql.runs(
      owner, filter, statuses: filter.status.map { [$0] } ?? statuses, shelves: ListSQL.Shelf.allCases,
      from: from, .oldestFirst, rowsMax: limit)
    let result = try await pool.query(ListSQL.merged(branches, .oldestFirst, limit: "\(limit)"), sql.parameters)
    return try RunStore.anyID.rows(result).map { RunID($0) }
  }

  /// How a run has ended.
  package func end(of run: RunID) async throws -> RunEnd? { try await pool.query(RunStore.findEnd, run).first }

  static let findEnd = Statement<RunID, RunEnd>(RunEnd.columns) { parameter in
    let run = parameter("run", .uuid) { $0.uuid }
    return """
      select \(RunEnd.columns) from run r
      left join payload o on o.tenant_id = r.tenant_id and o.sha256 = r.output_sha256 where r.id = \(run)
      """
  }

  /// Changes a task; `nil` members of the change stay. Returns false when its version is not `expected`.
  package func update(_ tenant: TenantID, _ id: TaskID, _ change: TaskChange, expected: Int?) async throws -> Bool {
    try await database.execute(RunStore.changeTask, (tenant, id, change, expected), of: TenantScope(tenant.uuid)) > 0
  }

  static let changeTask = Statement<(tenant: TenantID, id: TaskID, change: TaskChange, expected: Int?), Void> {
    parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let setsTitle = parameter("sets title", .bool) { $0.change.title != nil }
    let title = parameter("title", .text) { $0.change.title ?? nil }
    let description = parameter("description", .text) { $0.change.description }
    let labels = parameter("labels", .jsonb) { $0.change.labels.map { PostgresJSON($0) } }
    let setsAssignee = parameter("sets assignee", .bool) { $0.change.assignee != nil }
    let assignee = parameter("assignee", .text) { $0.change.assignee ?? nil }
    let priority = parameter("priority", .int4) { $0.change.priority.map { Int32(clamping: $0) } }
    let setsDueAt = parameter("sets due_at", .bool) { $0.change.dueAt != nil }
    let dueAt = parameter("due_at", .timestamptz) { $0.change.dueAt ?? nil }
    let isArchived = parameter("archived", .bool) { $0.change.isArchived }
    let expected = parameter("expected", .int4) { $0.expected.map { Int32(clamping: $0) } }
    return """
      with changed as (
        update task set title = case when \(setsTitle) then \(title) else title end,
          description = coalesce(\(description), description),
          labels = case when \(labels) is null then labels
            else (select array_agg(l) from jsonb_array_elements_text(\(labels)) l) end,
          assignee = case when \(setsAssignee) then \(assignee) else assignee end,
          priority = coalesce(\(priority), priority),
          due_at = case when \(setsDueAt) then \(dueAt) else due_at end,
          archived_at = case when \(isArchived) is null then archived_at
            when \(isArchived) then coalesce(archived_at, now()) end,
          version = version + 1, updated_at = now()
        where tenant_id = \(tenant) and id = \(id) and (\(expected) is null or version = \(expected))
        returning id, run_id, archived_at
      ), shelved as (
        update run r set shelf = case when (select archived_at from changed) is not null then 2 end
        where \(isArchived) is not null and r.id = (select id from changed where run_id = id)
      ), unlabelled as (
        delete from task_label l where \(labels) is not null and exists (select 1 from changed)
          and l.tenant_id = \(tenant) and l.task_id = \(id) and l.label = any((
            select t.labels from task t where t.tenant_id = \(tenant) and t.id = \(id))::text[])
          and not l.label in (select jsonb_array_elements_text(\(labels)))
      ), labelled as (
        insert into task_label (tenant_id, label, task_id)
        select distinct \(tenant), jsonb_array_elements_text(\(labels)), c.id from changed c
        on conflict do nothing
      )
      select 1 from changed
      """
  }

  /// Who has submitted tasks.
  package func submitters(
    _ tasks: [(tenant: TenantID, task: TaskID)]
  ) async throws -> [(task: TaskID, principal: String)] {
    try await pool.query(RunStore.listSubmitters, tasks)
  }

  private static let submitter = ResultColumns<(task: TaskID, principal: String)> { column in
    let task = column("t.id", .uuid)
    let principal = column("t.created_by", .text)
    return { row in (TaskID(try row[task]), try row[principal]) }
  }

  static let listSubmitters = Statement<[(tenant: TenantID, task: TaskID)], (task: TaskID, principal: String)>(
    submitter
  ) { parameter in
    let wanted = parameter.rows("w") { $0 }
    wanted("tenant_id", .uuid) { $0.tenant.uuid }
    wanted("id", .uuid) { $0.task.uuid }
    return "select \(submitter) from \(wanted) join task t on t.tenant_id = w.tenant_id and t.id = w.id"
  }
}
