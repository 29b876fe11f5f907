public import Contracts
internal import JSON
internal import Policy
internal import Synchronization
internal import SystemSources
public import Telemetry

/// Puts into an engine what is said about policies at run time: the switches of operators over those of the settings,
/// and the data of tenants. Older changes never take the place of newer ones.
public final class DeliveredPolicies: Sendable {
  private let control: PolicyControl
  /// The switches of the settings.
  private let settings: PolicySwitches
  private let logger: Logger
  private let state = Mutex(PolicyMerge())
  /// When it was last compared, in monotonic nanoseconds; 0 for never.
  private let heardAt = Atomic<UInt64>(0)

  /// Makes it for the switches and data of an engine, whose switches are those of the settings now.
  public init(_ control: PolicyControl, telemetry: Telemetry) {
    self.control = control
    settings = control.switches
    logger = telemetry.logger
    telemetry.registry.observeGauge(
      "cadre_policy_state_version",
      help: "The change of the switches of policies that is in force here; 0 while the settings are."
    ) { [weak self] in Double(self?.switches.number ?? 0) }
    telemetry.registry.observeGauge(
      "cadre_policy_state_age_seconds",
      help:
        "Time since what is known here about policies was last compared with what is stored before it; -1 for never."
    ) { [weak self] in self?.age ?? -1 }
  }

  private var age: Double {
    let heardAt = heardAt.load(ordering: .relaxed)
    return heardAt == 0 ? -1 : Double(MonotonicClock.now() &- heardAt) / 1e9
  }

  /// What is known here was compared with what the gateway, or for workers the orchestrator, has stored.
  public func heard() { heardAt.store(MonotonicClock.now(), ordering: .relaxed) }

  /// The change of the switches that is in force; `none` while those of the settings are.
  public var switches: PolicyRevision { state.withLock { $0.switches ?? .none } }

  /// Whether everything but reading is refused.
  public var isHalted: Bool { control.switches.isHalted }

  /// The change of a tenant's data that is in force; `nil` when nothing is known of the tenant.
  public func revision(of tenant: String) -> PolicyRevision? { state.withLock { $0.tenants[tenant] } }

  /// The data of a tenant, and which change it is; taken at once.
  public func data(of tenant: String) -> (revision: PolicyRevision?, data: TenantPolicyData?) {
    state.withLock { ($0.tenants[tenant], control.data(of: tenant)) }
  }

  /// Puts switches in force, unless newer ones are.
  public func take(_ switches: DeliveredSwitches) {
    let next = PolicySwitches(
      mode: switches.mode.flatMap(PolicyMode.init(rawValue:)) ?? settings.mode,
      canaryPercent: switches.canaryPercent ?? settings.canaryPercent, isHalted: switches.isHalted ?? settings.isHalted)
    let isChanged = state.withLock { state in
      guard state.takesSwitches(switches.revision) else { return false }
      defer { control.set(next) }
      return next != control.switches
    }
    guard isChanged else { return }
    logger.info(
      "switches of policies changed",
      [
        "mode": .string(next.mode.rawValue), "canary_percent": .int(Int64(next.canaryPercent)),
        "halted": .bool(next.isHalted), "version": .int(switches.revision.number),
      ])
  }

  /// Puts the data of a tenant in force, or that it has none, unless something newer is.
  public func take(_ data: TenantPolicyData?, of tenant: String, _ revision: PolicyRevision) {
    let isTaken = state.withLock { state in
      guard state.takesData(of: tenant, revision) else { return true }
      guard control.setData(data, of: tenant) else {
        state.forget(tenant)
        return false
      }
      return true
    }
    if !isTaken { logger.error("too many tenants have data for policies", ["tenant": .string(tenant)]) }
  }

  /// Lets go of a tenant.
  public func forget(_ tenant: String) {
    state.withLock { state in
      state.forget(tenant)
      control.setData(nil, of: tenant)
    }
  }

  /// Takes everything anew. What is in force stays until something takes its place; `settle` ends it.
  public func restart() -> Set<String> { state.withLock { $0.restart() } }

  /// Ends a restart: what was not taken again has no data any more.
  public func settle(_ before: Set<String>) {
    state.withLock { state in
      for tenant in before where state.tenants[tenant] == nil { control.setData(nil, of: tenant) }
    }
  }
}

extension TenantPolicyData {
  /// What policies see of a tenant's document and of what operators say of the tenant; `nil` for nothing. A document
  /// that nobody can read denies everything: nobody knows what it said.
  public static func reading(_ document: String, isSuspended: Bool) -> TenantPolicyData? {
    let suspended = (RegoValue.string("status"), RegoValue.string("suspended"))
    let denied = TenantPolicyData(.object(RegoObject([suspended])))
    guard let view = try? JSONDocument(parsing: document).root, case .object(var object) = RegoValue(view) else {
      return denied
    }
    if isSuspended { object.set(suspended.0, suspended.1) }
    guard object.count > 0 else { return nil }
    return TenantPolicyData(.object(object)) ?? denied
  }
}
