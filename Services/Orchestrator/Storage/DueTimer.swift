package import Contracts
package import Decider
internal import Postgres
internal import Primitives

/// A timer that is due.
package struct DueTimer: Sendable {
  package let id: Int64
  package let tenant: TenantID
  package let run: RunID
  package let kind: TimerKind
  package let step: String?
  package let attempt: Int?
  package let other: RunID?
  /// The key of the question that it is about.
  package let ask: String?
  /// The trace of the run's submission.
  package let traceparent: String?
  /// The version of its run when it was claimed; `nil` when the run was deleted.
  package let runVersion: Int?
  /// Whether the run had ended by then.
  package let isRunEnded: Bool

  /// What a decision about it needs.
  package var claimed: ClaimedTimer {
    ClaimedTimer(
      kind: kind, step: step, attempt: attempt, child: other?.description, ask: ask,
      runVersion: runVersion ?? 0)
  }

  /// Of a timer `t` with its run `d`; `nil` for a kind that this version does not know.
  static let columns = ResultColumns<DueTimer?> { column in
    let id = column("t.id", .int8)
    let tenant = column("t.tenant_id", .uuid)
    let run = column("t.run_id", .uuid)
    let kind = column("t.kind", .text)
    let step = column(nullable: "t.step", .text)
    let attempt = column(nullable: "t.attempt", .int4)
    let other = column(nullable: "t.other_run", .uuid)
    let ask = column(nullable: "t.ask", .text)
    let traceparent = column(nullable: "d.traceparent", .text)
    let runVersion = column(nullable: "d.version", .int4)
    let isRunEnded = column("d.ended_at is not null", .bool)
    return { row in
      guard let kind = TimerKind(rawValue: try row[kind]) else { return nil }
      return DueTimer(
        id: try row[id], tenant: TenantID(try row[tenant]), run: RunID(try row[run]), kind: kind,
        step: try row[step], attempt: try row[attempt].map { Int($0) }, other: try row[other].map { RunID($0) },
        ask: try row[ask],
        traceparent: try row[traceparent], runVersion: try row[runVersion].map { Int($0) },
        isRunEnded: try row[isRunEnded])
    }
  }
}
