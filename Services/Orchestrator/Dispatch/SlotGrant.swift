package import RunStorage

/// A slot of a waiting worker that is reserved for one step.
package struct ReservedSlot: Hashable, Sendable {
  /// The waiting worker, by its number in the wait queue.
  package let waiter: Int
  package let worker: String
  /// Life of the lease.
  package let leaseMilliseconds: Int64
}

/// The slots that one claim or commit has reserved of a waiting worker, with the steps that it found for them.
package struct SlotGrant: Sendable {
  /// The waiting worker, by its number in the wait queue.
  package let waiter: Int
  package let worker: String
  package var reserved: Int
  package var steps: [LeasedStep] = []
}

/// The grants of one claim or commit, one for each waiting worker.
package struct SlotGrants: Sendable {
  package private(set) var grants: [SlotGrant] = []

  /// No grants.
  package init() {}

  /// Adds a reserved slot to the grant of its worker.
  package mutating func reserve(_ slot: ReservedSlot) {
    if let place = grants.firstIndex(where: { $0.waiter == slot.waiter }) {
      grants[place].reserved += 1
    } else {
      grants.append(SlotGrant(waiter: slot.waiter, worker: slot.worker, reserved: 1))
    }
  }

  /// Adds the step that was found for a slot.
  package mutating func fill(_ slot: ReservedSlot, with step: LeasedStep) {
    if let place = grants.firstIndex(where: { $0.waiter == slot.waiter }) { grants[place].steps.append(step) }
  }
}
