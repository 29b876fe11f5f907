package import Contracts
package import Decider
internal import JSON
internal import Postgres
package import Primitives

/// A task with its newest run, as it is shown.
package struct TaskRow: Sendable {
  package let tenant: TenantID
  package let task: TaskID
  package let project: ProjectID?
  package let title: String?
  package let description: String
  package let labels: [UInt8]
  package let assignee: String?
  package let priority: Int
  package let dueAt: Timestamp?
  package let version: Int
  package let createdBy: String
  package let createdAt: Timestamp
  package let updatedAt: Timestamp
  package let archivedAt: Timestamp?
  package let run: RunRow

  /// Every member.
  package init(
    tenant: TenantID, task: TaskID, project: ProjectID?, title: String?, description: String, labels: [UInt8],
    assignee: String?, priority: Int, dueAt: Timestamp?, version: Int, createdBy: String, createdAt: Timestamp,
    updatedAt: Timestamp, archivedAt: Timestamp?, run: RunRow
  ) {
    self.tenant = tenant
    self.task = task
    self.project = project
    self.title = title
    self.description = description
    self.labels = labels
    self.assignee = assignee
    self.priority = priority
    self.dueAt = dueAt
    self.version = version
    self.createdBy = createdBy
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.archivedAt = archivedAt
    self.run = run
  }
}

/// A run as it is shown.
package struct RunRow: Sendable {
  package let id: RunID
  package let task: TaskID
  package let project: ProjectID?
  package let workflow: String
  package let workflowVersion: Int
  package let version: Int
  package let status: RunState.Status
  package let isPaused: Bool
  package let parent: RunID?
  package let forkedFrom: RunID?
  package let createdAt: Timestamp
  package let startedAt: Timestamp?
  package let endedAt: Timestamp?
  package let usage: Usage
  package let failure: [UInt8]?
  package let input: [UInt8]
  package let output: [UInt8]?
  /// Lists show no large inputs and results.
  package var isInputLeftOut = false
  package var isOutputLeftOut = false

  package var effectiveStatus: String { isPaused && !status.isEnded ? "paused" : status.rawValue }

  /// Every member.
  package init(
    id: RunID, task: TaskID, project: ProjectID?, workflow: String, workflowVersion: Int, version: Int,
    status: RunState.Status, isPaused: Bool, parent: RunID?, forkedFrom: RunID?, createdAt: Timestamp,
    startedAt: Timestamp?, endedAt: Timestamp?, usage: Usage, failure: [UInt8]?, input: [UInt8], output: [UInt8]?,
    isInputLeftOut: Bool = false, isOutputLeftOut: Bool = false
  ) {
    self.id = id
    self.task = task
    self.project = project
    self.workflow = workflow
    self.workflowVersion = workflowVersion
    self.version = version
    self.status = status
    self.isPaused = isPaused
    self.parent = parent
    self.forkedFrom = forkedFrom
    self.createdAt = createdAt
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.usage = usage
    self.failure = failure
    self.input = input
    self.output = output
    self.isInputLeftOut = isInputLeftOut
    self.isOutputLeftOut = isOutputLeftOut
  }
}

extension RunStore {
  /// Inputs and results that are larger than this are left out of lists.
  package static let listedBytesMax = 16 << 10

  private static let runMembers = """
    r.id, r.task_id, r.project_id, r.workflow, r.workflow_version, r.version, r.status, r.is_paused, r.parent_run,
    r.forked_from, r.created_at, r.started_at, r.ended_at, r.input_tokens, r.output_tokens, r.cost_microusd,
    r.unpriced_calls, r.model_calls, r.failure
    """
  private static let taskMembers = """
    t.tenant_id, t.id, t.project_id, t.title, t.description, coalesce(array_to_json(t.labels)::jsonb, '[]'),
    t.assignee, t.priority, t.due_at, t.version, t.created_by, t.created_at, t.updated_at, t.archived_at
    """
  private static let payloadJoins = """
    left join payload i on i.tenant_id = r.tenant_id and i.sha256 = r.input_sha256
    left join payload o on o.tenant_id = r.tenant_id and o.sha256 = r.output_sha256
    """
  private static let runColumns = "\(runMembers), i.body, o.body, false, false"
  private static let taskColumns = "\(runColumns), \(taskMembers)"
  private static let listedColumns = """
    \(runMembers), case when length(i.body) <= \(listedBytesMax) then i.body end,
    case when length(o.body) <= \(listedBytesMax) then o.body end,
    coalesce(length(i.body) > \(listedBytesMax), false), coalesce(length(o.body) > \(listedBytesMax), false)
    """

