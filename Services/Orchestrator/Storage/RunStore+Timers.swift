package import Contracts
package import Decider
internal import Postgres
package import Primitives

/// A timer that is due.
package struct DueTimer: Sendable {
  package let id: Int64
  package let tenant: TenantID
  package let run: RunID
  package let kind: TimerKind
  package let step: String?
  package let attempt: Int?
  package let other: RunID?
  /// The trace of the run's submission.
  package let traceparent: String?
  /// The version of its run when it was claimed; `nil` when the run is not there any more.
  package let runVersion: Int?
  /// Whether the run had ended by then.
  package let isRunEnded: Bool

  /// What a decision about it needs.
  package var claimed: ClaimedTimer {
    ClaimedTimer(
      kind: kind, step: step, attempt: attempt, child: other?.description, runVersion: runVersion ?? 0)
  }
}

extension RunStore {
  /// How long a claimed timer stays with the replica that claimed it before another one takes it.
  private static let claimSeconds: Int64 = 10

  /// Claims timers that are due, oldest first. A claimed timer comes back after ten seconds unless it is finished.
  package func claimTimers(limit: Int) async throws -> [DueTimer] {
    try await pool.query(
      """
      update timer t set due_at = clock_timestamp() + $2 * interval '1 second'
      from (
        select d.id, r.traceparent, r.version, r.ended_at from (
          select id, run_id from timer where due_at <= clock_timestamp() order by due_at limit $1
          for update skip locked) d
        left join run r on r.id = d.run_id) d
      where t.id = d.id
      returning t.id, t.tenant_id, t.run_id, t.kind, t.step, t.attempt, t.other_run, d.traceparent, d.version,
        d.ended_at is not null
      """, [Int64(limit), RunStore.claimSeconds]
    ).compactMap { row in
      // A kind of a newer version comes back by itself, for a replica that knows it.
      guard let kind = TimerKind(rawValue: try row.decode(3, as: String.self)) else { return nil }
      return DueTimer(
        id: try row.decode(0, as: Int64.self), tenant: TenantID(try row.decode(1, as: UUID.self)),
        run: RunID(try row.decode(2, as: UUID.self)), kind: kind, step: try row.decode(4, as: String?.self),
        attempt: try row.decode(5, as: Int32?.self).map { Int($0) },
        other: try row.decode(6, as: UUID?.self).map { RunID($0) }, traceparent: try row.decode(7, as: String?.self),
        runVersion: try row.decode(8, as: Int32?.self).map { Int($0) }, isRunEnded: try row.decode(9, as: Bool.self))
    }
  }

  /// Forgets timers that have no work any more.
  package func finish(timers: [Int64]) async throws {
    _ = try await pool.query("delete from timer where id = any($1)", [timers])
  }

  /// Makes timers due again after a while.
  package func postpone(_ timers: [(id: Int64, milliseconds: Int64)]) async throws {
    _ = try await pool.query(
      """
      update timer t set due_at = clock_timestamp() + p.pause * interval '1 millisecond'
      from unnest($1::int8[], $2::int8[]) as p(id, pause) where t.id = p.id
      """, [timers.map(\.id), timers.map(\.milliseconds)])
  }

  /// The time at the database.
  package func now() async throws -> Timestamp? {
    try await pool.query("select clock_timestamp()").first?.decode(0, as: Timestamp.self)
  }

  /// The version of a run; `nil` when there is none.
  package func version(of run: RunID) async throws -> Int? {
    try await pool.query("select version from run where id = $1", [run.uuid]).first.map {
      Int(try $0.decode(0, as: Int32.self))
    }
  }

  /// Where a sub-run stands, for the step that waits for it.
  package func childEnd(_ run: RunID) async throws -> ChildEnd? {
    try await pool.query(
      """
      select r.status, r.output_sha256, octet_length(o.body), r.failure->>'code', r.failure->>'message',
        r.failure->>'retryable', r.input_tokens, r.output_tokens, r.cost_microusd, r.unpriced_calls, r.model_calls
      from run r left join payload o on o.tenant_id = r.tenant_id and o.sha256 = r.output_sha256 where r.id = $1
      """, [run.uuid]
    ).first.map { row in
      var output: PayloadRef?
      if let digest = try row.decode(1, as: [UInt8]?.self), let bytes = try row.decode(2, as: Int32?.self) {
        output = PayloadRef(sha256: Hex.encode(digest), bytes: Int(bytes))
      }
      let code = try row.decode(3, as: String?.self)
      let message = try row.decode(4, as: String?.self)
      let isRetryable = try row.decode(5, as: String?.self) == "true"
      return ChildEnd(
        status: RunState.Status(rawValue: try row.decode(0, as: String.self)) ?? .failed, output: output,
        failure: code.map { Failure(code: $0, message: message ?? "", isRetryable: isRetryable) },
        usage: Usage(
          inputTokens: try row.decode(6, as: Int64.self), outputTokens: try row.decode(7, as: Int64.self),
          costMicroUSD: try row.decode(8, as: Int64.self), unpricedCalls: try row.decode(9, as: Int64.self),
          modelCalls: try row.decode(10, as: Int64.self)))
    }
  }

  /// Milliseconds until the next timer or delayed step is due, at most `max`.
  package func millisecondsToNextDue(max: Int64) async throws -> Int64 {
    let rows = try await pool.query(
      """
      select ceil(extract(epoch from least(
        (select min(due_at) from timer), (select min(due_at) from delayed)) - clock_timestamp()) * 1000)::int8
      """)
    return Swift.max(0, min(max, try rows.first?.decode(0, as: Int64?.self) ?? max))
  }
}

/// Where a sub-run stands.
package struct ChildEnd: Sendable {
  package let status: RunState.Status
  package let output: PayloadRef?
  package let failure: Failure?
  package let usage: Usage

  /// What its end without a result means for the step that waits for it. A sub-run whose time was over may do better
  /// the next time; one that was cancelled is not begun again.
  package func failure(of run: RunID) -> Failure {
    guard let failure else {
      return Failure(code: "child_cancelled", message: "The sub-run \(run) was cancelled.", isRetryable: false)
    }
    return Failure(
      code: failure.code, message: "Sub-run \(run): \(failure.message)",
      isRetryable: failure.isRetryable || failure.code == Failure.runTimedOut.code)
  }
}
