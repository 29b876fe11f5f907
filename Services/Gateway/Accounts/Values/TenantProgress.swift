package import Contracts
package import Primitives

/// What a service has to follow.
package struct TenantOrder: Sendable, Equatable {
  package let tenant: TenantID
  package let state: Tenant.State
  /// A higher one is newer.
  package let version: Int
  /// Whether the service has confirmed this version before: a deletion is under way then.
  package let isConfirmed: Bool

  /// An order.
  package init(tenant: TenantID, state: Tenant.State, version: Int, isConfirmed: Bool) {
    self.tenant = tenant
    self.state = state
    self.version = version
    self.isConfirmed = isConfirmed
  }
}

/// How far a service says it is.
package struct TenantReport: Sendable, Equatable {
  /// How many rows there are, by table, as a JSON object; `nil` where they were not counted.
  package var counts: String?
  /// Their sum.
  package var total: Int64?
  /// When nothing was left.
  package var deletedAt: Timestamp?

  /// A confirmation.
  package init(counts: String? = nil, total: Int64? = nil, deletedAt: Timestamp? = nil) {
    self.counts = counts
    self.total = total
    self.deletedAt = deletedAt
  }
}

/// How far a service is with a tenant, as it is stored.
package struct TenantProgress: Sendable, Equatable {
  package let service: String
  /// The version that it has confirmed.
  package let confirmedVersion: Int
  package let report: TenantReport
  /// When it was asked last.
  package let checkedAt: Timestamp
  /// Why the last attempt did not succeed.
  package let failure: String?
}

/// What came of asking a service.
package struct TenantOutcome: Sendable {
  package let service: String
  package let result: Result<TenantReport, any Error>
}
