internal import Contracts
internal import Primitives
internal import RunStorage

/// How far the claims of one job type have looked through the queue: each looks at a part of it, and together they go
/// around until somebody's steps are found or everything was seen.
struct ClaimPass: Sendable {
  /// Most steps of a tenant that are looked at in one claim.
  private static let windowMax = 256

  /// Where the next claim goes on.
  private(set) var tenant: (bucket: Int32, tenant: UUID)?
  private(set) var blocked: (tenant: UUID, key: String)?
  private var window = 0
  /// What was looked at from its start to its end since `begin`.
  private var hasSeenQueue = false
  private var hasSeenBlocked = false
  private var hasMoved = false

  /// Begins to go around, from where the last claim was cut off.
  mutating func begin() {
    hasSeenQueue = false
    hasSeenBlocked = false
    hasMoved = false
    window = 0
  }

  /// What the next claim of `count` steps looks at; `bucket` is the oldest one that may have steps.
  func look(_ count: Int, from bucket: Int32) -> ClaimScan {
    var look = ClaimScan(window: max(count, window))
    look.bucket = tenant?.bucket ?? bucket
    look.tenant = tenant?.tenant ?? ClaimScan.start
    look.blockedTenant = blocked?.tenant ?? ClaimScan.start
    look.blockedKey = blocked?.key ?? ""
    return look
  }

  /// Notes what a claim has seen.
  mutating func saw(_ claimed: ClaimResult, _ look: ClaimScan) {
    if claimed.queueCursor == nil, look.tenant == ClaimScan.start { hasSeenQueue = true }
    if claimed.blockedCursor == nil, look.blockedTenant == ClaimScan.start { hasSeenBlocked = true }
    tenant = claimed.queueCursor
    blocked = claimed.blockedCursor
    hasMoved = claimed.moved > 0
    window = hasMoved ? min(ClaimPass.windowMax, 2 * look.window) : 0
  }

  /// Whether another claim may find steps although the last one found too few.
  var goesOn: Bool { hasMoved || !hasSeenQueue || !hasSeenBlocked }
}
