internal import Contracts
package import Postgres
internal import Primitives

/// The stores of the gateway's accounts, one for each table.
package struct AccountStorage: Sendable {
  package let tenants: TenantStore
  package let users: UserStore
  package let serviceAccounts: ServiceAccountStore
  package let keys: APIKeyStore
  package let invitations: InvitationStore

  /// The stores on the database of a pool.
  package init(pool: PostgresPool) {
    tenants = TenantStore(pool: pool)
    users = UserStore(pool: pool)
    serviceAccounts = ServiceAccountStore(pool: pool)
    keys = APIKeyStore(pool: pool)
    invitations = InvitationStore(pool: pool)
  }
}

extension TenantID {
  /// The rows of this tenant.
  var scope: TenantScope { TenantScope(uuid) }
}
