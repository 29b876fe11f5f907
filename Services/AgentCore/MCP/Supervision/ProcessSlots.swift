internal import Contracts
internal import Synchronization

/// Programs that run, of all tenants and of each.
package final class ProcessSlots: Sendable {
  private struct Counts {
    var numbers: Set<Int> = []
    var tenants: [TenantID: Int] = [:]
  }

  private let totalMax: Int
  private let tenantMax: Int
  private let counts = Mutex(Counts())

  /// None are taken.
  package init(totalMax: Int, tenantMax: Int) {
    self.totalMax = totalMax
    self.tenantMax = tenantMax
  }

  /// How many are taken.
  package var count: Int { counts.withLock { $0.numbers.count } }

  /// Takes the first that is free; `nil` when there is none.
  func take(_ tenant: TenantID) -> ProcessSlot? {
    counts.withLock { counts in
      guard counts.numbers.count < totalMax, counts.tenants[tenant, default: 0] < tenantMax,
        let number = (0..<totalMax).first(where: { !counts.numbers.contains($0) })
      else { return nil }
      counts.numbers.insert(number)
      counts.tenants[tenant, default: 0] += 1
      return ProcessSlot(number: number, tenant: tenant, slots: self)
    }
  }

  fileprivate func giveBack(_ number: Int, _ tenant: TenantID) {
    counts.withLock { counts in
      guard counts.numbers.remove(number) != nil else { return }
      let left = counts.tenants[tenant, default: 1] - 1
      counts.tenants[tenant] = left > 0 ? left : nil
    }
  }
}

/// A place for one program, until it is given back. Its number is no other program's meanwhile.
package final class ProcessSlot: Sendable {
  /// From 0.
  let number: Int
  private let tenant: TenantID
  private let slots: ProcessSlots
  private let isTaken = Atomic<Bool>(true)

  fileprivate init(number: Int, tenant: TenantID, slots: ProcessSlots) {
    self.number = number
    self.tenant = tenant
    self.slots = slots
  }

  /// Gives it back, once.
  func giveBack() {
    if isTaken.exchange(false, ordering: .acquiringAndReleasing) { slots.giveBack(number, tenant) }
  }
}
