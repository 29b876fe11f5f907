package import Contracts
internal import Crypto
package import Primitives
package import RunStorage

/// The leases that this process has granted, so that the token of a worker need not be looked up. Only a shortcut:
/// every write proves its lease at the database.
///
/// Pure: `LeaseRegistry` guards it.
package struct LeaseRegistryStateMachine: Sendable {
  private struct Entry: Sendable {
    let lease: OverdueLease
    /// What the worker was last given to act for the step with.
    var assertion: String?
  }

  private let leasesMax: Int
  private var leases: [StepID: Entry] = [:]

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
    leases[step.step] = Entry(lease: OverdueLease(step))
  }

  /// This process has signed an assertion for a lease.
  package mutating func signed(_ assertion: String, for step: StepID, token: UUID) {
    if leases[step]?.lease.token == token { leases[step]?.assertion = assertion }
  }

  /// The token of the lease that a step has now, when an assertion is the very one that this process has signed for it
  /// last. `nil` says nothing about the assertion.
  package func token(of step: StepID, signedAs assertion: String) -> UUID? {
    guard let entry = leases[step], let signed = entry.assertion, Secrets.equal(signed, assertion) else { return nil }
    return entry.lease.token
  }

  /// A lease has ended.
  package mutating func ended(_ step: StepID) { leases[step] = nil }

  /// A worker presents the token of a step. One that differs proves nothing: another replica may have leased the step
  /// since.
  package func verify(_ step: StepID, token: UUID) -> Verification {
    guard let lease = leases[step]?.lease, lease.token == token else { return .unknown }
    return .granted(lease)
  }
}
