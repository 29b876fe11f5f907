package import Primitives
internal import Synchronization

/// The tenants that were deleted so lately that somebody may still hold a credential of theirs. Nothing is asked of a
/// provider for them, because nothing would keep the account of it.
package final class DeletedTenants: Sendable {
  private let tenants = Mutex<Set<UUID>>([])

  /// No tenant is deleted.
  package init() {}

  /// Whether a tenant is deleted.
  package func contains(_ tenant: UUID) -> Bool { tenants.withLock { $0.contains(tenant) } }

  /// Takes over what was read.
  package func replace(_ all: [UUID]) {
    let all = Set(all)
    tenants.withLock { $0 = all }
  }
}
