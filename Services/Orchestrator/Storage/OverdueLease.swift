package import Contracts
internal import Postgres
package import Primitives

/// A lease that its worker did not extend.
package struct OverdueLease: Sendable {
  package let step: StepID
  package let run: RunID
  package let tenant: TenantID
  package let key: String
  package let attempt: Int
  package let token: UUID
  /// Whether the attempt as a whole took too long, not only the silence of its worker.
  package let isClosed: Bool
  /// Whether it never reached a worker.
  package let isUndelivered: Bool

  static let columns = ResultColumns<OverdueLease> { column in
    let step = column("step_id", .uuid)
    let run = column("run_id", .uuid)
    let tenant = column("tenant_id", .uuid)
    let key = column("step", .text)
    let attempt = column("attempt", .int4)
    let token = column("token", .uuid)
    let isClosed = column("coalesce(closes_at <= clock_timestamp(), false)", .bool)
    let isUndelivered = column("worker = ''", .bool)
    return { row in
      OverdueLease(
        step: StepID(try row[step]), run: RunID(try row[run]), tenant: TenantID(try row[tenant]), key: try row[key],
        attempt: Int(try row[attempt]), token: try row[token], isClosed: try row[isClosed],
        isUndelivered: try row[isUndelivered])
    }
  }
}

extension OverdueLease {
  /// The lease of a step that was just given to a worker.
  package init(_ leased: LeasedStep) {
    self.init(
      step: leased.step, run: leased.run, tenant: leased.tenant, key: leased.key, attempt: leased.attempt,
      token: leased.token, isClosed: false, isUndelivered: false)
  }
}
