package import Contracts
internal import Cron
package import Postgres
package import Primitives
internal import SystemSources

/// A schedule as it is stored.
package struct ScheduleRow: Sendable {
  /// What happens when a time comes while the run before is open.
  package enum Overlap: String, CaseIterable, Sendable {
    /// The time is left out.
    case skip
    /// Both run.
    case allow
    /// One run follows the open one at once.
    case queueOne = "queue_one"
    /// The open one is cancelled.
    case cancelOther = "cancel_other"
  }

  package let tenant: TenantID
  package let id: ScheduleID
  package let name: String
  package let cron: String
  package let timeZone: String
  package let task: [UInt8]
  package let overlap: Overlap
  package let catchUpMilliseconds: Int64
  package let isPaused: Bool
  package let version: Int
  package let createdBy: String
  package let createdAt: Timestamp
  package let nextAt: Timestamp?
  package let lastAt: Timestamp?
  package let lastRun: RunID?
  package let queuedAt: Timestamp?
  package let fired: Int64
  package let skipped: Int64
  /// The database's clock.
  package let now: Timestamp

  static let columns = columns(task: "task")
  /// Without tasks that are large.
  static let listedColumns = columns(
    task: "case when length(task) <= \(RunRow.listedBytesMax) then task else ''::bytea end")

  private static func columns(task: String) -> ResultColumns<ScheduleRow> {
    ResultColumns { column in
      let tenant = column("tenant_id", .uuid)
      let id = column("id", .uuid)
      let name = column("name", .text)
      let cron = column("cron", .text)
      let timeZone = column("time_zone", .text)
      let task = column(task, .bytea)
      let overlap = column("overlap", .text)
      let catchUp = column("catch_up_ms", .int8)
      let isPaused = column("is_paused", .bool)
      let version = column("version", .int4)
      let createdBy = column("created_by", .text)
      let createdAt = column("created_at", .timestamptz)
      let nextAt = column(nullable: "next_at", .timestamptz)
      let lastAt = column(nullable: "last_at", .timestamptz)
      let lastRun = column(nullable: "last_run", .uuid)
      let queuedAt = column(nullable: "queued_at", .timestamptz)
      let fired = column("fired", .int8)
      let skipped = column("skipped", .int8)
      let now = column("clock_timestamp()", .timestamptz)
      return { row in
        ScheduleRow(
          tenant: TenantID(try row[tenant]), id: ScheduleID(try row[id]), name: try row[name], cron: try row[cron],
          timeZone: try row[timeZone], task: try row[task],
          overlap: Overlap(rawValue: try row[overlap]) ?? .skip, catchUpMilliseconds: try row[catchUp],
          isPaused: try row[isPaused], version: Int(try row[version]), createdBy: try row[createdBy],
          createdAt: try row[createdAt], nextAt: try row[nextAt], lastAt: try row[lastAt],
          lastRun: try row[lastRun].map { RunID($0) }, queuedAt: try row[queuedAt], fired: try row[fired],
          skipped: try row[skipped], now: try row[now])
      }
    }
  }
}

/// What the caller defines of a schedule.
package struct ScheduleDefinition: Sendable {
  package var name: String
  package var cron: String
  package var timeZone: String
  package var task: [UInt8]
  package var overlap: ScheduleRow.Overlap
  package var catchUpMilliseconds: Int64
  package var isPaused: Bool

  package init(
    name: String, cron: String, timeZone: String, task: [UInt8], overlap: ScheduleRow.Overlap,
    catchUpMilliseconds: Int64, isPaused: Bool
  ) {
    self.name = name
    self.cron = cron
    self.timeZone = timeZone
    self.task = task
    self.overlap = overlap
    self.catchUpMilliseconds = catchUpMilliseconds
    self.isPaused = isPaused
  }
}

