internal import Contracts
internal import Synchronization

/// Programs that run, of all tenants and of each.
package final class ProcessSlots: Sendable {
  private struct Counts {
    var total = 0
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
  package var count: Int { counts.withLock { $0.total } }

  /// Takes one; `false` when there is none.
  func take(_ tenant: TenantID) -> Bool {
    counts.withLock { counts in
      guard counts.total < totalMax, counts.tenants[tenant, default: 0] < tenantMax else { return false }
      counts.total += 1
      counts.tenants[tenant, default: 0] += 1
      return true
    }
  }

  /// Gives one back.
  func giveBack(_ tenant: TenantID) {
    counts.withLock { counts in
      counts.total -= 1
      let left = counts.tenants[tenant, default: 1] - 1
      counts.tenants[tenant] = left > 0 ? left : nil
    }
  }
}
