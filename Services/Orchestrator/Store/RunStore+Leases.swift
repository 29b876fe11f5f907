internal import Contracts
internal import Decider
internal import Postgres
internal import Primitives

/// Leases: taking steps off the queue, keeping them, and finding those whose holders fell silent.
extension RunStore {
  /// Buckets, of two seconds each, after which a waiting step belongs to the backlog.
  private static let backlogBuckets: Int32 = 8

  /// The advisory lock under which limits are counted and steps taken, one claim at a time over all replicas.
  private static let claimLock: Int64 = 0x6361_6472_6531

  /// Gives up to `workers.count` steps of a job type to `workers`, one to each entry: fairly between tenants, by
  /// priority and age within one, never beyond a limit. Takes them off the queue and records the start in each history.
  ///
  /// Looks at what was queued in `bucket` and later; the second result is the oldest bucket that had steps, `nil` when
  /// none is there.
  func lease(
    jobType: String, workers: [String], milliseconds: Int64, from bucket: Int32
  ) async throws -> (steps: [LeasedStep], oldest: Int32?) {
    let statements = [
      PostgresStatement("select pg_advisory_xact_lock($1)", [RunStore.claimLock]),
      PostgresStatement(RunStore.leaseSQL, [jobType, Int64(workers.count), workers, milliseconds, home, bucket]),
    ]
    let rows = try await retrying { try await pool.batch(statements) }[1]
    let oldest = try rows.first?.decode(15, as: Int32?.self)
    let steps = try rows.compactMap { row -> LeasedStep? in
      guard let step = try row.decode(0, as: UUID?.self) else { return nil }
      return LeasedStep(
        step: StepID(step), run: RunID(try row.decode(1, as: UUID.self)),
        tenant: TenantID(try row.decode(2, as: UUID.self)), key: try row.decode(3, as: String.self),
        attempt: Int(try row.decode(4, as: Int32.self)), token: try row.decode(5, as: UUID.self),
        deadline: try row.decode(6, as: Timestamp.self), version: Int(try row.decode(7, as: Int32.self)),
        task: TaskID(try row.decode(8, as: UUID.self)), input: try row.decode(9, as: [UInt8]?.self),
        traceparent: try row.decode(10, as: String?.self), leaseMilliseconds: try row.decode(11, as: Int64.self),
        slot: Int(try row.decode(12, as: Int64.self)) - 1, waitedMicroseconds: try row.decode(13, as: Int64.self),
        lane: try row.decode(14, as: String.self), jobType: jobType)
    }
    return (steps, oldest)
  }

