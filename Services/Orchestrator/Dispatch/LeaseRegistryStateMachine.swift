package import Contracts
package import Primitives
package import RunStorage

/// The leases that this process has granted, so that the token of a worker need not be looked up. Only a shortcut:
/// every write proves its lease at the database.
///
/// Pure: `LeaseRegistry` guards it.
package struct LeaseRegistryStateMachine: Sendable {
  private let leasesMax: Int
  private var leases: [StepID: OverdueLease] = [:]

  /// A registry of at most `leasesMax` leases: beyond it, it begins anew.
  package init(leasesMax: Int) { self.leasesMax = leasesMax }

  /// What the registry knows of a token.
  package enum Verification {
    /// The worker has this lease, as far as this process knows.
    case granted(OverdueLease)
    /// Not known here: the database knows.
    case unknown
  }

  /// A step was leased.
  package mutating func granted(_ step: LeasedStep) {
    if leases.count >= leasesMax, leases[step.step] == nil { leases.removeAll(keepingCapacity: true) }
    leases[step.step] = OverdueLease(step)
  }

  /// A lease has ended.
  package mutating func ended(_ step: StepID) { leases[step] = nil }

  /// A worker presents the token of a step. One that differs proves nothing: another replica may have leased the step
  /// since.
  package func verify(_ step: StepID, token: UUID) -> Verification {
    guard let lease = leases[step], lease.token == token else { return .unknown }
    return .granted(lease)
  }
}
