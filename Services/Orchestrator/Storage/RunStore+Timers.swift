package import Contracts
internal import Decider
internal import Postgres
package import Primitives

/// Timers, and what a timer needs to know of a run.
extension RunStore {
  /// How long a claimed timer stays with the replica that claimed it before another one takes it.
  private static let claimSeconds: Int64 = 10

  /// Claims timers that are due, oldest first. A claimed timer comes back after ten seconds unless it is finished. A
  /// kind of a newer version comes back by itself, for a replica that knows it.
  package func claimTimers(limit: Int) async throws -> [DueTimer] {
    try await pool.query(RunStore.takeTimers, limit).compactMap { $0 }
  }

  static let takeTimers = Statement<Int, DueTimer?>(DueTimer.columns) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      update timer t set due_at = clock_timestamp() + \(claimSeconds) * interval '1 second'
      from (
        select d.id, r.traceparent, r.version, r.ended_at from (
          select id, run_id from timer where due_at <= clock_timestamp() order by due_at limit \(limit)
          for update skip locked) d
        left join run r on r.id = d.run_id) d
      where t.id = d.id
      returning \(DueTimer.columns)
      """
  }

  /// Deletes timers that have no work any more.
  package func finish(timers: [Int64]) async throws { try await pool.execute(RunStore.deleteTimers, timers) }

  static let deleteTimers = Statement<[Int64], Void> { parameter in
    "delete from timer where id = any(\(parameter.array("ids", of: .int8) { $0 }))"
  }

  /// Makes timers due again after a while.
  package func postpone(_ timers: [(id: Int64, milliseconds: Int64)]) async throws {
    try await pool.execute(RunStore.postponeTimers, timers)
  }

  static let postponeTimers = Statement<[(id: Int64, milliseconds: Int64)], Void> { parameter in
    let timers = parameter.rows("p") { $0 }
    timers("id", .int8) { $0.id }
    timers("delay_ms", .int8) { $0.milliseconds }
    return """
      update timer t set due_at = clock_timestamp() + p.delay_ms * interval '1 millisecond'
      from \(timers) where t.id = p.id
      """
  }

  /// Milliseconds until the next timer or delayed step is due, at most `max`.
  package func millisecondsToNextDue(max: Int64) async throws -> Int64 {
    Swift.max(0, min(max, try await pool.query(RunStore.findNextDue, ()).first.flatMap { $0 } ?? max))
  }

  private static let milliseconds = ResultColumns<Int64?> { column in
    let milliseconds = column(
      nullable: """
        ceil(extract(epoch from least(
          (select min(due_at) from timer), (select min(due_at) from delayed)) - clock_timestamp()) * 1000)::int8
        """, .int8)
    return { row in try row[milliseconds] }
  }

  static let findNextDue = Statement<Void, Int64?>(milliseconds) { _ in "select \(milliseconds)" }

  // MARK: What a timer needs to know

  /// The time at the database.
  package func now() async throws -> Timestamp? { try await pool.query(RunStore.clock, ()).first }

  private static let time = ResultColumns<Timestamp> { column in
    let time = column("clock_timestamp()", .timestamptz)
    return { row in try row[time] }
  }

  static let clock = Statement<Void, Timestamp>(time) { _ in "select \(time)" }

  /// The version of a run; `nil` when there is none.
  package func version(of run: RunID) async throws -> Int? { try await pool.query(RunStore.findVersion, run).first }

  private static let runVersionColumn = ResultColumns<Int> { column in
    let version = column("version", .int4)
    return { row in Int(try row[version]) }
  }

  static let findVersion = Statement<RunID, Int>(runVersionColumn) { parameter in
    "select \(runVersionColumn) from run where id = \(parameter("run", .uuid) { $0.uuid })"
  }

  /// Where a sub-run stands, for the step that waits for it.
  package func childEnd(_ run: RunID) async throws -> ChildEnd? {
    try await pool.query(RunStore.findChildEnd, run).first
  }

  static let findChildEnd = Statement<RunID, ChildEnd>(ChildEnd.columns) { parameter in
    let run = parameter("run", .uuid) { $0.uuid }
    return """
      select \(ChildEnd.columns) from run r
      left join payload o on o.tenant_id = r.tenant_id and o.sha256 = r.output_sha256 where r.id = \(run)
      """
  }
}
