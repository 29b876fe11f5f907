package import Contracts
internal import Postgres
package import Primitives

/// A lease that its worker still has, as a heartbeat finds it.
package struct HeldLease: Sendable {
  package let step: StepID
  package let run: RunID
  package let tenant: TenantID
  /// The task of the run; `nil` when it was not extended.
  package let task: TaskID?
  package let token: UUID
  /// What the limits know of the step.
  package let lane: String
  /// How long the lease lasts without a heartbeat.
  package let leaseMilliseconds: Int64
  /// Whether this heartbeat has extended it.
  package let isExtended: Bool

  /// Of a lease `l` and its run `r`; `extended` has those that were extended.
  static let columns = ResultColumns<HeldLease> { column in
    let step = column("l.step_id", .uuid)
    let run = column("l.run_id", .uuid)
    let tenant = column("l.tenant_id", .uuid)
    let task = column(nullable: "r.task_id", .uuid)
    let token = column("l.token", .uuid)
    let lane = column("l.lane", .text)
    let lease = column("l.life_ms", .int8)
    let isExtended = column("l.is_due and l.step_id in (select e.step_id from extended e)", .bool)
    return { row in
      HeldLease(
        step: StepID(try row[step]), run: RunID(try row[run]), tenant: TenantID(try row[tenant]),
        task: try row[task].map { TaskID($0) }, token: try row[token], lane: try row[lane],
        leaseMilliseconds: try row[lease],
        isExtended: try row[isExtended])
    }
  }
}