  /// Lanes with waiting steps are found by skipping through the index, never by reading the queue; what a lane may
  /// still take is counted only where a limit or lock exists.
  private static let leaseSQL = """
    with recursive spot(bucket, tenant_id, lane, n) as (
      (select bucket, tenant_id, lane, 1 from ready where job_type = $1 and bucket >= $6
        order by bucket, tenant_id, lane limit 1)
      union all
      select next.bucket, next.tenant_id, next.lane, s.n + 1 from spot s cross join lateral (
        select q.bucket, q.tenant_id, q.lane from ready q
        where q.job_type = $1 and (q.bucket, q.tenant_id, q.lane) > (s.bucket, s.tenant_id, s.lane)
        order by q.bucket, q.tenant_id, q.lane limit 1) next
      where s.n < 10000
    ), lanes as materialized (
      select distinct tenant_id, lane from spot
    ), limited as materialized (
      select l.tenant_id, l.lane, k.key, coalesce(c.slots, 1) as slots
      from lanes l cross join lateral unnest(array['tenant'] || string_to_array(nullif(l.lane, ''), E'\\x1f')) as k(key)
      left join concurrency_limit c on c.tenant_id = l.tenant_id and c.key = k.key
      where c.slots is not null or k.key like 'lock:%'
    ), held as materialized (
      select h.tenant_id, k.key, count(*) as n from lease h
      cross join lateral unnest(array['tenant'] || string_to_array(nullif(h.lane, ''), E'\\x1f')) as k(key)
      group by 1, 2
    ), free as materialized (
      select m.tenant_id, m.lane, m.key,
        greatest(0, m.slots - coalesce((select n from held h where h.tenant_id = m.tenant_id and h.key = m.key), 0)) as n
      from limited m
    ), room as materialized (
      select s.bucket, s.tenant_id, s.lane,
        (select min(f.n) from free f where f.tenant_id = s.tenant_id and f.lane = s.lane) as n
      from spot s
    ), candidate as materialized (
      select c.step_id, c.tenant_id, c.lane, c.rank_at,
        row_number() over (partition by c.tenant_id order by c.rank_at) as position
      from room r cross join lateral (
        select q.step_id, q.tenant_id, q.lane, q.rank_at from ready q
        where q.job_type = $1 and q.bucket = r.bucket and q.tenant_id = r.tenant_id and q.lane = r.lane
          and (q.home = $5 or q.queued_at < clock_timestamp() - interval '5 milliseconds')
        order by q.rank_at limit least($2, coalesce(r.n, $2))) c
    ), shared as materialized (
      select c.*, row_number() over (order by case
        when (select count(distinct tenant_id) from room) > 1 then
          (c.position + coalesce((select n from held h where h.tenant_id = c.tenant_id and h.key = 'tenant'), 0))
            / coalesce((select weight from tenant_weight w where w.tenant_id = c.tenant_id), 1)
        else 0 end, c.rank_at) as place
      from candidate c
    ), allowed as materialized (
      select s.step_id, s.place from shared s
      where not exists (select 1 from free)
      union all
      select s.step_id, s.place from (
        select s.step_id, s.place, coalesce(bool_and(s.running <= s.n), true) as fits from (
          select s.step_id, s.place, f.n,
            row_number() over (partition by s.tenant_id, f.key order by s.place) as running
          from shared s left join free f on f.tenant_id = s.tenant_id and f.lane = s.lane) s
        group by s.step_id, s.place) s
      where s.fits and exists (select 1 from free)
    ), chosen as materialized (
      select q.step_id from ready q
      where q.step_id = any(array(select step_id from allowed order by place limit $2))
      for update of q skip locked
    ), taken as materialized (
      delete from ready q where q.step_id = any(array(select step_id from chosen))
      returning q.*
    ), picked as materialized (
      select t.*, a.place from taken t join allowed a on a.step_id = t.step_id
    ), live as materialized (
      select r.id, r.cleared_version from run r where r.id in (select run_id from picked) and r.ended_at is null
      order by r.id for no key update
    ), numbered as materialized (
      select p.*, gen_random_uuid() as token, row_number() over (partition by p.run_id order by p.place) as position,
        count(*) over (partition by p.run_id) as siblings, row_number() over (order by p.place) as slot
      from picked p join live r on r.id = p.run_id where p.queued_version > r.cleared_version
    ), bumped as (
      update run r set version = r.version + n.siblings::int,
        status = case r.status when 'pending' then 'running' else r.status end,
        started_at = coalesce(r.started_at, clock_timestamp())
      from (select distinct run_id, siblings from numbered) n
      where r.id = n.run_id
      returning r.id, r.version - n.siblings::int as base, r.task_id, r.traceparent
    ), leased as (
      insert into lease (step_id, run_id, tenant_id, step, attempt, token, worker, lane, heartbeat_ms,
        closes_at, deadline)
      select n.step_id, n.run_id, n.tenant_id, n.step, n.attempt, n.token, ($3::text[])[n.slot],
        n.lane, n.heartbeat_ms, clock_timestamp() + n.close_ms * interval '1 millisecond',
        clock_timestamp() + least(coalesce(n.heartbeat_ms, $4), n.close_ms) * interval '1 millisecond'
      from numbered n join bumped b on b.id = n.run_id
      returning step_id, deadline
    ), appended as (
      insert into history (run_id, seq, at, body)
      select n.run_id, (b.base + n.position)::int, clock_timestamp(), convert_to(json_build_array(json_build_array(
        'step.started', n.step, json_build_object('attempt', n.attempt, 'worker', ($3::text[])[n.slot])))::text, 'UTF8')
      from numbered n join bumped b on b.id = n.run_id
    )
    select n.step_id, n.run_id, n.tenant_id, n.step, n.attempt, n.token, l.deadline,
      (b.base + n.position)::int, b.task_id, p.body, b.traceparent, coalesce(n.heartbeat_ms, $4)::int8, n.slot,
      (extract(epoch from clock_timestamp() - n.queued_at) * 1000000)::int8, n.lane, (select min(bucket) from spot)
    from (select) always
    left join (numbered n join bumped b on b.id = n.run_id join leased l on l.step_id = n.step_id) on true
    left join payload p on p.tenant_id = n.tenant_id and p.sha256 = n.input_sha256
    """

