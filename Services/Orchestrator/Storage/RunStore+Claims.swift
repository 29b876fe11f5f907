internal import Contracts
internal import Decider
internal import Postgres
package import Primitives
internal import Synchronization

/// Where a claim begins to look, and how far.
package struct ClaimScan: Sendable {
  /// The oldest bucket of the queue that may still have steps.
  package var bucket: Int32 = 0
  /// Looks at what stands behind this tenant within the bucket.
  package var tenant = ClaimScan.start
  /// Looks at limits and locks that steps wait for behind this tenant and key.
  package var blockedTenant = ClaimScan.start
  package var blockedKey = ""
  /// Steps of a tenant that are looked at: more than are wanted only where the first ones turned out to be blocked.
  package var window: Int

  /// Before every tenant.
  package static let start = UUID(high: 0, low: 0)

  /// Every member.
  package init(
    bucket: Int32 = 0, tenant: UUID = ClaimScan.start, blockedTenant: UUID = ClaimScan.start, blockedKey: String = "",
    window: Int
  ) {
    self.bucket = bucket
    self.tenant = tenant
    self.blockedTenant = blockedTenant
    self.blockedKey = blockedKey
    self.window = window
  }
}

/// What a claim has found.
package struct ClaimResult: Sendable {
  package var steps: [LeasedStep] = []
  /// The oldest bucket that had steps; `nil` when none was seen.
  package var oldest: Int32?
  /// Where the look at the queue was cut off; `nil` when it came to the end.
  package var queueCursor: (bucket: Int32, tenant: UUID)?
  /// Where the look at the blocked steps was cut off; `nil` when it came to the end.
  package var blockedCursor: (tenant: UUID, key: String)?
  /// Whether steps wait for a limit or lock.
  package var hasBlocked = false
  /// Steps that turned out to be blocked and do not stand in the way any more.
  package var moved = 0

  /// Every member.
  package init(
    steps: [LeasedStep] = [], oldest: Int32? = nil, queueCursor: (bucket: Int32, tenant: UUID)? = nil,
    blockedCursor: (tenant: UUID, key: String)? = nil, hasBlocked: Bool = false, moved: Int = 0
  ) {
    self.steps = steps
    self.oldest = oldest
    self.queueCursor = queueCursor
    self.blockedCursor = blockedCursor
    self.hasBlocked = hasBlocked
    self.moved = moved
  }
}

/// A number of claims that many ask for.
final class ClaimCount: Sendable {
  private let left = Mutex(0)

  /// Takes one off; `false` when none is left.
  func takeOne() -> Bool {
    left.withLock { left in
      guard left > 0 else { return false }
      left -= 1
      return true
    }
  }

  func set(_ count: Int) { left.withLock { $0 = count } }
}

/// Claims: taking steps off the queue.
extension RunStore {
  /// The advisory lock under which limits are counted and steps taken, one claim at a time over all replicas.
  private static let claimLock: Int64 = 0x6361_6472_6531
  /// Pairs of bucket and tenant that one claim looks at.
  private static let spotsMax = 256
  /// Pairs of bucket and tenant that a plain claim looks at.
  private static let plainSpotsMax = 8
  /// Claims that are made with all rules before it is seen again whether there are any to keep.
  private static let plainAgainAfter = 200
  /// Limits and locks with steps behind them that one claim looks at.
  private static let keysMax = 128

  /// Gives up to `workers.count` steps of a job type to `workers`, one to each entry: fairly between tenants, by
  /// priority and age within one, never beyond a limit. Takes them off the queue and records the start in each history.
  package func claim(jobType: String, workers: [String], milliseconds: Int64, _ look: ClaimScan) async throws
    -> ClaimResult
  {
    // A hint only: the plain statement finds out itself whether it may be used.
    if !claimsWithRules.takeOne() {
      if let claimed = try await claim(RunStore.plainClaimSQL, jobType, workers, milliseconds, look) { return claimed }
      claimsWithRules.set(RunStore.plainAgainAfter)
    }
    return try await claim(RunStore.claimSQL, jobType, workers, milliseconds, look) ?? ClaimResult()
  }

