internal import Contracts
internal import Cron
internal import Postgres
internal import Primitives
internal import SystemSources

/// A schedule as it is stored.
struct ScheduleRow: Sendable {
  /// What happens when a time comes while the run before is open.
  enum Overlap: String, CaseIterable, Sendable {
    /// The time is left out.
    case skip
    /// Both run.
    case allow
    /// One run follows the open one at once.
    case queueOne = "queue_one"
    /// The open one is cancelled.
    case cancelOther = "cancel_other"
  }

  let tenant: TenantID
  let id: ScheduleID
  let name: String
  let cron: String
  let timeZone: String
  let task: [UInt8]
  let overlap: Overlap
  let catchUpMilliseconds: Int64
  let isPaused: Bool
  let version: Int
  let createdBy: String
  let createdAt: Timestamp
  let nextAt: Timestamp?
  let lastAt: Timestamp?
  let lastRun: RunID?
  let queuedAt: Timestamp?
  let fired: Int64
  let skipped: Int64
  /// The database's clock.
  let now: Timestamp
}

/// What a person says of a schedule.
struct ScheduleWish: Sendable {
  var name: String
  var cron: String
  var timeZone: String
  var task: [UInt8]
  var overlap: ScheduleRow.Overlap
  var catchUpMilliseconds: Int64
  var isPaused: Bool
}

/// The table of schedules, and the time zones of the database.
struct ScheduleStore: Sendable {
  private static let columns = """
    tenant_id, id, name, cron, time_zone, task, overlap, catch_up_ms, is_paused, version, created_by, created_at, next_at,
    last_at, last_run, queued_at, fired, skipped, clock_timestamp()
    """

  let pool: PostgresPool

  /// The database's clock.
  func now() async throws -> Timestamp? {
    try await pool.query("select clock_timestamp()").first.map { try $0.decode(0, as: Timestamp.self) }
  }

  // MARK: Schedules

  func schedule(_ tenant: TenantID, _ id: ScheduleID) async throws -> ScheduleRow? {
    try await pool.query(
      "select \(ScheduleStore.columns) from schedule where tenant_id = $1 and id = $2", [tenant.uuid, id.uuid]
    ).first.map(ScheduleStore.row)
  }

  /// Schedules, newest first, before `cursor`, without their tasks where these are large.
  func schedules(_ tenant: TenantID, before cursor: ScheduleID?, limit: Int) async throws -> [ScheduleRow] {
    let columns = ScheduleStore.columns.replacing(
      "task,", with: "case when length(task) <= \(RunStore.listedBytesMax) then task else ''::bytea end,")
    return try await pool.query(
      "select \(columns) from schedule where tenant_id = $1 and id < $2 order by id desc limit $3",
      [tenant.uuid, cursor?.uuid ?? .last, Int64(limit)]
    ).map(ScheduleStore.row)
  }

  /// Adds a schedule. Throws the store's error with SQLSTATE 23505 when its name is taken.
  func add(_ tenant: TenantID, _ wish: ScheduleWish, next: Timestamp?, by principal: String) async throws
    -> ScheduleRow?
  {
    try await pool.query(
      """
      insert into schedule (tenant_id, id, name, cron, time_zone, task, overlap, catch_up_ms, is_paused, next_at, created_by)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning \(ScheduleStore.columns)
      """,
      [
        tenant.uuid, ScheduleID.make().uuid, wish.name, wish.cron, wish.timeZone, wish.task, wish.overlap.rawValue,
        wish.catchUpMilliseconds, wish.isPaused, next, principal,
      ]
    ).first.map(ScheduleStore.row)
  }