  /// Prolongs leases that their holder still works on, also after their deadline as long as nobody has taken them back.
  /// Returns the steps whose lease is no longer the holder's.
  func heartbeat(_ held: [(step: StepID, token: UUID)], milliseconds: Int64) async throws -> Set<StepID> {
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

  /// Ends leases that nobody will use: the next sweep gives their steps to others.
  func giveBack(_ steps: [LeasedStep]) async throws {
    _ = try await pool.query(
      """
      update lease l set deadline = clock_timestamp() - interval '1 microsecond'
      from unnest($1::uuid[], $2::uuid[]) as g(step_id, token) where l.step_id = g.step_id and l.token = g.token
      """, [steps.map(\.step.uuid), steps.map(\.token)])
  }

  /// Leases whose deadline has passed, oldest first, and the time of the look. Those that passed before `start` are
  /// left out: while some transaction holds an old snapshot, the index is full of entries of leases that have long
  /// ended. A lease lives for its whole time behind `backSince`, the moment since which the database can be reached:
  /// before it no holder could be heard.
  func overdueLeases(
    from start: Timestamp?, backSince: Timestamp?, leaseMilliseconds: Int64, limit: Int
  ) async throws -> (leases: [OverdueLease], seenAt: Timestamp?) {
    let rows = try await pool.batch([
      PostgresStatement("select clock_timestamp()"),
      PostgresStatement(
        """
        select step_id, run_id, tenant_id, step, attempt, token, coalesce(closes_at <= clock_timestamp(), false)
        from lease where deadline < clock_timestamp() and deadline >= coalesce($2::timestamptz, '-infinity')
          and (closes_at <= clock_timestamp()
            or coalesce($3::timestamptz, '-infinity') + coalesce(heartbeat_ms, $4) * interval '1 millisecond'
              < clock_timestamp())
        order by deadline limit $1
        """, [Int64(limit), start, backSince, leaseMilliseconds]),
    ])
    return (try rows[1].map(OverdueLease.init), try rows[0].first?.decode(0, as: Timestamp.self))
  }

  /// The tenant, run and key of a step that has a lease.
  func leasedStep(_ step: StepID) async throws -> OverdueLease? {
    try await pool.query(
      "select step_id, run_id, tenant_id, step, attempt, token, false from lease where step_id = $1", [step.uuid]
    ).first.map(OverdueLease.init)
  }

  /// Steps that no worker took in time.
  func expiredSteps(limit: Int) async throws -> [(run: RunID, step: String, attempt: Int)] {
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

  /// Puts steps that have waited for long into bucket 0, so that a backlog has one spot for each lane and a claim does
  /// not grow with its age. Returns how many.
  func gatherBacklog(limit: Int) async throws -> Int {
    let rows = try await pool.query(
      """
      with recursive types(job_type) as (
        (select job_type from ready order by job_type limit 1)
        union all
        select next.job_type from types t cross join lateral (
          select q.job_type from ready q where q.job_type > t.job_type order by q.job_type limit 1) next
      ), old as materialized (
        select o.step_id from types t cross join lateral (
          select q.step_id from ready q
          where q.job_type = t.job_type and q.bucket > 0
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
  func promoteDelayed(limit: Int) async throws -> Int {
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
          lane = excluded.lane, rank_at = excluded.rank_at, queued_at = excluded.queued_at, home = excluded.home,
          bucket = excluded.bucket, expires_at = excluded.expires_at, input_sha256 = excluded.input_sha256
      )
      select count(*) from due
      """, [Int64(limit)])
    return Int(try rows.first?.decode(0, as: Int64.self) ?? 0)
  }
}

/// A step that was leased, with what its worker needs.
struct LeasedStep: Sendable {
  let step: StepID
  let run: RunID
  let tenant: TenantID
  let key: String
  let attempt: Int
  let token: UUID
  let deadline: Timestamp
  /// The run's version after the lease.
  let version: Int
  let task: TaskID
  /// The input when it is a whole payload; `nil` when it has to be rendered.
  var input: [UInt8]?
  /// The trace of the submission.
  let traceparent: String?
  let leaseMilliseconds: Int64
  /// Which of the workers has it.
  let slot: Int
  /// How long it stood in the queue.
  let waitedMicroseconds: Int64
  /// What the limits know of it.
  let lane: String
  let jobType: String

  /// The part of the lane behind a prefix.
  func named(_ prefix: String) -> String? {
    lane.isEmpty
      ? nil
      : lane.split(separator: Dispatching.laneSeparator).first { $0.hasPrefix(prefix) }
        .map { String($0.dropFirst(prefix.utf8.count)) }
  }
}

/// A lease that its holder did not prolong.
struct OverdueLease: Sendable {
  let step: StepID
  let run: RunID
  let tenant: TenantID
  let key: String
  let attempt: Int
  let token: UUID
  /// Whether the attempt as a whole took too long, not only the silence of its holder.
  let isClosed: Bool

  init(_ leased: LeasedStep) {
    step = leased.step
    run = leased.run
    tenant = leased.tenant
    key = leased.key
    attempt = leased.attempt
    token = leased.token
    isClosed = false
  }

  init(_ row: PostgresRow) throws {
    step = StepID(try row.decode(0, as: UUID.self))
    run = RunID(try row.decode(1, as: UUID.self))
    tenant = TenantID(try row.decode(2, as: UUID.self))
    key = try row.decode(3, as: String.self)
    attempt = Int(try row.decode(4, as: Int32.self))
    token = try row.decode(5, as: UUID.self)
    isClosed = try row.decode(6, as: Bool.self)
  }
}
