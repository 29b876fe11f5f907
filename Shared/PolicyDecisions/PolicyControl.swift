internal import Crypto
public import Policy
internal import Primitives
internal import Synchronization

/// What can be changed while decisions are made.
public struct PolicySwitches: Sendable, Equatable {
  /// Whether what policies say is done.
  public var mode: PolicyMode
  /// Of `enforce`: for how many of a hundred tenants. For the others it is `dry_run`.
  public var canaryPercent: Int
  /// Whether everything but reading is refused, whatever policies say.
  public var isHalted: Bool

  /// Makes switches.
  public init(mode: PolicyMode = .enforce, canaryPercent: Int = 100, isHalted: Bool = false) {
    self.mode = mode
    self.canaryPercent = min(100, max(0, canaryPercent))
    self.isHalted = isHalted
  }

  /// The mode that is in force for a tenant. A tenant always falls on the same side, and stays in force when the
  /// percentage grows. Nobody's questions come last.
  public func mode(for tenant: String?) -> PolicyMode {
    guard mode == .enforce, canaryPercent < 100 else { return mode }
    guard let tenant else { return .dryRun }
    return PolicySwitches.place(of: tenant) < canaryPercent ? .enforce : .dryRun
  }

  /// A number from 0 to 99: the same in every process.
  static func place(of tenant: String) -> Int {
    // FNV-1a, and a last mixing so that names with a common beginning spread.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in tenant.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    hash ^= hash >> 32
    hash = hash &* 0x9E37_79B9_7F4A_7C15
    return Int((hash >> 32) % 100)
  }
}

/// What a tenant has set for its policies.
public struct TenantPolicyData: Sendable {
  /// Seen by policies as `data.tenants[TENANT]`.
  public let document: RegoValue
  /// Names the content: another document has another revision.
  public let revision: String

  /// Largest document as JSON, in bytes.
  public static let bytesMax = 256 << 10

  /// Makes the data of a tenant; the revision is the digest of the document. `nil` when it is too large.
  public init?(_ document: RegoValue) {
    let json = Array(document.json.utf8)
    guard json.count <= TenantPolicyData.bytesMax else { return nil }
    self.document = document
    revision = Hex.encode(Digest.sha256(json).prefix(16))
  }
}

/// Switches and data of tenants, replaced while the process runs.
public final class PolicyControl: Sendable {
  /// Tenants with data. More are refused.
  public static let tenantsMax = 100_000

  private struct State {
    var switches: PolicySwitches
    var tenants: [String: TenantPolicyData] = [:]
  }

  private let state: Mutex<State>

  /// Begins with these switches and no data.
  public init(_ switches: PolicySwitches = PolicySwitches()) { state = Mutex(State(switches: switches)) }

  /// The switches.
  public var switches: PolicySwitches { state.withLock { $0.switches } }

  /// Replaces the switches: the next decision sees the new ones.
  public func set(_ switches: PolicySwitches) { state.withLock { $0.switches = switches } }

  /// Changes some of the switches.
  public func change(_ body: @Sendable (inout PolicySwitches) -> Void) { state.withLock { body(&$0.switches) } }

  /// Replaces the data of a tenant; `nil` takes it away. `false` when there are too many tenants.
  @discardableResult public func setData(_ data: TenantPolicyData?, of tenant: String) -> Bool {
    state.withLock { state in
      if data != nil, state.tenants[tenant] == nil, state.tenants.count >= PolicyControl.tenantsMax { return false }
      state.tenants[tenant] = data
      return true
    }
  }

  /// The data of a tenant.
  public func data(of tenant: String) -> TenantPolicyData? { state.withLock { $0.tenants[tenant] } }

  /// Switches and data for one decision, taken at once.
  func snapshot(for tenant: String?) -> (switches: PolicySwitches, data: TenantPolicyData?) {
    state.withLock { state in (state.switches, tenant.flatMap { state.tenants[$0] }) }
  }
}
