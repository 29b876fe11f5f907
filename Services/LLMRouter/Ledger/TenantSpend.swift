internal import Contracts
package import Postgres
internal import Primitives
internal import Reactor
package import Telemetry

/// What a tenant has used today (UTC), by the sums of the ledger.
struct TenantSpend: Sendable {
  let tenant: TenantID
  let calls: Int64
  let nanoUSD: Int64

  private static let columns = ResultColumns<TenantSpend> { column in
    let tenant = column("s.tenant_id", .uuid)
    let calls = column("s.calls", .int8)
    let cost = column("least(s.cost, 9000000000000000000)::int8", .int8)
    return { row in TenantSpend(tenant: TenantID(try row[tenant]), calls: try row[calls], nanoUSD: try row[cost]) }
  }

  /// Of so many tenants. The table begins with the tenant: it is walked from one to the next, with one look for each.
  static let today = Statement<Int, TenantSpend>(columns) { parameter in
    let limit = parameter("limit", .int8) { Int64($0) }
    return """
      with recursive tenant(id) as (
        (select tenant_id from usage_sum order by tenant_id limit 1)
        union all
        select (select u.tenant_id from usage_sum u where u.tenant_id > t.id order by u.tenant_id limit 1)
        from tenant t where t.id is not null
      )
      select \(columns) from (select id from tenant where id is not null limit \(limit)) t
      cross join lateral (
        select * from usage_sum u where u.tenant_id = t.id and u.dimension = 0 and u.grain = 1
          and u.bucket = date_trunc('day', now(), 'UTC')
      ) s
      """
  }
}

/// Measures what tenants use, for dashboards: the largest by name, the others together.
package final class TenantSpendJob: Sendable {
  private static let interval = Duration.seconds(30)
  /// Tenants that are looked at.
  private static let tenantsMax = 10_000

  private let pool: PostgresPool
  private let logger: Logger
  private let spend: LeadingSeries
  private let calls: LeadingSeries

  /// Declares the metrics.
  package init(pool: PostgresPool, telemetry: Telemetry) {
    let registry = telemetry.registry
    self.pool = pool
    logger = telemetry.logger
    spend = LeadingSeries(
      registry.gauge(
        "cadre_tenant_spend_today_microusd",
        help: "Cost of today's calls (UTC) of the 20 tenants that spend most, in millionths of a US dollar.",
        labels: ["tenant"]))
    calls = LeadingSeries(
      registry.gauge(
        "cadre_tenant_calls_today", help: "Calls of models of today (UTC) of the 20 tenants that make most.",
        labels: ["tenant"]))
  }

  /// Works until cancelled.
  package func run() async {
    while !Task.isCancelled {
      do {
        let found = try await pool.query(TenantSpend.today, TenantSpendJob.tenantsMax)
        spend.set(found.map { ("\($0.tenant)", DollarAmount.micro(nano: $0.nanoUSD)) })
        calls.set(found.map { ("\($0.tenant)", $0.calls) })
        try await EventLoop.sleep(for: TenantSpendJob.interval)
      } catch is CancellationError {
        return
      } catch {
        logger.warning("the spend of tenants could not be measured", ["reason": .string("\(error)")])
        do { try await EventLoop.sleep(for: TenantSpendJob.interval) } catch { return }
      }
    }
  }
}
