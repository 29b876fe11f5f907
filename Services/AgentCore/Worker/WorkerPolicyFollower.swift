public import AgentTools
internal import Contracts
public import HTTP
public import PolicyDecisions
internal import Primitives
public import ServiceKit
internal import Synchronization
public import Telemetry

/// What is said about policies, as a worker knows it: the switches by a request each second, and what a tenant has set
/// when a tool is to be called for it. While the orchestrator is away, what is known counts.
public final class WorkerPolicyFollower: TenantPolicies {
  /// The pause between two looks at the switches: two seconds after a change every worker knows it.
  static let interval = Duration.seconds(1)
  /// Time for which it is tried to learn what a tenant has set.
  static let patience: UInt64 = 10_000_000_000
  private static let pause = Duration.milliseconds(250)
  /// Tenants whose data is kept; beyond it those that were not needed for the longest time are forgotten.
  static let tenantsMax = 1024
  /// Nanoseconds after which a tenant is forgotten that was not needed: it may be there no more.
  static let unusedMax: UInt64 = 3_600_000_000_000

  private struct Tenant {
    /// Up to here it is known what the tenant has set.
    var known: PolicyRevision
    var usedAt: UInt64
  }

  private struct State {
    /// The last change of the data of any tenant.
    var data = PolicyRevision.none
    /// Whether the orchestrator knows nothing of policies.
    var isUnsupported = false
    var tenants: [String: Tenant] = [:]
    /// Whether the last request for switches was answered.
    var isAnswered = true
  }

  private let source: any PolicySource
  private let policies: DeliveredPolicies
  private let clock: any WorkerClock
  private let logger: Logger
  private let state = Mutex(State())

  init(_ source: any PolicySource, _ policies: DeliveredPolicies, clock: any WorkerClock, logger: Logger) {
    self.source = source
    self.policies = policies
    self.clock = clock
    self.logger = logger
  }

  /// Makes it for an engine; the replicas of the orchestrator are asked.
  public convenience init(
    client: HTTPClient, peers: PeerSet, credentials: WorkerCredentials, _ policies: DeliveredPolicies, logger: Logger
  ) {
    self.init(
      OrchestratorPolicies(client: client, peers: peers, credentials: credentials), policies, clock: LoopClock(),
      logger: logger)
  }

  /// Whether everything but reading is refused.
  public var isHalted: Bool { policies.isHalted }

  /// Looks at the switches until the task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      await look()
      do { try await clock.sleep(for: WorkerPolicyFollower.interval) } catch { return }
    }
  }

  /// Looks at the switches once.
  func look() async {
    forgetUnused()
    do {
      switch try await source.switches() {
      case .said(let said):
        policies.take(said.switches)
        policies.heard()
        state.withLock { state in
          state.isUnsupported = false
          // Replicas may answer that have heard of less.
          state.data = max(state.data, said.data)
          state.isAnswered = true
        }
      case .unsupported:
        state.withLock { state in
          state.isUnsupported = true
          state.isAnswered = true
        }
      }
    } catch is CancellationError { return } catch {
      let wasAnswered = state.withLock { state in
        defer { state.isAnswered = false }
        return state.isAnswered
      }
      guard wasAnswered else { return }
      logger.warning(
        "the orchestrator does not say what is said about policies; what is known stays",
        ["reason": .string("\(error)")])
    }
  }

  // MARK: Tenants

  private func forgetUnused() {
    let now = clock.now()
    let unused = state.withLock { state in
      let unused = state.tenants.filter { now &- $0.value.usedAt > WorkerPolicyFollower.unusedMax }.map(\.key)
      for tenant in unused { state.tenants[tenant] = nil }
      return unused
    }
    for tenant in unused { policies.forget(tenant) }
  }

  /// As `TenantPolicies` says.
  public func areKnown(for context: ToolContext) async -> Bool {
    let tenant = context.tenant.description
    let started = clock.now()
    while true {
      let now = clock.now()
      let isKnown = state.withLock { state in
        if state.isUnsupported { return true }
        guard let entry = state.tenants[tenant], entry.known >= state.data else { return false }
        state.tenants[tenant]?.usedAt = now
        return true
      }
      if isKnown { return true }
      let wanted = state.withLock { $0.data }
      do {
        switch try await source.data(for: context) {
        case .said(let said):
          take(said, of: tenant, now)
          // A replica that has heard of less is asked again.
          if said.known >= wanted { return true }
        case .unsupported: return true
        }
      } catch is CancellationError { return false } catch {
        logger.warning(
          "it is not known what a tenant has set for its policies",
          ["tenant": .string(tenant), "reason": .string("\(error)")])
      }
      guard clock.now() &- started < WorkerPolicyFollower.patience else { return false }
      do { try await clock.sleep(for: WorkerPolicyFollower.pause) } catch { return false }
    }
  }

  private func take(_ said: StepPolicies, of tenant: String, _ now: UInt64) {
    policies.take(
      said.document.flatMap { TenantPolicyData.reading($0, isSuspended: false) }, of: tenant, said.revision)
    let forgotten = state.withLock { state -> String? in
      let known = max(said.known, state.tenants[tenant]?.known ?? .none)
      state.tenants[tenant] = Tenant(known: known, usedAt: now)
      guard state.tenants.count > WorkerPolicyFollower.tenantsMax else { return nil }
      let oldest = state.tenants.min { $0.value.usedAt < $1.value.usedAt }?.key
      if let oldest { state.tenants[oldest] = nil }
      return oldest
    }
    if let forgotten { policies.forget(forgotten) }
  }
}

/// Takes no steps while everything is halted.
public struct UnhaltedSteps: StepSource {
  private static let pause = Duration.milliseconds(500)

  private let source: any StepSource
  private let clock: any WorkerClock
  private let isHalted: @Sendable () -> Bool

  /// Makes it.
  public init(
    _ source: any StepSource, clock: any WorkerClock = LoopClock(), isHalted: @escaping @Sendable () -> Bool
  ) {
    self.source = source
    self.clock = clock
    self.isHalted = isHalted
  }

  /// As `StepSource` says.
  public func lease(slots: Int, wait: Duration) async throws -> (steps: [LeasedStep], unreadable: Int) {
    guard isHalted() else { return try await source.lease(slots: slots, wait: wait) }
    try await clock.sleep(for: UnhaltedSteps.pause)
    return ([], 0)
  }

  /// As `StepSource` says.
  public func endWaits() async throws -> Bool { try await source.endWaits() }
}
