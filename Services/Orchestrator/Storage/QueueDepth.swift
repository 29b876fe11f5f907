internal import Postgres

/// How many rows the queues have.
package struct QueueDepth: Sendable {
  package let ready: Int64
  package let leased: Int64
  package let delayed: Int64
  package let timers: Int64

  static let columns = ResultColumns<QueueDepth> { column in
    let ready = column("(select count(*) from (select 1 from ready limit 100000) q)", .int8)
    let leased = column("greatest(0, pg_stat_get_live_tuples('lease'::regclass))", .int8)
    let delayed = column("(select count(*) from (select 1 from delayed limit 100000) d)", .int8)
    let timers = column("(select count(*) from (select 1 from timer limit 100000) t)", .int8)
    return { row in
      QueueDepth(ready: try row[ready], leased: try row[leased], delayed: try row[delayed], timers: try row[timers])
    }
  }
}