  /// One statement of a claim; `nil` when it was not made for what it found.
  private func claim(
    _ sql: String, _ jobType: String, _ workers: [String], _ milliseconds: Int64, _ look: ClaimScan
  ) async throws -> ClaimResult? {
    let statements = [
      PostgresStatement("select pg_advisory_xact_lock($1)", [RunStore.claimLock]),
      PostgresStatement(
        sql,
        [
          jobType, Int64(workers.count), workers, milliseconds, home, look.bucket, look.tenant, look.blockedTenant,
          look.blockedKey, Int64(look.window),
        ]),
    ]
    let rows = try await retrying { try await pool.batch(statements) }[1]
    var claimed = ClaimResult()
    if let row = rows.first {
      guard try row.decode(22, as: Bool?.self) ?? false else { return nil }
      claimed.oldest = try row.decode(15, as: Int32?.self)
      if let bucket = try row.decode(16, as: Int32?.self), let tenant = try row.decode(17, as: UUID?.self) {
        claimed.queueCursor = (bucket, tenant)
      }
      if let tenant = try row.decode(18, as: UUID?.self), let key = try row.decode(19, as: String?.self) {
        claimed.blockedCursor = (tenant, key)
      }
      claimed.hasBlocked = try row.decode(20, as: Bool.self)
      claimed.moved = Int(clamping: try row.decode(21, as: Int64.self))
    }
    claimed.steps = try rows.compactMap { row -> LeasedStep? in
      guard let step = try row.decode(0, as: UUID?.self) else { return nil }
      return LeasedStep(
        step: StepID(step), run: RunID(try row.decode(1, as: UUID.self)),
        tenant: TenantID(try row.decode(2, as: UUID.self)), key: try row.decode(3, as: String.self),
        attempt: Int(try row.decode(4, as: Int32.self)), token: try row.decode(5, as: UUID.self),
        deadline: try row.decode(6, as: Timestamp.self), version: Int(try row.decode(7, as: Int32.self)),
        task: TaskID(try row.decode(8, as: UUID.self)), input: try row.decode(9, as: [UInt8]?.self),
        traceparent: try row.decode(10, as: String?.self), leaseMilliseconds: try row.decode(11, as: Int64.self),
        slot: Int(clamping: try row.decode(12, as: Int64.self)) - 1,
        waitedMicroseconds: try row.decode(13, as: Int64.self), lane: try row.decode(14, as: String.self),
        jobType: jobType)
    }
    return claimed
  }

