package import Primitives

/// Where a claim begins to scan the queue, and how far it goes.
package struct ClaimScan: Sendable {
  /// The oldest bucket of the queue that may still have steps.
  package var bucket: Int32 = 0
  /// Scans what stands behind this tenant within the bucket.
  package var tenant = ClaimScan.start
  /// Scans limits and locks that steps wait for behind this tenant and key.
  package var blockedTenant = ClaimScan.start
  package var blockedKey = ""
  /// Steps of a tenant that are examined: more than are wanted only where the first ones turned out to be blocked.
  package var window: Int

  /// Before every tenant.
  package static let start = UUID(high: 0, low: 0)

  package init(
    bucket: Int32 = 0, tenant: UUID = ClaimScan.start, blockedTenant: UUID = ClaimScan.start, blockedKey: String = "",
    window: Int
  ) {
    self.bucket = bucket
    self.tenant = tenant
    self.blockedTenant = blockedTenant
    self.blockedKey = blockedKey
    self.window = window
  }
}

/// What a claim has found.
package struct ClaimResult: Sendable {
  package var steps: [LeasedStep] = []
  /// The oldest bucket that had steps; `nil` when none was seen.
  package var oldest: Int32?
  /// Where the scan of the queue stopped; `nil` when it came to the end.
  package var queueCursor: (bucket: Int32, tenant: UUID)?
  /// Where the scan of the blocked steps stopped; `nil` when it came to the end.
  package var blockedCursor: (tenant: UUID, key: String)?
  /// Whether steps wait for a limit or lock.
  package var hasBlocked = false
  /// Steps that turned out to be blocked and do not stand in the way any more.
  package var moved = 0

  package init(
    steps: [LeasedStep] = [], oldest: Int32? = nil, queueCursor: (bucket: Int32, tenant: UUID)? = nil,
    blockedCursor: (tenant: UUID, key: String)? = nil, hasBlocked: Bool = false, moved: Int = 0
  ) {
    self.steps = steps
    self.oldest = oldest
    self.queueCursor = queueCursor
    self.blockedCursor = blockedCursor
    self.hasBlocked = hasBlocked
    self.moved = moved
  }
}
