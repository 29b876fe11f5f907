package import Contracts
internal import Postgres
package import Primitives

/// Leases: extending them, finding those whose workers fell silent, and the steps that wait beside the queue.
extension RunStore {
  /// Buckets, of two seconds each, after which a waiting step belongs to the backlog.
  private static let backlogBuckets: Int32 = 8

  package typealias LeaseToken = (step: StepID, token: UUID)

  private static let stepID = ResultColumns<StepID> { column in
    let id = column("l.step_id", .uuid)
    return { row in StepID(try row[id]) }
  }

  /// Extends leases whose workers still work on them, also after their deadline as long as nobody has taken them back.
  /// Returns the steps whose lease the worker has lost.
  package func heartbeat(_ leases: [LeaseToken], milliseconds: Int64) async throws -> Set<StepID> {
    let extended = try await pool.query(RunStore.extendLeases, (leases, milliseconds))
    return Set(leases.map(\.step)).subtracting(extended)
  }

  static let extendLeases = Statement<(leases: [LeaseToken], milliseconds: Int64), StepID>(stepID) { parameter in
    let leases = parameter.rows("h") { $0.leases }
    leases("step_id", .uuid) { $0.step.uuid }
    leases("token", .uuid) { $0.token }
    let milliseconds = parameter("milliseconds", .int8) { $0.milliseconds }
    return """
      update lease l set deadline = least(
        clock_timestamp() + coalesce(l.heartbeat_ms, \(milliseconds)) * interval '1 millisecond',
        coalesce(l.closes_at, 'infinity'))
      from \(leases)
      where l.step_id = h.step_id and l.token = h.token and coalesce(l.closes_at > clock_timestamp(), true)
      returning \(stepID)
      """
  }

  /// The leases that workers still have, out of many. Those of which a third has passed are extended; the others are
  /// only looked up, so that workers may ask often. Extending a lease that has passed to another worker in that moment
  /// does no harm.
  package func heartbeats(_ leases: [LeaseToken], milliseconds: Int64) async throws -> [HeldLease] {
    guard !leases.isEmpty else { return [] }
    return try await pool.query(RunStore.checkLeases, (leases, milliseconds))
  }

  static let checkLeases = Statement<(leases: [LeaseToken], milliseconds: Int64), HeldLease>(HeldLease.columns) {
    parameter in
    let leases = parameter.rows("h") { $0.leases }
    let steps = leases("step_id", .uuid) { $0.step.uuid }
    leases("token", .uuid) { $0.token }
    let milliseconds = parameter("milliseconds", .int8) { $0.milliseconds }
    return """
      with held as materialized (
        select c.step_id, c.run_id, c.tenant_id, c.token, c.lane, c.life_ms,
          c.deadline < clock_timestamp() + c.life_ms * interval '1 millisecond' * 2 / 3
            and c.deadline < coalesce(c.closes_at, 'infinity') as is_due
        from (
          select x.step_id, x.run_id, x.tenant_id, x.token, x.lane, x.deadline, x.closes_at,
            coalesce(x.heartbeat_ms, \(milliseconds)) as life_ms
          from lease x where x.step_id = any(\(steps))) c
        join \(leases) on h.step_id = c.step_id and h.token = c.token
        where coalesce(c.closes_at > clock_timestamp(), true)
      ), extended as (
        update lease x set deadline = least(
          clock_timestamp() + coalesce(x.heartbeat_ms, \(milliseconds)) * interval '1 millisecond',
          coalesce(x.closes_at, 'infinity'))
        where x.step_id = any(array(select o.step_id from held o where o.is_due))
        returning x.step_id
      )
      select \(HeldLease.columns) from held l left join run r on r.id = case when l.is_due then l.run_id end
      """
  }

  /// Ends leases that no worker has received: the next sweep gives their steps to others, and counts no attempt. A
  /// lease without a worker is recognised as such.
  package func releaseUndelivered(_ steps: [LeasedStep]) async throws {
    try await pool.execute(RunStore.expireLeases, steps.map { ($0.step, $0.token) })
  }

  static let expireLeases = Statement<[LeaseToken], Void> { parameter in
    let leases = parameter.rows("g") { $0 }
    leases("step_id", .uuid) { $0.step.uuid }
    leases("token", .uuid) { $0.token }
    return """
      update lease l set deadline = clock_timestamp() - interval '1 microsecond', worker = ''
      from \(leases) where l.step_id = g.step_id and l.token = g.token
      """
  }

  /// Leases whose deadline has passed, oldest first, and the time of the query. Those that passed before `start` are
  /// left out: while some transaction holds an old snapshot, the index is full of entries of leases that have long
  /// ended. A lease lives for its whole time behind `backSince`, the moment since which the database can be reached:
  /// before it no worker could be heard.
  package func overdueLeases(
    from start: Timestamp?, backSince: Timestamp?, leaseMilliseconds: Int64, limit: Int
  ) async throws -> (leases: [OverdueLease], seenAt: Timestamp?) {
    let results = try await pool.batch([
      RunStore.clock.call(()), RunStore.listOverdue.call((start, backSince, leaseMilliseconds, limit)),
    ])
    return (try RunStore.listOverdue.rows(results[1]), try RunStore.clock.rows(results[0]).first)
  }