  /// A task of the tenant.
  package func task(_ tenant: TenantID, _ id: TaskID) async throws -> TaskRow? {
    try await pool.query(
      """
      select \(RunStore.taskColumns) from task t join run r on r.id = t.run_id \(RunStore.payloadJoins)
      where t.tenant_id = $1 and t.id = $2
      """, [tenant.uuid, id.uuid]
    ).first.map(RunStore.task)
  }

  /// A run of the tenant.
  package func run(_ tenant: TenantID, _ id: RunID) async throws -> RunRow? {
    try await pool.query(
      "select \(RunStore.runColumns) from run r \(RunStore.payloadJoins) where r.tenant_id = $1 and r.id = $2",
      [tenant.uuid, id.uuid]
    ).first.map { try RunStore.run($0) }
  }

  /// Tasks of the tenant, newest first, before `cursor`.
  package func tasks(
    _ tenant: TenantID, _ filter: RunFilter, before cursor: TaskID?, limit: Int
  ) async throws -> ListPage<TaskRow> {
    let bound = ListSQL.bound(limit)
    var sql = ListSQL()
    let owner = sql.add(tenant.uuid)
    let from = sql.add(cursor?.uuid ?? .last)
    let ids: String
    var looked: String?
    var conditions = ""
    if let label = filter.label {
      let found = """
        select l.task_id as id from task_label l where l.tenant_id = \(owner) and l.label = \(sql.add(label))
          and l.task_id < \(from) order by l.task_id desc
        """
      ids = "\(found) limit \(ListSQL.looksMax)"
      looked = "select x.id from (\(found)) x offset \(ListSQL.looksMax - 1) limit 1"
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
    var rows = try await pool.query(
      """
      select \(RunStore.listedColumns), \(RunStore.taskMembers) from (\(ids)) x
      cross join lateral (select * from task where tenant_id = \(owner) and id = x.id offset 0) t
      cross join lateral (select * from run where id = t.run_id offset 0) r \(RunStore.payloadJoins)
      where true\(conditions) order by x.id desc limit \(sql.add(Int64(min(limit, bound))))
      """, sql.parameters
    ).map(RunStore.task)
    // A run that a replica of an older version has replaced stands beside its task's other one.
    rows = rows.indices.filter { $0 == 0 || rows[$0].task != rows[$0 - 1].task }.map { rows[$0] }
    return ListPage(rows: rows, cut: try await cut(rows.count < limit ? looked : nil, parameters))
  }

  /// Runs of the tenant, newest first, before `cursor`.
  package func runs(
    _ tenant: TenantID, _ filter: RunFilter, before cursor: RunID?, limit: Int
  ) async throws -> ListPage<RunRow> {
    let bound = ListSQL.bound(limit)
    var sql = ListSQL()
    let owner = sql.add(tenant.uuid)
    let from = sql.add(cursor?.uuid ?? .last)
    let ids: String
    var looked: String?
    var conditions = ""
    if let task = filter.task {
      let id = sql.add(task.uuid)
      let found = """
        select r.id from run r where r.tenant_id = \(owner) and r.task_id <> r.id
          and \(ListSQL.range(["r.task_id", "r.id"], ["\(id)::uuid"], from: from, .newestFirst))
        """
      let first = "(select r.id from run r where r.id = \(id) and r.tenant_id = \(owner) and r.id < \(from))"
      let most = filter.isPlain ? bound : ListSQL.looksMax
      ids = ListSQL.merged(["(\(found) limit \(most))", first], .newestFirst, limit: "\(most + 1)")
      looked = "select x.id from (\(found)) x offset \(ListSQL.looksMax - 1) limit 1"
      conditions = sql.conditions(filter)
    } else {
      let branches = sql.runs(
        owner, filter, statuses: filter.status.map { [$0] } ?? ListSQL.statuses, shelves: ListSQL.Shelf.allCases,
        from: from, .newestFirst, rowsMax: bound)
      ids = ListSQL.merged(branches, .newestFirst, limit: "\(bound)")
    }
    let parameters = sql.parameters
    let rows = try await pool.query(
      """
      select \(RunStore.listedColumns) from (\(ids)) x
      cross join lateral (select * from run where id = x.id offset 0) r \(RunStore.payloadJoins)
      where true\(conditions) order by x.id desc limit \(sql.add(Int64(min(limit, bound))))
      """, sql.parameters
    ).map { try RunStore.run($0) }
    return ListPage(rows: rows, cut: try await cut(rows.count < limit ? looked : nil, parameters))
  }

  /// Where the rows end that a page has looked at; `nil` when there are no more.
  private func cut(_ sql: String?, _ parameters: [any PostgresEncodable]) async throws -> UUID? {
    guard let sql else { return nil }
    return try await pool.query(sql, parameters).first.map { try $0.decode(0, as: UUID.self) }
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
    return try await pool.query(ListSQL.merged(branches, .oldestFirst, limit: "\(limit)"), sql.parameters)
      .map { RunID(try $0.decode(0, as: UUID.self)) }
  }

  /// How a run has ended.
  package func end(of run: RunID) async throws -> (status: RunState.Status, output: [UInt8]?, failure: Failure?)? {
    try await pool.query(
      """
      select r.status, o.body, r.failure->>'code', r.failure->>'message' from run r
      left join payload o on o.tenant_id = r.tenant_id and o.sha256 = r.output_sha256 where r.id = $1
      """, [run.uuid]
    ).first.map { row in
      let code = try row.decode(2, as: String?.self)
      let message = try row.decode(3, as: String?.self)
      return (
        RunState.Status(rawValue: try row.decode(0, as: String.self)) ?? .failed, try row.decode(1, as: [UInt8]?.self),
        code.map { Failure(code: $0, message: message ?? "", isRetryable: false) }
      )
    }
  }

  /// Changes what is said of a task; `nil` members of the change stay. Returns false when its version is not
  /// `expected`.
  package func update(_ tenant: TenantID, _ id: TaskID, _ change: TaskChange, expected: Int?) async throws -> Bool {
    let rows = try await pool.query(
      """
      with changed as (
        update task set title = case when $3 then $4::text else title end, description = coalesce($5, description),
          labels = case when $6::jsonb is null then labels
            else (select array_agg(l) from jsonb_array_elements_text($6::jsonb) l) end,
          assignee = case when $7 then $8::text else assignee end, priority = coalesce($9::int4, priority),
          due_at = case when $10 then $11::timestamptz else due_at end,
          archived_at = case when $12::bool is null then archived_at when $12 then coalesce(archived_at, now()) end,
          version = version + 1, updated_at = now()
        where tenant_id = $1 and id = $2 and ($13::int4 is null or version = $13)
        returning id, run_id, archived_at
      ), shelved as (
        update run r set shelf = case when (select archived_at from changed) is not null then 2 end
        where $12::bool is not null and r.id = (select id from changed where run_id = id)
      ), unlabelled as (
        delete from task_label l where $6::jsonb is not null and exists (select 1 from changed)
          and l.tenant_id = $1 and l.task_id = $2 and l.label = any((
            select t.labels from task t where t.tenant_id = $1 and t.id = $2)::text[])
          and not l.label in (select jsonb_array_elements_text($6::jsonb))
      ), labelled as (
        insert into task_label (tenant_id, label, task_id)
        select distinct $1::uuid, jsonb_array_elements_text($6::jsonb), c.id from changed c
        on conflict do nothing
      )
      select 1 from changed
      """,
      [
        tenant.uuid, id.uuid, change.title != nil, change.title ?? nil, change.description,
        change.labels.map { PostgresJSON($0) }, change.assignee != nil, change.assignee ?? nil,
        change.priority.map { Int32(clamping: $0) }, change.dueAt != nil, change.dueAt ?? nil, change.isArchived,
        expected.map { Int32(clamping: $0) },
      ])
    return rows.first != nil
  }

  /// Who has submitted tasks.
  package func submitters(_ tasks: [(tenant: TenantID, task: TaskID)]) async throws -> [(
    task: TaskID, principal: String
  )] {
    try await pool.query(
      """
      select t.id, t.created_by from unnest($1::uuid[], $2::uuid[]) as w(tenant_id, id)
      join task t on t.tenant_id = w.tenant_id and t.id = w.id
      """, [tasks.map(\.tenant.uuid), tasks.map(\.task.uuid)]
    ).map { row in (TaskID(try row.decode(0, as: UUID.self)), try row.decode(1, as: String.self)) }
  }

  private static func run(_ row: PostgresRow) throws -> RunRow {
    RunRow(
      id: RunID(try row.decode(0, as: UUID.self)), task: TaskID(try row.decode(1, as: UUID.self)),
      project: try row.decode(2, as: UUID?.self).map { ProjectID($0) }, workflow: try row.decode(3, as: String.self),
      workflowVersion: Int(try row.decode(4, as: Int32.self)), version: Int(try row.decode(5, as: Int32.self)),
      status: RunState.Status(rawValue: try row.decode(6, as: String.self)) ?? .failed,
      isPaused: try row.decode(7, as: Bool.self), parent: try row.decode(8, as: UUID?.self).map { RunID($0) },
      forkedFrom: try row.decode(9, as: UUID?.self).map { RunID($0) },
      createdAt: try row.decode(10, as: Timestamp.self), startedAt: try row.decode(11, as: Timestamp?.self),
      endedAt: try row.decode(12, as: Timestamp?.self),
      usage: Usage(
        inputTokens: try row.decode(13, as: Int64.self), outputTokens: try row.decode(14, as: Int64.self),
        costMicroUSD: try row.decode(15, as: Int64.self), unpricedCalls: try row.decode(16, as: Int64.self),
        modelCalls: try row.decode(17, as: Int64.self)),
      failure: try row.decode(18, as: [UInt8]?.self),
      input: try row.decode(19, as: [UInt8]?.self) ?? Array("null".utf8),
      output: try row.decode(20, as: [UInt8]?.self), isInputLeftOut: try row.decode(21, as: Bool.self),
      isOutputLeftOut: try row.decode(22, as: Bool.self))
  }

  private static func task(_ row: PostgresRow) throws -> TaskRow {
    TaskRow(
      tenant: TenantID(try row.decode(23, as: UUID.self)), task: TaskID(try row.decode(24, as: UUID.self)),
      project: try row.decode(25, as: UUID?.self).map { ProjectID($0) }, title: try row.decode(26, as: String?.self),
      description: try row.decode(27, as: String.self), labels: try row.decode(28, as: [UInt8].self),
      assignee: try row.decode(29, as: String?.self), priority: Int(try row.decode(30, as: Int32.self)),
      dueAt: try row.decode(31, as: Timestamp?.self), version: Int(try row.decode(32, as: Int32.self)),
      createdBy: try row.decode(33, as: String.self), createdAt: try row.decode(34, as: Timestamp.self),
      updatedAt: try row.decode(35, as: Timestamp.self), archivedAt: try row.decode(36, as: Timestamp?.self),
      run: try run(row))
  }
}

/// What is changed of a task. The outer optional says whether, the inner one what to.
package struct TaskChange: Sendable {
  package var title: String??
  package var description: String?
  package var labels: [UInt8]?
  package var assignee: String??
  package var priority: Int?
  package var dueAt: Timestamp??
  package var isArchived: Bool?

  /// Every member.
  package init(
    title: String?? = nil, description: String? = nil, labels: [UInt8]? = nil, assignee: String?? = nil,
    priority: Int? = nil, dueAt: Timestamp?? = nil, isArchived: Bool? = nil
  ) {
    self.title = title
    self.description = description
    self.labels = labels
    self.assignee = assignee
    self.priority = priority
    self.dueAt = dueAt
    self.isArchived = isArchived
  }
}

extension TaskRow {
  /// A task that was accepted at `created`.
  package init(_ submission: Submission, _ created: Timestamp) {
    let facts = submission.facts
    let said = submission.task ?? NewTask()
    var writer = JSONWriter()
    writer.beginArray()
    for label in said.labels { writer.string(label) }
    writer.endArray()
    self.init(
      tenant: facts.tenant, task: facts.task, project: facts.project, title: said.title, description: said.description,
      labels: writer.bytes, assignee: said.assignee, priority: facts.priority, dueAt: said.dueAt, version: 1,
      createdBy: submission.principal, createdAt: created, updatedAt: created, archivedAt: nil,
      run: RunRow(
        id: submission.run, task: facts.task, project: facts.project, workflow: submission.state.workflow.name,
        workflowVersion: submission.state.workflow.version, version: submission.state.sequence,
        status: submission.state.status, isPaused: false, parent: nil, forkedFrom: nil, createdAt: created,
        startedAt: nil, endedAt: submission.state.status.isEnded ? created : nil, usage: submission.state.usage,
        failure: nil, input: submission.input.body, output: nil))
  }
}
