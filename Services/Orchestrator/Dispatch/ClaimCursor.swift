internal import Primitives
package import RunStorage

/// How far the claims of one job type have read the ready queue. Each claim reads a part of it, and together they go
/// around until steps are found or everything was read.
package struct ClaimCursor: Sendable {
  /// Most steps of a tenant that are read by one claim.
  private static let windowMax = 256

  /// Where the next claim goes on.
  private(set) var tenant: (bucket: Int32, tenant: UUID)?
  private(set) var blocked: (tenant: UUID, key: String)?
  private var window = 0
  /// What was read from its start to its end since `begin`.
  private var hasReadQueue = false
  private var hasReadBlocked = false
  private var hasMoved = false

  /// Nothing was read yet.
  package init() {}

  /// Begins to go around, from where the last claim was cut off.
  package mutating func begin() {
    hasReadQueue = false
    hasReadBlocked = false
    hasMoved = false
    window = 0
  }

  /// What the next claim of `count` steps reads; `bucket` is the oldest one that may have steps.
  package func next(_ count: Int, from bucket: Int32) -> ClaimScan {
    var scan = ClaimScan(window: max(count, window))
    scan.bucket = tenant?.bucket ?? bucket
    scan.tenant = tenant?.tenant ?? ClaimScan.start
    scan.blockedTenant = blocked?.tenant ?? ClaimScan.start
    scan.blockedKey = blocked?.key ?? ""
    return scan
  }

  /// A claim has read `scan`.
  package mutating func advance(_ result: ClaimResult, _ scan: ClaimScan) {
    if result.queueCursor == nil, scan.tenant == ClaimScan.start { hasReadQueue = true }
    if result.blockedCursor == nil, scan.blockedTenant == ClaimScan.start { hasReadBlocked = true }
    tenant = result.queueCursor
    blocked = result.blockedCursor
    hasMoved = result.moved > 0
    window = hasMoved ? min(ClaimCursor.windowMax, 2 * scan.window) : 0
  }

  /// Whether another claim may find steps although the last one found too few.
  package var mayFindMore: Bool { hasMoved || !hasReadQueue || !hasReadBlocked }
}