  /// Replaces what is said of a schedule; `nil` when its version is not `expected`, or when it would be paused while a
  /// time of it is due. A time that is due stays due: it is served before the new times count.
  func update(
    _ tenant: TenantID, _ id: ScheduleID, _ wish: ScheduleWish, next: Timestamp?, expected: Int
  ) async throws -> ScheduleRow? {
    try await pool.query(
      """
      update schedule set name = $3, cron = $4, time_zone = $5, task = $6, overlap = $7, catch_up_ms = $8, is_paused = $9,
        next_at = case when not is_paused and next_at <= clock_timestamp() then next_at else $10 end,
        version = version + 1, updated_at = now()
      where tenant_id = $1 and id = $2 and version = $11
        and not ($9 and not is_paused and next_at <= clock_timestamp()) returning \(ScheduleStore.columns)
      """,
      [
        tenant.uuid, id.uuid, wish.name, wish.cron, wish.timeZone, wish.task, wish.overlap.rawValue,
        wish.catchUpMilliseconds, wish.isPaused, next, Int32(clamping: expected),
      ]
    ).first.map(ScheduleStore.row)
  }

  func remove(_ tenant: TenantID, _ id: ScheduleID) async throws -> Bool {
    try await pool.query(
      "delete from schedule where tenant_id = $1 and id = $2 returning 1", [tenant.uuid, id.uuid]
    ).first != nil
  }

  // MARK: Firing

  /// Schedules whose time has come, or whose kept time can be used now.
  func due(limit: Int) async throws -> [ScheduleRow] {
    try await pool.query(
      """
      select \(ScheduleStore.columns) from schedule s where not is_paused and (next_at <= clock_timestamp()
        or (queued_at is not null and exists (select 1 from run r where r.id = s.last_run and r.ended_at is not null)))
      order by next_at limit $1
      """, [Int64(limit)]
    ).map(ScheduleStore.row)
  }

  /// Goes on to the next time, if nobody else did. `run` is what the time gave, `queued` the time to be kept for later.
  func advance(
    _ row: ScheduleRow, next: Timestamp?, at time: Timestamp, run: RunID?, queued: Timestamp?, skipped: Bool
  ) async throws -> Bool {
    try await pool.query(
      """
      update schedule set next_at = $3, last_at = case when $5::uuid is null then last_at else $4 end,
        last_run = coalesce($5, last_run), queued_at = $6, fired = fired + case when $5 is null then 0 else 1 end,
        skipped = skipped + case when $7 then 1 else 0 end
      where tenant_id = $1 and id = $2 and version = $8 and next_at is not distinct from $9
        and queued_at is not distinct from $10 returning 1
      """,
      [
        row.tenant.uuid, row.id.uuid, next, time, run?.uuid, queued, skipped, Int32(clamping: row.version), row.nextAt,
        row.queuedAt,
      ]
    ).first != nil
  }

  private static func row(_ row: PostgresRow) throws -> ScheduleRow {
    ScheduleRow(
      tenant: TenantID(try row.decode(0, as: UUID.self)), id: ScheduleID(try row.decode(1, as: UUID.self)),
      name: try row.decode(2, as: String.self), cron: try row.decode(3, as: String.self),
      timeZone: try row.decode(4, as: String.self), task: try row.decode(5, as: [UInt8].self),
      overlap: ScheduleRow.Overlap(rawValue: try row.decode(6, as: String.self)) ?? .skip,
      catchUpMilliseconds: try row.decode(7, as: Int64.self), isPaused: try row.decode(8, as: Bool.self),
      version: Int(try row.decode(9, as: Int32.self)), createdBy: try row.decode(10, as: String.self),
      createdAt: try row.decode(11, as: Timestamp.self), nextAt: try row.decode(12, as: Timestamp?.self),
      lastAt: try row.decode(13, as: Timestamp?.self), lastRun: try row.decode(14, as: UUID?.self).map { RunID($0) },
      queuedAt: try row.decode(15, as: Timestamp?.self), fired: try row.decode(16, as: Int64.self),
      skipped: try row.decode(17, as: Int64.self), now: try row.decode(18, as: Timestamp.self))
  }
}