  /// A step stands in the queue, or behind the limit or lock that blocked it when it was looked at. A claim looks at
  /// the first steps of each tenant, and at the first ones behind each limit and lock that has room again; what it
  /// finds blocked, it moves behind what blocks it. So a claim's work grows with what it gives out, not with what
  /// waits.
  ///
  /// Limits and held slots are gathered in objects by tenant and key, and looked up: joins of such small sets may be
  /// planned as loops within loops.
  private static let claimSQL = """
    with recursive spot(bucket, tenant_id, n) as (
    \(spotSQL)
    ), waiting(tenant_id, key, n) as (
      (select q.tenant_id, q.blocked_on, 1 from ready q
        where q.job_type = $1 and q.blocked_on is not null and (q.tenant_id, q.blocked_on) > ($8, $9)
        order by q.tenant_id, q.blocked_on limit 1)
      union all
      select x.tenant_id, x.blocked_on, s.n + 1 from waiting s cross join lateral (
        select q.tenant_id, q.blocked_on from ready q
        where q.job_type = $1 and q.blocked_on is not null and (q.tenant_id, q.blocked_on) > (s.tenant_id, s.key)
        order by q.tenant_id, q.blocked_on limit 1) x
      where s.n < \(keysMax)
    ), held as materialized (
      select jsonb_object_agg(h.tenant_id::text || h.key, h.n) as by_key from (
        select l.tenant_id, k.key, count(*) as n from lease l
        cross join lateral unnest(array['tenant'] || string_to_array(nullif(l.lane, ''), E'\\x1f')) as k(key)
        group by 1, 2) h
    ), place as materialized (
      select s.bucket, s.tenant_id, s.weight, s.room,
        least($10, s.room, greatest(8, ceil(8 * $10 * s.weight / sum(s.weight) over ()))::int8) as rows
      from (
        select s.bucket, s.tenant_id, \(weightSQL("s")) as weight, \(roomSQL("s", "'tenant'")) as room from spot s) s
    ), freed as materialized (
      select w.tenant_id, w.key, w.weight, w.room, least($10, w.room, w.slots - w.n) as rows
      from (
        select w.tenant_id, w.key, \(weightSQL("w")) as weight, \(roomSQL("w", "'tenant'")) as room,
          coalesce((select c.slots from concurrency_limit c where c.tenant_id = w.tenant_id and c.key = w.key),
            case when w.key like 'lock:%' then 1 end) as slots, \(heldSQL("w", "w.key")) as n
        from waiting w) w
      where w.slots is null or w.n < w.slots
    ), looked as materialized (
      select c.step_id, c.tenant_id, c.rank_at, c.blocked_on, p.weight, p.room,
        string_to_array(nullif(c.lane, ''), E'\\x1f') as keys
      from place p cross join lateral (
        select q.step_id, q.tenant_id, q.lane, q.rank_at, q.blocked_on from ready q
        where q.job_type = $1 and q.blocked_on is null and q.bucket = p.bucket and q.tenant_id = p.tenant_id
          and (q.home = $5 or q.queued_at < clock_timestamp() - interval '5 milliseconds')
        order by q.rank_at limit p.rows) c
      union all
      select c.step_id, c.tenant_id, c.rank_at, c.blocked_on, f.weight, f.room,
        string_to_array(nullif(c.lane, ''), E'\\x1f')
      from freed f cross join lateral (
        select q.step_id, q.tenant_id, q.lane, q.rank_at, q.blocked_on from ready q
        where q.job_type = $1 and q.blocked_on = f.key and q.tenant_id = f.tenant_id
        order by q.rank_at limit f.rows) c
    ), free as materialized (
      select jsonb_object_agg(k.tenant_id::text || k.key, k.room) as by_key from (
        select k.tenant_id, k.key, case when k.key like 'lock:%'
          then coalesce(\(roomSQL("k", "k.key")), greatest(0, 1 - \(heldSQL("k", "k.key"))))
          else \(roomSQL("k", "k.key")) end as room
        from (select distinct l.tenant_id, k.key from looked l cross join lateral unnest(l.keys) as k(key)) k) k
      where k.room is not null
    ), checked as materialized (
      select l.*, case when (select by_key from free) is not null then (
        select min(k.key) from unnest(l.keys) as k(key)
        where (select by_key from free) ->> (l.tenant_id::text || k.key) = '0') end as blocked_by
      from looked l
    ), ordered as materialized (
      select c.*, row_number() over (order by case
        when (select min(tenant_id::text) <> max(tenant_id::text) from looked)
        then (c.position + \(heldSQL("c", "'tenant'"))) / c.weight else 0 end, c.rank_at) as place
      from (
        select c.*, row_number() over (partition by c.tenant_id order by c.rank_at) as position from checked c
        where c.blocked_by is null) c
    ), counted as materialized (
      select o.step_id, o.tenant_id, o.place, o.room, o.blocked_on, min(o.key) filter (
        where o.running > ((select by_key from free) ->> (o.tenant_id::text || o.key))::int8) as blocked_by
      from (
        select o.step_id, o.tenant_id, o.place, o.room, o.blocked_on, k.key,
          row_number() over (partition by o.tenant_id, k.key order by o.place) as running
        from ordered o left join lateral unnest(o.keys) as k(key) on true) o
      group by 1, 2, 3, 4, 5
    ), allowed as materialized (
      select c.step_id, c.place from (
        select c.step_id, c.place, c.room, row_number() over (partition by c.tenant_id order by c.place) as running
        from counted c where c.blocked_by is null) c
      where c.room is null or c.running <= c.room
    ), stuck as materialized (
      select step_id, blocked_by from checked where blocked_by is not null and blocked_by is distinct from blocked_on
      union all
      select step_id, blocked_by from counted where blocked_by is not null and blocked_by is distinct from blocked_on
    ), locked as materialized (
      select q.step_id from ready q where q.step_id = any(array(select step_id from stuck)) for update skip locked
    ), moved as (
      update ready q
      set blocked_on = (select jsonb_object_agg(step_id::text, blocked_by) from stuck) ->> q.step_id::text
      where q.step_id = any(array(select step_id from locked)) returning 1
    \(takeSQL)
      (select tenant_id from waiting where n = \(keysMax)), (select key from waiting where n = \(keysMax)),
      exists (select 1 from waiting) or exists (select 1 from moved), (select count(*) from moved), true
    \(takenFromSQL)
    """

