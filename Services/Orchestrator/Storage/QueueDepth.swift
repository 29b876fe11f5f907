internal import Postgres

/// How many rows the queues have.
package struct QueueDepth: Sendable {
  /// Rows that are counted; of more it is so many.
  private static let countedMax = 100_000

  package let ready: Int64
  /// How long the agent's step that has waited longest is ready; those that a limit, a lock or the suspension of their
  /// tenant holds back are not counted.
  package let readyMilliseconds: Int64
  package let leased: Int64
  package let delayed: Int64
  package let timers: Int64

  static let columns = ResultColumns<QueueDepth> { column in
    let ready = column("q.ready", .int8)
    let age = column("q.age", .int8)
    let leased = column("greatest(0, pg_stat_get_live_tuples('lease'::regclass))", .int8)
    let delayed = column("(select count(*) from (select 1 from delayed limit \(countedMax)) d)", .int8)
    let timers = column("(select count(*) from (select 1 from timer limit \(countedMax)) t)", .int8)
    return { row in
      QueueDepth(
        ready: try row[ready], readyMilliseconds: try row[age], leased: try row[leased], delayed: try row[delayed],
        timers: try row[timers])
    }
  }

  /// The statement. Steps of other types are taken by workers of whoever made the type up, so their age says nothing.
  static let now = Statement<Void, QueueDepth>(columns) { _ in
    """
    select \(columns) from (
      select count(*) as ready, greatest(0, coalesce(extract(epoch from now() - min(one.queued_at)
          filter (where one.job_type = 'agent' and one.blocked_on is null and z.suspended_at is null)) * 1000, 0))::int8
        as age
      from (select tenant_id, queued_at, job_type, blocked_on from ready limit \(countedMax)) one
      left join tenant_state z on z.tenant_id = one.tenant_id
    ) q
    """
  }
}
