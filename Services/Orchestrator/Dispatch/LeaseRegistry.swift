package import Contracts
package import Primitives
package import RunStorage
internal import Synchronization

/// The leases that this process has granted.
package final class LeaseRegistry: Sendable {
  private static let leasesMax = 100_000

  private let leases = Mutex(LeaseRegistryStateMachine(leasesMax: LeaseRegistry.leasesMax))

  /// An empty registry.
  package init() {}

  /// Notes that a step was leased.
  package func granted(_ step: LeasedStep) { leases.withLock { $0.granted(step) } }

  /// Notes the assertions that were signed for leases.
  package func signed(_ assertions: [(step: StepID, token: UUID, text: String)]) {
    leases.withLock { leases in
      for assertion in assertions { leases.signed(assertion.text, for: assertion.step, token: assertion.token) }
    }
  }

  /// The token of the lease that a step has now, when an assertion is the very one that this process has signed for it
  /// last: then it needs no other verification.
  package func token(of step: StepID, signedAs assertion: String) -> UUID? {
    leases.withLock { $0.token(of: step, signedAs: assertion) }
  }

  /// Forgets a lease that has ended.
  package func ended(_ step: StepID) { leases.withLock { $0.ended(step) } }

  /// The lease of a step with this token; `nil` when only the database may know it.
  package func verify(_ step: StepID, token: UUID) -> OverdueLease? {
    leases.withLock { leases in
      if case .granted(let lease) = leases.verify(step, token: token) { lease } else { nil }
    }
  }
}