  /// The pairs of bucket and tenant with steps in the queue, found by skipping through the index.
  private static let spotSQL = """
      (select q.bucket, q.tenant_id, 1 from ready q
        where q.job_type = $1 and q.blocked_on is null and (q.bucket, q.tenant_id) > ($6, $7)
        order by q.bucket, q.tenant_id limit 1)
      union all
      select x.bucket, x.tenant_id, s.n + 1 from spot s cross join lateral (
        select q.bucket, q.tenant_id from ready q
        where q.job_type = $1 and q.blocked_on is null and (q.bucket, q.tenant_id) > (s.bucket, s.tenant_id)
        order by q.bucket, q.tenant_id limit 1) x
      where s.n < \(spotsMax)
    """

  /// The same where one tenant has work and nothing limits it: no limit exists, nothing waits for one, no step has a
  /// lock. It finds out itself whether that is so, and takes nothing where it is not. Most claims are of this kind, and
  /// it costs a fraction of the other.
  private static let plainClaimSQL = """
    with recursive spot(bucket, tenant_id, n) as (
    \(spotSQL)
    ), looked as materialized (
      select c.step_id, c.lane, c.rank_at from spot s cross join lateral (
        select q.step_id, q.lane, q.rank_at from ready q
        where q.job_type = $1 and q.blocked_on is null and q.bucket = s.bucket and q.tenant_id = s.tenant_id
          and (q.home = $5 or q.queued_at < clock_timestamp() - interval '5 milliseconds')
        order by q.rank_at limit $2) c
      where s.n <= \(plainSpotsMax)
    ), plain as materialized (
      select not exists (select 1 from concurrency_limit)
        and not exists (select 1 from ready q where q.job_type = $1 and q.blocked_on is not null)
        and (select coalesce(max(n), 0) <= \(plainSpotsMax) and count(distinct tenant_id) <= 1 from spot)
        and not exists (select 1 from looked where lane like '%lock:%') as holds
    ), allowed as materialized (
      select l.step_id, row_number() over (order by l.rank_at) as place from looked l
      where (select holds from plain) and $3::text[] is not null and $4::int8 is not null and $8::uuid is not null
        and $9::text is not null and $10::int8 is not null
    \(takeSQL)
      null::uuid, null::text, false, 0::int8, (select holds from plain)
    \(takenFromSQL)
    """

  /// Takes the steps in `allowed`, in their places, off the queue and begins them.
  private static let takeSQL = """
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
      select r.id, r.cleared_version from run r
      where r.id = any(array(select distinct run_id from picked)) and r.ended_at is null
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
      where r.id = n.run_id and r.id = any(array(select distinct run_id from numbered))
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
      (extract(epoch from clock_timestamp() - n.queued_at) * 1000000)::int8, n.lane, (select min(bucket) from spot),
      (select bucket from spot where n = \(spotsMax)), (select tenant_id from spot where n = \(spotsMax)),
    """

  private static let takenFromSQL = """
    from (select) always
    left join (numbered n join bumped b on b.id = n.run_id join leased l on l.step_id = n.step_id) on true
    left join payload p on p.tenant_id = n.tenant_id and p.sha256 = n.input_sha256
    """

  /// How many slots of a key the tenant of a row holds.
  private static func heldSQL(_ row: String, _ key: String) -> String {
    "coalesce(((select by_key from held) ->> (\(row).tenant_id::text || \(key)))::int8, 0)"
  }

  /// How many slots a limit of a row's tenant has left; null without a limit.
  private static func roomSQL(_ row: String, _ key: String) -> String {
    """
    (select greatest(0, c.slots - \(heldSQL(row, key))) from concurrency_limit c
      where c.tenant_id = \(row).tenant_id and c.key = \(key))
    """
  }

  private static func weightSQL(_ row: String) -> String {
    "coalesce((select t.weight from tenant_weight t where t.tenant_id = \(row).tenant_id), 1)"
  }
}
