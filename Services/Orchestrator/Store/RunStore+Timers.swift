internal import Contracts
internal import Postgres
internal import Primitives

/// A timer that is due.
struct DueTimer: Sendable {
  let id: Int64
  let tenant: TenantID
  let run: RunID
  let kind: NewTimer.Kind
  let step: String?
  let attempt: Int?
  let other: RunID?
  /// The trace of the run's submission.
  let traceparent: String?
}

extension RunStore {
  /// How long a claimed timer stays with the replica that claimed it before another one takes it.
  private static let claimSeconds: Int64 = 10

  /// Claims timers that are due, oldest first. A claimed timer comes back after ten seconds unless it is finished.
  func claimTimers(limit: Int) async throws -> [DueTimer] {
    try await pool.query(
      """
      update timer t set due_at = clock_timestamp() + $2 * interval '1 second'
      from (select id from timer where due_at <= clock_timestamp() order by due_at limit $1 for update skip locked) d
      where t.id = d.id
      returning t.id, t.tenant_id, t.run_id, t.kind, t.step, t.attempt, t.other_run,
        (select r.traceparent from run r where r.id = t.run_id)
      """, [Int64(limit), RunStore.claimSeconds]
    ).compactMap { row in
      guard let kind = NewTimer.Kind(rawValue: try row.decode(3, as: String.self)) else { return nil }
      return DueTimer(
        id: try row.decode(0, as: Int64.self), tenant: TenantID(try row.decode(1, as: UUID.self)),
        run: RunID(try row.decode(2, as: UUID.self)), kind: kind, step: try row.decode(4, as: String?.self),
        attempt: try row.decode(5, as: Int32?.self).map { Int($0) },
        other: try row.decode(6, as: UUID?.self).map { RunID($0) }, traceparent: try row.decode(7, as: String?.self))
    }
  }

  /// Forgets timers that have done their work, or have none any more.
  func finish(timers: [Int64]) async throws {
    _ = try await pool.query("delete from timer where id = any($1)", [timers])
  }

  /// Milliseconds until the next timer or delayed step is due, at most `max`.
  func millisecondsToNextDue(max: Int64) async throws -> Int64 {
    let rows = try await pool.query(
      """
      select ceil(extract(epoch from least(
        (select min(due_at) from timer), (select min(due_at) from delayed)) - clock_timestamp()) * 1000)::int8
      """)
    return Swift.max(0, min(max, try rows.first?.decode(0, as: Int64?.self) ?? max))
  }
}
