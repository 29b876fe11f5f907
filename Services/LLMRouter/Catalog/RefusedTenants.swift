package import Primitives
internal import Synchronization

/// A tenant for which nothing is asked of a provider.
package struct RefusedTenant: Sendable, Hashable {
  /// Why.
  package enum Reason: Sendable, Hashable {
    /// An operator has suspended it.
    case suspended
    /// It was deleted so lately that somebody may still hold a credential of it: nothing would keep the account.
    case deleted
  }

  package let tenant: UUID
  package let reason: Reason

  /// A tenant and the reason.
  package init(_ tenant: UUID, _ reason: Reason) {
    self.tenant = tenant
    self.reason = reason
  }
}

/// The tenants for which nothing is asked of a provider, as they were read last.
package final class RefusedTenants: Sendable {
  private struct State {
    var reasons: [UUID: RefusedTenant.Reason] = [:]
    /// Readings that have begun, and the latest of those that were taken over.
    var begun = 0
    var placed = 0
  }

  private let state = Mutex(State())

  /// No tenant is refused.
  package init() {}

  /// Why a tenant is refused; `nil` when it is not.
  package func reason(_ tenant: UUID) -> RefusedTenant.Reason? { state.withLock { $0.reasons[tenant] } }

  /// Takes over what `read` returns, unless a reading that began later has ended before.
  package func refresh(_ read: () async throws -> [RefusedTenant]) async throws {
    let reading = state.withLock { state in
      state.begun += 1
      return state.begun
    }
    let reasons = Dictionary(try await read().map { ($0.tenant, $0.reason) }) { $1 }
    state.withLock { state in
      guard reading > state.placed else { return }
      state.placed = reading
      state.reasons = reasons
    }
  }
}
