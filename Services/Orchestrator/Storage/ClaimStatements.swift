internal import Postgres

/// The statements of a claim.
enum ClaimStatements {
  /// The advisory lock under which limits are counted and steps taken, one claim at a time over all replicas.
  private static let lockKey: Int64 = 0x6361_6472_6531
  /// Groups of bucket and tenant that one claim examines.
  private static let groupsMax = 256
  /// Groups of bucket and tenant that a plain claim examines.
  private static let plainGroupsMax = 8
  /// Limits and locks with steps behind them that one claim examines.
  private static let keysMax = 128

  static let lock = Statement<Void, Void> { _ in "select pg_advisory_xact_lock(\(lockKey))" }

  /// The parameters that both forms have.
  private struct Parameters {
    let jobType: String
    let count: String
    let workers: String
    let milliseconds: String
    let replica: String
    let bucket: String
    let tenant: String

    init(_ parameter: StatementBuilder<ClaimRequest>) {
      jobType = parameter("job_type", .text) { $0.jobType }
      count = parameter("count", .int8) { Int64($0.workers.count) }
      workers = parameter.array("workers", of: .text) { $0.workers }
      milliseconds = parameter("milliseconds", .int8) { $0.milliseconds }
      replica = parameter("replica", .int4) { $0.replica }
      bucket = parameter("bucket", .int4) { $0.scan.bucket }
      tenant = parameter("tenant", .uuid) { $0.scan.tenant }
    }
  }

  private static let summary = ScanSummary.Expressions(
    groupsMax: groupsMax, blockedTenant: "(select tenant_id from blocker where n = \(keysMax))",
    blockedKey: "(select key from blocker where n = \(keysMax))",
    hasBlocked: "exists (select 1 from blocker) or exists (select 1 from moved)",
    moved: "(select count(*) from moved)", isApplicable: "true")
  private static let plainSummary = ScanSummary.Expressions(
    groupsMax: groupsMax, blockedTenant: "null::uuid", blockedKey: "null::text", hasBlocked: "false",
    moved: "0::int8", isApplicable: "(select holds from plain)")

  private static let columns = ClaimedRow.columns(ScanSummary.columns(summary))
  private static let plainColumns = ClaimedRow.columns(ScanSummary.columns(plainSummary))

