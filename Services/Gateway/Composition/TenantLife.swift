internal import Contracts
internal import GatewayAccounts
internal import GatewayAudit
internal import GatewayForwarding
internal import GatewayRequests
internal import GatewaySchema
internal import HTTP
internal import Postgres
internal import Primitives
internal import Redis
internal import Telemetry
internal import Tenancy

/// The life of tenants: what the gateway has of them, and the services behind it.
struct TenantLife: Sendable {
  let orders: TenantOrders
  let engines: TenantEngines

  init(
    _ accounts: Accounts, redis: RedisPool, audit: AuditLog, orchestrator: Upstream, router: Upstream,
    telemetry: Telemetry
  ) {
    let keys = RedisTenantKeys(redis: redis)
    let deletion = TenantDeletion(
      data: TenantData(pool: accounts.pool, schema: GatewaySchema.name, tables: GatewayTenants.tables),
      states: TenantStates(pool: accounts.pool),
      extras: TenantExtras(
        delete: { try await keys.delete(TenantID($0)) },
        counts: { [("redis_keys", try await keys.count(TenantID($0)))] }), logger: telemetry.logger)
    engines = TenantEngines(
      [(.orchestrator, orchestrator), (.router, router)], own: deletion.exports(as: GatewayTenants.service))
    orders = TenantOrders(
      store: accounts.storage.tenants, services: engines, deletion: deletion, audit: TenantAudit(log: audit),
      telemetry: telemetry)
  }
}

/// Deletions of tenants in the chain of the installation.
private struct TenantAudit: TenantAuditing {
  let log: AuditLog

  func begin(deletionOf tenant: TenantID, by identity: Identity, _ request: HTTPRequest) async throws(Problem) {
    try await log.begin(deletionOf: tenant, by: identity, request)
  }

  func end(deletionOf tenant: TenantID) async throws { try await log.end(deletionOf: tenant) }
}
