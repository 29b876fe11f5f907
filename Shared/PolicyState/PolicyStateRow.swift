internal import Contracts
internal import Postgres
internal import Primitives

/// What a service has stored of what was delivered, without the rows of tenants.
struct PolicyStateRow: Sendable {
  let switches: DeliveredSwitches
  /// Up to here rows are known without a gap.
  let data: PolicyRevision
  /// The last epoch of which everything has arrived.
  let completeEpoch: Int64
  /// How often rows went away.
  let removals: Int64

  /// What the gateway gets to know.
  var receipt: PolicyReceipt {
    PolicyReceipt(switches: switches.revision, data: data, isComplete: completeEpoch == data.epoch && data.epoch > 0)
  }

  static let columns = ResultColumns<PolicyStateRow> { column in
    let epoch = column("s.epoch", .int8)
    let version = column("s.version", .int8)
    let mode = column(nullable: "s.mode", .text)
    let canary = column(nullable: "s.canary_percent", .int4)
    let isHalted = column(nullable: "s.is_halted", .bool)
    let dataEpoch = column("s.data_epoch", .int8)
    let dataRevision = column("s.data_revision", .int8)
    let complete = column("s.complete_epoch", .int8)
    let removals = column("s.removals", .int8)
    return { row in
      PolicyStateRow(
        switches: DeliveredSwitches(
          revision: PolicyRevision(epoch: try row[epoch], number: try row[version]), mode: try row[mode],
          canaryPercent: try row[canary].map { Int($0) }, isHalted: try row[isHalted]),
        data: PolicyRevision(epoch: try row[dataEpoch], number: try row[dataRevision]),
        completeEpoch: try row[complete], removals: try row[removals])
    }
  }
}

/// The stored data of a tenant.
struct TenantPolicyRow: Sendable {
  let tenant: TenantID
  let revision: PolicyRevision
  /// JSON.
  let document: String
  let isSuspended: Bool

  static let columns = ResultColumns<TenantPolicyRow> { column in
    let tenant = column("d.tenant_id", .uuid)
    let epoch = column("d.epoch", .int8)
    let revision = column("d.revision", .int8)
    let document = column("d.document", .text)
    let isSuspended = column("d.is_suspended", .bool)
    return { row in
      TenantPolicyRow(
        tenant: TenantID(try row[tenant]),
        revision: PolicyRevision(epoch: try row[epoch], number: try row[revision]), document: try row[document],
        isSuspended: try row[isSuspended])
    }
  }
}