  /// A step stands in the queue, or behind the limit or lock that blocked it when it was examined. A claim examines the
  /// first steps of each tenant, and the first ones behind each limit and lock that has room again; what it finds
  /// blocked, it moves behind what blocks it. So a claim's work grows with what it gives out, not with what waits.
  ///
  /// Limits and slots in use are gathered in objects by tenant and key, and looked up: joins of such small sets may be
  /// planned as loops within loops.
  static let withRules = Statement<ClaimRequest, ClaimedRow>(columns) { parameter in
    let p = Parameters(parameter)
    let blockedTenant = parameter("blocked_tenant", .uuid) { $0.scan.blockedTenant }
    let blockedKey = parameter("blocked_key", .text) { $0.scan.blockedKey }
    let window = parameter("window", .int8) { Int64($0.scan.window) }
    return """
      with recursive queue_group(bucket, tenant_id, n) as (
      \(groups(p, groupsMax))
      ), blocker(tenant_id, key, n) as (
        (select q.tenant_id, q.blocked_on, 1 from ready q
          where q.job_type = \(p.jobType) and q.blocked_on is not null and (q.tenant_id, q.blocked_on) > (\(blockedTenant), \(blockedKey))
          order by q.tenant_id, q.blocked_on limit 1)
        union all
        select x.tenant_id, x.blocked_on, s.n + 1 from blocker s cross join lateral (
          select q.tenant_id, q.blocked_on from ready q
          where q.job_type = \(p.jobType) and q.blocked_on is not null and (q.tenant_id, q.blocked_on) > (s.tenant_id, s.key)
          order by q.tenant_id, q.blocked_on limit 1) x
        where s.n < \(keysMax)
      ), in_use as materialized (
        select jsonb_object_agg(h.tenant_id::text || h.key, h.n) as by_key from (
          select l.tenant_id, k.key, count(*) as n from lease l
          cross join lateral unnest(array['tenant'] || string_to_array(nullif(l.lane, ''), E'\\x1f')) as k(key)
          group by 1, 2) h
      ), source as materialized (
        select s.bucket, s.tenant_id, s.weight, s.room,
          least(\(window), s.room, greatest(8, ceil(8 * \(window) * s.weight / sum(s.weight) over ()))::int8) as rows
        from (
          select s.bucket, s.tenant_id, \(weight("s")) as weight, \(tenantRoom("s")) as room from queue_group s) s
      ), unblocked as materialized (
        select w.tenant_id, w.key, w.weight, w.room, least(\(window), w.room, w.slots - w.n) as rows
        from (
          select w.tenant_id, w.key, \(weight("w")) as weight, \(tenantRoom("w")) as room,
            coalesce((select c.slots from concurrency_limit c where c.tenant_id = w.tenant_id and c.key = w.key),
              case when w.key like 'lock:%' then 1 end) as slots, \(inUse("w", "w.key")) as n
          from blocker w) w
        where w.slots is null or w.n < w.slots
      ), candidate as materialized (
        select c.step_id, c.tenant_id, c.rank_at, c.blocked_on, p.weight, p.room,
          string_to_array(nullif(c.lane, ''), E'\\x1f') as keys
        from source p cross join lateral (
          select q.step_id, q.tenant_id, q.lane, q.rank_at, q.blocked_on from ready q
          where q.job_type = \(p.jobType) and q.blocked_on is null and q.bucket = p.bucket and q.tenant_id = p.tenant_id
            and (q.home = \(p.replica) or q.queued_at < clock_timestamp() - interval '5 milliseconds')
          order by q.rank_at limit p.rows) c
        union all
        select c.step_id, c.tenant_id, c.rank_at, c.blocked_on, f.weight, f.room,
          string_to_array(nullif(c.lane, ''), E'\\x1f')
        from unblocked f cross join lateral (
          select q.step_id, q.tenant_id, q.lane, q.rank_at, q.blocked_on from ready q
          where q.job_type = \(p.jobType) and q.blocked_on = f.key and q.tenant_id = f.tenant_id
          order by q.rank_at limit f.rows) c
      ), free as materialized (
        select jsonb_object_agg(k.tenant_id::text || k.key, k.room) as by_key from (
          select k.tenant_id, k.key, case when k.key like 'lock:%'
            then coalesce(\(room("k", "k.key")), greatest(0, 1 - \(inUse("k", "k.key"))))
            else \(room("k", "k.key")) end as room
          from (select distinct l.tenant_id, k.key from candidate l cross join lateral unnest(l.keys) as k(key)) k) k
        where k.room is not null
      ), checked as materialized (
        select l.*, case when (select by_key from free) is not null then (
          select min(k.key) from unnest(l.keys) as k(key)
          where (select by_key from free) ->> (l.tenant_id::text || k.key) = '0') end as blocked_by
        from candidate l
      ), ordered as materialized (
        select c.*, row_number() over (order by case
          when (select min(tenant_id::text) <> max(tenant_id::text) from candidate)
          then (c.position + \(inUse("c", "'tenant'"))) / c.weight else 0 end, c.rank_at) as place
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
      ), newly_blocked as materialized (
        select step_id, blocked_by from checked where blocked_by is not null and blocked_by is distinct from blocked_on
        union all
        select step_id, blocked_by from counted where blocked_by is not null and blocked_by is distinct from blocked_on
      ), locked as materialized (
        select q.step_id from ready q where q.step_id = any(array(select step_id from newly_blocked)) for update skip locked
      ), moved as (
        update ready q
        set blocked_on = (select jsonb_object_agg(step_id::text, blocked_by) from newly_blocked) ->> q.step_id::text
        where q.step_id = any(array(select step_id from locked)) returning 1
      \(take(p))
      select \(columns)
      \(taken)
      """
  }