  static let listOverdue = Statement<
    (start: Timestamp?, backSince: Timestamp?, leaseMilliseconds: Int64, limit: Int), OverdueLease
  >(OverdueLease.columns) { parameter in
    let start = parameter("start", .timestamptz) { $0.start }
    let backSince = parameter("back_since", .timestamptz) { $0.backSince }
    let milliseconds = parameter("milliseconds", .int8) { $0.leaseMilliseconds }
    let limit = parameter("limit", .int8) { Int64($0.limit) }
    return """
      select \(OverdueLease.columns)
      from lease where deadline < clock_timestamp() and deadline >= coalesce(\(start), '-infinity')
        and (closes_at <= clock_timestamp() or worker = ''
          or coalesce(\(backSince), '-infinity') + coalesce(heartbeat_ms, \(milliseconds)) * interval '1 millisecond'
            < clock_timestamp())
      order by deadline limit \(limit)
      """
  }

  /// The tenant, run and key of a step that has a lease.
  package func leasedStep(_ step: StepID) async throws -> OverdueLease? {
    try await pool.query(RunStore.findLease, step).first
  }

  static let findLease = Statement<StepID, OverdueLease>(OverdueLease.columns) { parameter in
    "select \(OverdueLease.columns) from lease where step_id = \(parameter("step", .uuid) { $0.uuid })"
  }

  /// Steps that no worker took in time.
  package func expiredSteps(limit: Int) async throws -> [ExpiredStep] {
    try await pool.query(RunStore.listExpired, limit)
  }

  static let listExpired = Statement<Int, ExpiredStep>(ExpiredStep.columns) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      select \(ExpiredStep.columns) from ready where expires_at < clock_timestamp() order by expires_at limit \(limit)
      """
  }

  // MARK: Beside the queue

  private static let rowCount = ResultColumns<Int> { column in
    let count = column("count(*)", .int8)
    return { row in Int(clamping: try row[count]) }
  }

  /// Puts steps that have waited for long into bucket 0, so that a backlog has one group for each tenant and a claim
  /// does not grow with its age. Returns how many.
  package func gatherBacklog(limit: Int) async throws -> Int {
    try await pool.query(RunStore.mergeBuckets, limit).first ?? 0
  }

  static let mergeBuckets = Statement<Int, Int>(rowCount) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      with recursive types(job_type) as (
        (select job_type from ready where blocked_on is null order by job_type limit 1)
        union all
        select next.job_type from types t cross join lateral (
          select q.job_type from ready q where q.blocked_on is null and q.job_type > t.job_type
          order by q.job_type limit 1) next
      ), old as materialized (
        select o.step_id from types t cross join lateral (
          select q.step_id from ready q
          where q.job_type = t.job_type and q.blocked_on is null and q.bucket > 0
            and q.bucket < (extract(epoch from clock_timestamp()) / 2)::int - \(backlogBuckets)
          order by q.bucket limit \(limit)) o
      ), gathered as (
        update ready q set bucket = 0 where q.step_id = any(array(select step_id from old)) and q.bucket > 0 returning 1
      )
      select \(rowCount) from gathered
      """
  }

  /// Moves delayed attempts that are due into the queue. Returns how many.
  package func promoteDelayed(limit: Int) async throws -> Int {
    try await pool.query(RunStore.moveDelayed, limit).first ?? 0
  }

  static let moveDelayed = Statement<Int, Int>(rowCount) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      with due as (
        delete from delayed d using (
          select step_id from delayed where due_at <= clock_timestamp() order by due_at limit \(limit)
          for update skip locked) p
        where d.step_id = p.step_id
        returning d.*
      ), moved as (
        insert into ready (step_id, run_id, tenant_id, step, attempt, queued_version, job_type, lane, rank_at, queued_at,
          expires_at, heartbeat_ms, close_ms, input_sha256, home, bucket)
        select step_id, run_id, tenant_id, step, attempt, queued_version, job_type, lane, rank_at, clock_timestamp(),
          expires_at, heartbeat_ms, close_ms, input_sha256, home, (extract(epoch from clock_timestamp()) / 2)::int
        from due
        on conflict (step_id) do update set attempt = excluded.attempt, queued_version = excluded.queued_version,
          blocked_on = null, lane = excluded.lane, rank_at = excluded.rank_at, queued_at = excluded.queued_at,
          home = excluded.home, bucket = excluded.bucket, expires_at = excluded.expires_at,
          input_sha256 = excluded.input_sha256
      )
      select \(rowCount) from due
      """
  }
}
