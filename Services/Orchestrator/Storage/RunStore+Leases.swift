package import Contracts
internal import Decider
internal import Postgres
package import Primitives

/// Leases: keeping them, finding those whose holders fell silent, and the steps that wait beside the queue.
extension RunStore {
  /// Buckets, of two seconds each, after which a waiting step belongs to the backlog.
  private static let backlogBuckets: Int32 = 8

  /// Prolongs leases that their holder still works on, also after their deadline as long as nobody has taken them back.
  /// Returns the steps whose lease is no longer the holder's.
  package func heartbeat(_ held: [(step: StepID, token: UUID)], milliseconds: Int64) async throws -> Set<StepID> {
    let rows = try await pool.query(
      """
      update lease l set deadline = least(
        clock_timestamp() + coalesce(l.heartbeat_ms, $3) * interval '1 millisecond', coalesce(l.closes_at, 'infinity'))
      from unnest($1::uuid[], $2::uuid[]) as h(step_id, token)
      where l.step_id = h.step_id and l.token = h.token and coalesce(l.closes_at > clock_timestamp(), true)
      returning l.step_id
      """, [held.map(\.step.uuid), held.map(\.token), milliseconds])
    var lost = Set(held.map(\.step))
    for row in rows { lost.remove(StepID(try row.decode(0, as: UUID.self))) }
    return lost
  }

  /// Ends leases that nobody will use: the next sweep gives their steps to others, and counts no attempt. Without a
  /// worker they are known as such.
  package func releaseUndelivered(_ steps: [LeasedStep]) async throws {
    _ = try await pool.query(
      """
      update lease l set deadline = clock_timestamp() - interval '1 microsecond', worker = ''
      from unnest($1::uuid[], $2::uuid[]) as g(step_id, token) where l.step_id = g.step_id and l.token = g.token
      """, [steps.map(\.step.uuid), steps.map(\.token)])
  }

  /// Leases whose deadline has passed, oldest first, and the time of the look. Those that passed before `start` are
  /// left out: while some transaction holds an old snapshot, the index is full of entries of leases that have long
  /// ended. A lease lives for its whole time behind `backSince`, the moment since which the database can be reached:
  /// before it no holder could be heard.
  package func overdueLeases(
    from start: Timestamp?, backSince: Timestamp?, leaseMilliseconds: Int64, limit: Int
  ) async throws -> (leases: [OverdueLease], seenAt: Timestamp?) {
    let rows = try await pool.batch([
      PostgresStatement("select clock_timestamp()"),
      PostgresStatement(
        """
        select step_id, run_id, tenant_id, step, attempt, token, coalesce(closes_at <= clock_timestamp(), false),
          worker = ''
        from lease where deadline < clock_timestamp() and deadline >= coalesce($2::timestamptz, '-infinity')
          and (closes_at <= clock_timestamp() or worker = ''
            or coalesce($3::timestamptz, '-infinity') + coalesce(heartbeat_ms, $4) * interval '1 millisecond'
              < clock_timestamp())
        order by deadline limit $1
        """, [Int64(limit), start, backSince, leaseMilliseconds]),
    ])
    return (try rows[1].map(OverdueLease.init), try rows[0].first?.decode(0, as: Timestamp.self))
  }

  /// The tenant, run and key of a step that has a lease.
  package func leasedStep(_ step: StepID) async throws -> OverdueLease? {
    try await pool.query(
      "select step_id, run_id, tenant_id, step, attempt, token, false, worker = '' from lease where step_id = $1",
      [step.uuid]
    ).first.map(OverdueLease.init)
  }

  /// Steps that no worker took in time.
  package func expiredSteps(limit: Int) async throws -> [(run: RunID, step: String, attempt: Int)] {
    try await pool.query(
      """
      select run_id, step, attempt from ready where expires_at < clock_timestamp() order by expires_at limit $1
      """, [Int64(limit)]
    ).map { row in
      (
        RunID(try row.decode(0, as: UUID.self)), try row.decode(1, as: String.self),
        Int(try row.decode(2, as: Int32.self))
      )
    }
  }

  /// Puts steps that have waited for long into bucket 0, so that a backlog has one spot for each tenant and a claim
  /// does not grow with its age. Returns how many.
  package func gatherBacklog(limit: Int) async throws -> Int {
    let rows = try await pool.query(
      """
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
            and q.bucket < (extract(epoch from clock_timestamp()) / 2)::int - $2
          order by q.bucket limit $1) o
      ), gathered as (
        update ready q set bucket = 0 where q.step_id = any(array(select step_id from old)) and q.bucket > 0 returning 1
      )
      select count(*) from gathered
      """, [Int64(limit), RunStore.backlogBuckets])
    return Int(try rows.first?.decode(0, as: Int64.self) ?? 0)
  }

  /// Moves delayed attempts that are due into the queue. Returns how many.
  package func promoteDelayed(limit: Int) async throws -> Int {
    let rows = try await pool.query(
      """
      with due as (
        delete from delayed d using (
          select step_id from delayed where due_at <= clock_timestamp() order by due_at limit $1 for update skip locked) p
        where d.step_id = p.step_id
        returning d.*
      ), moved as (
        insert into ready (step_id, run_id, tenant_id, step, attempt, queued_version, job_type, lane, rank_at, queued_at,
          expires_at, heartbeat_ms, close_ms, input_sha256, home, bucket)
        select step_id, run_id, tenant_id, step, attempt, queued_version, job_type, lane, rank_at, clock_timestamp(),
          expires_at, heartbeat_ms, close_ms, input_sha256, home, (extract(epoch from clock_timestamp()) / 2)::int from due
        on conflict (step_id) do update set attempt = excluded.attempt, queued_version = excluded.queued_version,
          blocked_on = null, lane = excluded.lane, rank_at = excluded.rank_at, queued_at = excluded.queued_at, home = excluded.home,
          bucket = excluded.bucket, expires_at = excluded.expires_at, input_sha256 = excluded.input_sha256
      )
      select count(*) from due
      """, [Int64(limit)])
    return Int(try rows.first?.decode(0, as: Int64.self) ?? 0)
  }
}

/// A lease that its holder did not prolong.
package struct OverdueLease: Sendable {
  package let step: StepID
  package let run: RunID
  package let tenant: TenantID
  package let key: String
  package let attempt: Int
  package let token: UUID
  /// Whether the attempt as a whole took too long, not only the silence of its holder.
  package let isClosed: Bool
  /// Whether it never reached a worker.
  package let isUndelivered: Bool

  package init(_ leased: LeasedStep) {
    step = leased.step
    run = leased.run
    tenant = leased.tenant
    key = leased.key
    attempt = leased.attempt
    token = leased.token
    isClosed = false
    isUndelivered = false
  }

  init(_ row: PostgresRow) throws {
    step = StepID(try row.decode(0, as: UUID.self))
    run = RunID(try row.decode(1, as: UUID.self))
    tenant = TenantID(try row.decode(2, as: UUID.self))
    key = try row.decode(3, as: String.self)
    attempt = Int(try row.decode(4, as: Int32.self))
    token = try row.decode(5, as: UUID.self)
    isClosed = try row.decode(6, as: Bool.self)
    isUndelivered = try row.decode(7, as: Bool.self)
  }
}