  /// The same where one tenant has work and nothing limits it: no limit exists, nothing waits for one, no step has a
  /// lock. It finds out itself whether that is so, and takes nothing where it is not. Most claims are of this kind, and
  /// it costs a fraction of the other.
  static let plain = Statement<ClaimRequest, ClaimedRow>(plainColumns) { parameter in
    let p = Parameters(parameter)
    return """
      with recursive queue_group(bucket, tenant_id, n) as (
      \(groups(p, groupsMax))
      ), candidate as materialized (
        select c.step_id, c.lane, c.rank_at from queue_group s cross join lateral (
          select q.step_id, q.lane, q.rank_at from ready q
          where q.job_type = \(p.jobType) and q.blocked_on is null and q.bucket = s.bucket and q.tenant_id = s.tenant_id
            and (q.home = \(p.replica) or q.queued_at < clock_timestamp() - interval '5 milliseconds')
          order by q.rank_at limit \(p.count)) c
        where s.n <= \(plainGroupsMax)
      ), plain as materialized (
        select not exists (select 1 from concurrency_limit)
          and not exists (select 1 from tenant_state z where z.suspended_at is not null
            and z.tenant_id in (select g.tenant_id from queue_group g))
          and not exists (select 1 from ready q where q.job_type = \(p.jobType) and q.blocked_on is not null)
          and (select coalesce(max(n), 0) <= \(plainGroupsMax) and count(distinct tenant_id) <= 1 from queue_group)
          and not exists (select 1 from candidate where lane like '%lock:%') as holds
      ), allowed as materialized (
        select l.step_id, row_number() over (order by l.rank_at) as place from candidate l
        where (select holds from plain)
      \(take(p))
      select \(plainColumns)
      \(taken)
      """
  }

  /// The groups of bucket and tenant with steps in the queue, found by skipping through the index.
  private static func groups(_ p: Parameters, _ max: Int) -> String {
    """
      (select q.bucket, q.tenant_id, 1 from ready q
        where q.job_type = \(p.jobType) and q.blocked_on is null and (q.bucket, q.tenant_id) > (\(p.bucket), \(p.tenant))
        order by q.bucket, q.tenant_id limit 1)
      union all
      select x.bucket, x.tenant_id, s.n + 1 from queue_group s cross join lateral (
        select q.bucket, q.tenant_id from ready q
        where q.job_type = \(p.jobType) and q.blocked_on is null and (q.bucket, q.tenant_id) > (s.bucket, s.tenant_id)
        order by q.bucket, q.tenant_id limit 1) x
      where s.n < \(max)
    """
  }

  /// Takes the steps in `allowed`, in their places, off the queue and begins them.
  private static func take(_ p: Parameters) -> String {
    """
    ), chosen as materialized (
      select q.step_id from ready q
      where q.step_id = any(array(select step_id from allowed order by place limit \(p.count)))
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
        count(*) over (partition by p.run_id) as siblings, row_number() over (order by p.place) as slot,
        coalesce(p.heartbeat_ms, \(p.milliseconds))::int8 as lease_ms
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
      select n.step_id, n.run_id, n.tenant_id, n.step, n.attempt, n.token, (\(p.workers))[n.slot],
        n.lane, n.heartbeat_ms, clock_timestamp() + n.close_ms * interval '1 millisecond',
        clock_timestamp() + least(n.lease_ms, n.close_ms) * interval '1 millisecond'
      from numbered n join bumped b on b.id = n.run_id
      returning step_id, deadline
    ), appended as (
      insert into history (run_id, seq, at, body)
      select n.run_id, (b.base + n.position)::int, clock_timestamp(), convert_to(json_build_array(json_build_array(
        'step.started', n.step,
        json_build_object('attempt', n.attempt, 'worker', (\(p.workers))[n.slot])))::text, 'UTF8')
      from numbered n join bumped b on b.id = n.run_id
    )
    """
  }

  private static let taken = """
    from (select) always
    left join (numbered n join bumped b on b.id = n.run_id join leased l on l.step_id = n.step_id) on true
    left join payload p on p.tenant_id = n.tenant_id and p.sha256 = n.input_sha256
    """

  /// How many slots of a key the tenant of a row has in use.
  private static func inUse(_ row: String, _ key: String) -> String {
    "coalesce(((select by_key from in_use) ->> (\(row).tenant_id::text || \(key)))::int8, 0)"
  }

  /// How many slots a limit of a row's tenant has left; null without a limit.
  private static func room(_ row: String, _ key: String) -> String {
    """
    (select greatest(0, c.slots - \(inUse(row, key))) from concurrency_limit c
      where c.tenant_id = \(row).tenant_id and c.key = \(key))
    """
  }

  /// How many slots a row's tenant has left: none while it is suspended.
  private static func tenantRoom(_ row: String) -> String {
    """
    case when exists (select 1 from tenant_state z
      where z.tenant_id = \(row).tenant_id and z.suspended_at is not null) then 0 else \(room(row, "'tenant'")) end
    """
  }

  private static func weight(_ row: String) -> String {
    "coalesce((select t.weight from tenant_weight t where t.tenant_id = \(row).tenant_id), 1)"
  }
}