/// The table of schedules.
package struct ScheduleStore: Sendable {
  /// For what is done for all tenants.
  private let pool: PostgresPool
  private let database: TenantDatabase

  /// The schedules of a database.
  package init(pool: PostgresPool) {
    self.pool = pool
    database = TenantDatabase(pool: pool)
  }

  /// The database's clock.
  package func now() async throws -> Timestamp? { try await pool.query(RunStore.clock, ()).first }

  // MARK: Schedules

  package func schedule(_ tenant: TenantID, _ id: ScheduleID) async throws -> ScheduleRow? {
    try await database.query(ScheduleStore.find, (tenant, id), of: TenantScope(tenant.uuid)).first
  }

  static let find = Statement<(tenant: TenantID, id: ScheduleID), ScheduleRow>(ScheduleRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return "select \(ScheduleRow.columns) from schedule where tenant_id = \(tenant) and id = \(id)"
  }

  /// Schedules, newest first, before `cursor`, without their tasks where these are large; those of `project` alone when
  /// one is named.
  package func schedules(
    _ tenant: TenantID, of project: ProjectID? = nil, before cursor: ScheduleID?, limit: Int
  ) async throws -> [ScheduleRow] {
    try await database.query(
      ScheduleStore.list, (tenant, project, cursor, limit), of: TenantScope(tenant.uuid))
  }

  static let list = Statement<
    (tenant: TenantID, project: ProjectID?, cursor: ScheduleID?, limit: Int), ScheduleRow
  >(
    ScheduleRow.listedColumns
  ) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let cursor = parameter("cursor", .uuid) { $0.cursor?.uuid ?? .last }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    let project = parameter("project", .text) { $0.project?.description ?? "" }
    return """
      select \(ScheduleRow.listedColumns) from schedule where tenant_id = \(tenant) and id < \(cursor)
      and (\(project) = '' or convert_from(task, 'UTF8')::json ->> 'project_id' = \(project))
      order by id desc limit \(limit)
      """
  }

  /// Adds a schedule. Throws `NameTaken`.
  package func add(
    _ tenant: TenantID, _ definition: ScheduleDefinition, next: Timestamp?, by principal: String
  ) async throws -> ScheduleRow? {
    let schedule = DefinedSchedule(
      tenant: tenant, id: ScheduleID.make(), definition: definition, next: next, principal: principal, expected: 0)
    return try await NameTaken.translating("schedule") {
      try await database.query(ScheduleStore.insert, schedule, of: TenantScope(tenant.uuid)).first
    }
  }

  /// A definition that is written.
  struct DefinedSchedule: Sendable {
    let tenant: TenantID
    let id: ScheduleID
    let definition: ScheduleDefinition
    let next: Timestamp?
    let principal: String
    let expected: Int
  }

  /// What statements that write a definition have in common.
  private struct DefinitionParameters {
    let name: String
    let cron: String
    let timeZone: String
    let task: String
    let overlap: String
    let catchUp: String
    let isPaused: String
    let next: String

    init(_ parameter: StatementBuilder<DefinedSchedule>) {
      name = parameter("name", .text) { $0.definition.name }
      cron = parameter("cron", .text) { $0.definition.cron }
      timeZone = parameter("time_zone", .text) { $0.definition.timeZone }
      task = parameter("task", .bytea) { $0.definition.task }
      overlap = parameter("overlap", .text) { $0.definition.overlap.rawValue }
      catchUp = parameter("catch_up_ms", .int8) { $0.definition.catchUpMilliseconds }
      isPaused = parameter("is_paused", .bool) { $0.definition.isPaused }
      next = parameter("next_at", .timestamptz) { $0.next }
    }
  }

  static let insert = Statement<DefinedSchedule, ScheduleRow>(ScheduleRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let new = DefinitionParameters(parameter)
    let principal = parameter("principal", .text) { $0.principal }
    return """
      insert into schedule (tenant_id, id, name, cron, time_zone, task, overlap, catch_up_ms, is_paused, next_at,
        created_by)
      values (\(tenant), \(id), \(new.name), \(new.cron), \(new.timeZone), \(new.task), \(new.overlap),
        \(new.catchUp), \(new.isPaused), \(new.next), \(principal))
      returning \(ScheduleRow.columns)
      """
  }

  /// Replaces the definition of a schedule; `nil` when its version is not `expected`, or when it would be paused while
  /// a time of it is due. A time that is due stays due: it is served before the new times count. Throws `NameTaken`.
  package func update(
    _ tenant: TenantID, _ id: ScheduleID, _ definition: ScheduleDefinition, next: Timestamp?, expected: Int
  ) async throws -> ScheduleRow? {
    let schedule = DefinedSchedule(
      tenant: tenant, id: id, definition: definition, next: next, principal: "", expected: expected)
    return try await NameTaken.translating("schedule") {
      try await database.query(ScheduleStore.change, schedule, of: TenantScope(tenant.uuid)).first
    }
  }

  static let change = Statement<DefinedSchedule, ScheduleRow>(ScheduleRow.columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    let new = DefinitionParameters(parameter)
    let expected = parameter("expected", .int4) { Int32(clamping: $0.expected) }
    return """
      update schedule set name = \(new.name), cron = \(new.cron), time_zone = \(new.timeZone), task = \(new.task),
        overlap = \(new.overlap), catch_up_ms = \(new.catchUp), is_paused = \(new.isPaused),
        next_at = case when not is_paused and next_at <= clock_timestamp() then next_at else \(new.next) end,
        version = version + 1, updated_at = now()
      where tenant_id = \(tenant) and id = \(id) and version = \(expected)
        and not (\(new.isPaused) and not is_paused and next_at <= clock_timestamp())
      returning \(ScheduleRow.columns)
      """
  }

  package func remove(_ tenant: TenantID, _ id: ScheduleID) async throws -> Bool {
    try await database.execute(ScheduleStore.delete, (tenant, id), of: TenantScope(tenant.uuid)) > 0
  }

  static let delete = Statement<(tenant: TenantID, id: ScheduleID), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id.uuid }
    return "delete from schedule where tenant_id = \(tenant) and id = \(id)"
  }

  // MARK: Firing

  /// Schedules whose time has come, or whose queued time can be used now.
  package func due(limit: Int) async throws -> [ScheduleRow] { try await pool.query(ScheduleStore.listDue, limit) }

  static let listDue = Statement<Int, ScheduleRow>(ScheduleRow.columns) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      select \(ScheduleRow.columns) from schedule s where not is_paused and (next_at <= clock_timestamp()
        or (queued_at is not null and exists (select 1 from run r where r.id = s.last_run and r.ended_at is not null)))
        and not exists (select 1 from tenant_state z where z.tenant_id = s.tenant_id and z.suspended_at is not null)
      order by next_at limit \(limit)
      """
  }

  /// How a schedule goes on behind a time of it.
  struct Advance: Sendable {
    let row: ScheduleRow
    let next: Timestamp?
    let time: Timestamp
    let run: RunID?
    let queued: Timestamp?
    let skipped: Bool
  }

  /// Goes on to the next time, if nobody else did. `run` is what the time gave, `queued` the time that waits for later.
  package func advance(
    _ row: ScheduleRow, next: Timestamp?, at time: Timestamp, run: RunID?, queued: Timestamp?, skipped: Bool
  ) async throws -> Bool {
    try await pool.execute(
      ScheduleStore.goOn, Advance(row: row, next: next, time: time, run: run, queued: queued, skipped: skipped)) > 0
  }

  static let goOn = Statement<Advance, Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.row.tenant.uuid }
    let id = parameter("id", .uuid) { $0.row.id.uuid }
    let next = parameter("next_at", .timestamptz) { $0.next }
    let time = parameter("at", .timestamptz) { $0.time }
    let run = parameter("run", .uuid) { $0.run?.uuid }
    let queued = parameter("queued_at", .timestamptz) { $0.queued }
    let skipped = parameter("skipped", .bool) { $0.skipped }
    let version = parameter("version", .int4) { Int32(clamping: $0.row.version) }
    let nextBefore = parameter("next_at before", .timestamptz) { $0.row.nextAt }
    let queuedBefore = parameter("queued_at before", .timestamptz) { $0.row.queuedAt }
    return """
      update schedule set next_at = \(next), last_at = case when \(run) is null then last_at else \(time) end,
        last_run = coalesce(\(run), last_run), queued_at = \(queued),
        fired = fired + case when \(run) is null then 0 else 1 end,
        skipped = skipped + case when \(skipped) then 1 else 0 end
      where tenant_id = \(tenant) and id = \(id) and version = \(version)
        and next_at is not distinct from \(nextBefore) and queued_at is not distinct from \(queuedBefore)
      """
  }
}
