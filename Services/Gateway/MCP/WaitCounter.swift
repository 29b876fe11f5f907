internal import Contracts
internal import Synchronization

/// Counts the calls that wait, of all tenants and of each. One tenant has at most half of the places.
final class WaitCounter: Sendable {
  private struct State {
    var all = 0
    var byTenant: [TenantID: Int] = [:]
  }

  private let countMax: Int
  private let perTenantMax: Int
  private let state = Mutex(State())

  init(countMax: Int) {
    self.countMax = countMax
    perTenantMax = (countMax + 1) / 2
  }

  /// Calls that wait now.
  var count: Int { state.withLock { $0.all } }

  /// Takes a place; `false` when there is none.
  func begin(_ tenant: TenantID) -> Bool {
    state.withLock { state in
      let own = state.byTenant[tenant] ?? 0
      guard state.all < countMax, own < perTenantMax else { return false }
      state.all += 1
      state.byTenant[tenant] = own + 1
      return true
    }
  }

  /// Gives a place back.
  func end(_ tenant: TenantID) {
    state.withLock { state in
      state.all -= 1
      let own = (state.byTenant[tenant] ?? 1) - 1
      state.byTenant[tenant] = own == 0 ? nil : own
    }
  }
}
