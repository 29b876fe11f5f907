internal import Contracts
internal import RunStorage
internal import Synchronization

/// The leases that this process has given out, so that a worker's word need not be looked up. Only a shortcut: every
/// write proves its lease at the database.
final class LeaseBook: Sendable {
  private static let leasesMax = 100_000
  private let leases = Mutex<[StepID: OverdueLease]>([:])

  /// Notes a lease.
  func keep(_ step: LeasedStep) {
    leases.withLock { leases in
      if leases.count >= LeaseBook.leasesMax { leases.removeAll(keepingCapacity: true) }
      leases[step.step] = OverdueLease(step)
    }
  }

  /// The lease of a step, as far as this process knows.
  func find(_ step: StepID) -> OverdueLease? { leases.withLock { $0[step] } }

  /// Forgets a lease that has ended.
  func forget(_ step: StepID) { leases.withLock { $0[step] = nil } }
}
